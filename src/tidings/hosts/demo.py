"""The demo: a shop, its real history, the inbox and the console, on one data directory.

Loads three months of a real shop's sales (moved in time so that they end today), starts every role, the demo shop and a
local mail receiver, and leaves the rest to whoever clicks. Starting it again goes on where it was.
"""

from __future__ import annotations

import logging
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import msgspec

from tidings import demo, workspace
from tidings.clock import DAY_US, SystemClock
from tidings.config import CollectConfig, Config, ConsoleConfig, MailConfig
from tidings.errors import TidingsError
from tidings.hosts.apply import Applying, Ask, keep
from tidings.hosts.shop import ShopFile
from tidings.hosts.supervisor import DEMO_ROLES, ROLES, Supervisor, free_ports
from tidings.log.sqlite import SqliteLog
from tidings.sources.catalogue import Catalogue, catalogue
from tidings.sources.importer import ImportProgress, ImportResult, import_file
from tidings.sources.mapping import RowMap, load_map, map_rows
from tidings.sources.row import Mapped, MappedEvent
from tidings.versions.drift import drift
from tidings.versions.shelf import login_name

RETAIL = Path(workspace.__file__).parent / "workspaces" / "retail"
"""The workspace template that the demo uses."""
SLICE = Path(demo.__file__).parent / "data" / "online_retail_slice.csv.xz"
"""The shipped history."""
PORTS = {"collect": 8300, "console": 8301, "shop": 8302, "smtp": 8325}
"""Ports that the demo likes to have; another free one is taken when somebody else has them."""
CATCH_UP_S = 600.0
"""Longest wait for the history to be processed."""

_log = logging.getLogger("tidings.demo")


class DemoPlace(msgspec.Struct, frozen=True, kw_only=True):
    """One demo, prepared on disk."""

    config: Config
    shop_url: str
    inbox_url: str
    console_url: str
    history: Path
    """The file that is loaded."""
    shift_us: int
    """How far its instants are moved."""


def prepare(folder: Path, *, wait: str, history: Path | None = None, free: bool = False) -> DemoPlace:
    """Make (or find again) the folder of a demo: workspace, keys, ports, catalogue.

    `wait` replaces the five minutes that a cart must be left alone. `free` takes any ports, for a demo that only
    programs look at.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = history or SLICE
    _make_workspace(folder / "workspace", wait)
    data = folder / "data"
    data.mkdir(exist_ok=True, mode=0o700)
    _make_key(data / "secrets" / "shop.key")
    place = data / "demo.json"
    if place.exists() and not free:
        kept = msgspec.json.decode(place.read_bytes(), type=_Kept)
    else:
        shift_us, sold = _survey(path)
        (data / "catalogue.json").write_bytes(msgspec.json.encode(sold))
        kept = _Kept(write_key=f"wk_{secrets.token_hex(12)}", shift_us=shift_us, ports={})
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True)) if free else _ports(kept.ports)
    kept = msgspec.structs.replace(kept, ports=ports)
    place.write_bytes(msgspec.json.encode(kept))
    config = _config(folder, ports, kept.write_key)
    console_url = f"http://127.0.0.1:{ports['console']}"
    shop = ShopFile(port=ports["shop"], write_key=kept.write_key, console_url=console_url)
    (data / "shop.json").write_bytes(msgspec.json.encode(shop))
    return DemoPlace(
        config=config,
        shop_url=f"http://127.0.0.1:{ports['shop']}",
        inbox_url=f"{console_url}/inbox",
        console_url=console_url,
        history=path,
        shift_us=kept.shift_us,
    )


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What a demo keeps from start to start."""

    write_key: str
    shift_us: int
    ports: dict[str, int]


def _make_workspace(folder: Path, wait: str) -> None:
    if not folder.exists():
        shutil.copytree(RETAIL, folder)
    path = folder / "journeys" / "abandoned_cart.yml"
    shipped = (RETAIL / "journeys" / "abandoned_cart.yml").read_text("utf-8")
    path.write_text(shipped.replace("timeout: 5m", f"timeout: {wait}"), "utf-8")


def _make_key(path: Path) -> None:
    """The key that signs the shop's cookie, readable by us only."""
    path.parent.mkdir(exist_ok=True, mode=0o700)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(secrets.token_bytes(32))


def _ports(kept: dict[str, int]) -> dict[str, int]:
    """The ports of last time or the usual ones, where they are free; any free one elsewhere."""
    found = {}
    for name, usual in PORTS.items():
        port = kept.get(name, usual)
        found[name] = port if _is_free(port) else free_ports(1)[0]
    return found


def _is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def _config(folder: Path, ports: dict[str, int], write_key: str) -> Config:
    shop_url = f"http://127.0.0.1:{ports['shop']}"
    return Config(
        data=folder / "data",
        workspace=folder / "workspace",
        collect=CollectConfig(port=ports["collect"], write_keys={write_key: "web"}),
        console=ConsoleConfig(port=ports["console"]),
        mail=MailConfig(
            smtp_port=ports["smtp"],
            from_name="Marigold & Co",
            from_address="hello@marigold.example",
            shop_url=shop_url,
            item_url=f"{shop_url}/product/{{item_id}}",
            item_image=f"{shop_url}/image/{{item_id}}.svg",
        ),
        lake_flush_s=2.0,
    )


def _survey(path: Path) -> tuple[int, Catalogue]:
    """(whole days that bring the last event of a file to yesterday or today, what the shop sells), in one reading."""
    last_us = 0

    def seen(mapped: Iterable[Mapped]) -> Iterator[Mapped]:
        nonlocal last_us
        for one in mapped:
            if isinstance(one, MappedEvent):
                last_us = max(last_us, one.occurred_us)
            yield one

    row_map = retail_map()
    with row_map.open(path) as rows:
        sold = catalogue(seen(map_rows(row_map, rows)))
    return max(0, (SystemClock().now_us() - last_us) // DAY_US * DAY_US), sold


def retail_map() -> RowMap:
    """The map of the demo's history."""
    return load_map(RETAIL / "sources" / "online_retail.yml")


def start(place: DemoPlace) -> Supervisor:
    """Start every role, the shop and the receiver; returns when all are ready."""
    supervisor = Supervisor(place.config, [*ROLES, *DEMO_ROLES])
    supervisor.start()
    _apply_edits(place.config)
    return supervisor


def _apply_edits(config: Config) -> None:
    """In a demo a restart applies what was edited; where it counts, `tidings apply` does."""
    if drift(config.data, config.workspace).files:
        ask = Ask(version=keep(config, config.workspace), who=login_name(), why="the demo started with other files")
        Applying(config, ask, lambda what, done, total: None).run()  # noqa: ARG005 - nothing is shown


def load_history(place: DemoPlace, progress: Callable[[ImportProgress], None] | None = None) -> ImportResult:
    """Send the history through the same door as everything else; lines sent before count as they did."""
    data = place.config.data
    return import_file(
        place.history,
        retail_map(),
        collector_url=place.config.public_url,
        internal_key=(data / "secrets" / "internal.key").read_text("ascii").strip(),
        source="online_retail",
        state_path=data / "import-online_retail.json",
        shift_us=place.shift_us,
        progress=progress,
    )


def catch_up(place: DemoPlace, supervisor: Supervisor, progress: Callable[[int, int], None] | None = None) -> None:
    """Wait until everything in the log is processed and shown. Raises TidingsError when it takes too long."""
    log = SqliteLog(place.config.data / "log.db", SystemClock())
    deadline_s = time.monotonic() + CATCH_UP_S
    try:
        while log.processed() < log.head() or not (place.config.data / "models" / "recommend.db").exists():
            supervisor.watch(0.1)
            if progress is not None:
                progress(log.processed(), log.head())
            if time.monotonic() > deadline_s:
                msg = f"processing stands at {log.processed()} of {log.head()} events after {CATCH_UP_S:.0f} s; see {place.config.data}/logs"
                raise TidingsError(msg)
    finally:
        log.close()
