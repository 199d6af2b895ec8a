"""Configuration: one TOML file in the data directory, every default runnable.

Read once at start by a host; no stage reads it. Each field says its unit in its name.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from tidings.errors import InputError

Port = Annotated[int, msgspec.Meta(ge=0, le=65_535)]
"""A TCP port; 0 lets the system choose."""
Positive = Annotated[int, msgspec.Meta(ge=1)]
"""A count, a size or a span of at least one."""
Seconds = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
"""A time-out; more than nothing."""

Days = Annotated[int, msgspec.Meta(ge=1, le=36_500)]
"""A number of days."""


class CollectConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The HTTP door."""

    host: str = "127.0.0.1"
    """Address to listen on; loopback unless you say otherwise."""
    port: Port = 8300
    """Port of the collector; 0 lets the system choose."""
    public_url: str = ""
    """How browsers and mail readers reach it, e.g. ``https://t.shop.example``; empty means ``http://host:port``."""
    write_keys: dict[str, str] = {}
    """Write key to source name, e.g. ``{wk_web = "web"}``."""
    max_waiting_bytes: Positive = 64 * 1024 * 1024
    """Accepted bytes not yet on disk; above it the door answers 503."""
    max_lag_events: Positive = 2_000_000
    """Events on disk not yet processed; above it the door answers 503."""
    header_timeout_s: Seconds = 5.0
    """A request's head must be complete within this time."""
    body_timeout_s: Seconds = 10.0
    """A request's body must be complete within this time."""
    idle_timeout_s: Seconds = 30.0
    """A connection without a request is closed after this time."""
    max_connections: Positive = 4_096
    """Open connections; above it new ones are closed at once."""


class RouteConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way out of several; its secret is in ``secrets/NAME.key``."""

    kind: str
    """``smtp`` (the server of ``[mail]``), ``file``, or a mail service: see docs/reference/transports.md."""
    weight: Positive = 1
    """Its share of the messages among routes of the same standing."""
    categories: list[str] = []
    """Message categories that go this way and no other; empty: whatever has no route of its own."""
    backup: bool = False
    """Used only when the others cannot be reached."""
    connections: Positive = 8
    """Hand-overs at the same time."""
    timeout_s: Seconds = 30.0
    """How long to wait for an answer; after that nobody knows whether the message was taken."""
    domain: str = ""
    """Sending domain, where the service wants one in the address."""
    region: str = ""
    """Region, where the service has several."""
    stream: str = ""
    """Message stream, configuration set or pool: the service's own name for a way through it."""
    campaign: str = ""
    """Campaign to trigger, for services that are given people rather than mail."""
    base_url: str = ""
    """Instead of the service's own address."""


class MailConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where messages are handed over, and from whom they are."""

    smtp_host: str = "127.0.0.1"
    """Server that takes our mail."""
    smtp_port: Port = 8325
    """Its port."""
    smtp_connections: Positive = 4
    """Connections kept open to it."""
    smtp_timeout_s: Seconds = 30.0
    """How long to wait for a connection, and for the answer to a command."""
    smtp_answer_timeout_s: Seconds = 600.0
    """How long to wait for the answer after a message: whoever gives up early does not know whether it was taken."""
    smtp_username: str = ""
    """User name when the server wants one; its password is the first line of ``secrets/smtp.password``."""
    smtp_tls: Literal["auto", "always", "never", "implicit"] = "auto"
    """STARTTLS: when offered, always (else the mail waits), or never; or TLS from the first byte on (port 465)."""
    smtp_tls_verify: bool = True
    """Whether the server must show a certificate for its name; without it anybody in between can read along."""
    smtp_tls_ca: str = ""
    """File with the certificates to trust, for a server with one of your own; empty: the system's."""
    smtp_hello: str = ""
    """Our name in EHLO; empty: this machine's full name."""
    from_name: str = "Tidings Demo Shop"
    """Display name of the sender identity."""
    from_address: str = "hello@shop.example"
    """Address of the sender identity; its domain also makes the Message-ID."""
    shop_url: str = ""
    """Where the shop is; templates link to it as ``shop.url`` and ``shop.cart_url``."""
    item_url: str = ""
    """Page of a recommended item that came without one, e.g. ``https://shop.example/product/{item_id}``."""
    item_image: str = ""
    """Picture of a recommended item that came without one, e.g. ``https://shop.example/image/{item_id}.jpg``."""
    postal_address: str = "1 Example Street, Example Town"
    """Printed in each marketing mail, as the law in many places asks."""
    dkim_selector: str = ""
    """Keys that sign what is handed over by SMTP (`tidings dkim make`); empty: no signature of ours."""
    bounce_domain: str = ""
    """Domain whose mail comes back to us: bounces go to an address there that names their message. Empty: to `from_address`."""
    max_attempts: Positive = 8
    """Hand-overs tried when the server says "later" (4xx) before the message counts as refused."""
    routes: dict[str, RouteConfig] = {}
    """Ways out by name, instead of the mail server alone; see docs/how-to/send-through-a-service.md."""
    max_queued: Positive = 200_000
    """Messages waiting for hand-over; above it processing waits."""


class ConsoleConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The web console."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: Port = 8301
    """Its port."""


class ProcessConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The keyed core's host."""

    dedup_window_s: Positive = 7 * 86_400
    """How long an event id is remembered, at least."""
    max_batch: Positive = 5_000
    """Records per micro-batch at most."""
    state_cache: Positive = 50_000
    """Profiles kept decoded in memory."""
    max_behind_blocks: Positive = 20_000
    """Output blocks that the projector may be behind before processing waits."""


class WebhooksConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Webhooks that journeys call."""

    private_networks: str = ""
    """Networks that are not public and that webhooks may reach all the same, separated by commas, e.g. ``127.0.0.0/8``."""
    max_under_way: Positive = 200
    """Calls under way at the same time, of all webhooks together."""


class ReturnsConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where mail that comes back is taken: bounces and complaints for `mail.bounce_domain`."""

    enabled: bool = False
    """Whether the collect role listens for such mail, by SMTP. `tidings bounces` reads it from files instead."""
    host: str = "127.0.0.1"
    """Address to listen on; loopback unless you say otherwise."""
    port: Port = 8326
    """Its port; the outside world brings mail to port 25, so let your mail server pass it on, or redirect it."""
    max_unproven_per_hour: Positive = 2_000
    """Mails an hour that prove to be about no message of ours and are kept all the same; above it they are put off."""


class Config(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All of it. `data` and `workspace` are folders."""

    data: Path = Path("tidings-data")
    """The data directory: log, state, ledger, lake, serving copy, secrets."""
    workspace: Path = Path("workspace")
    """The workspace folder: definitions as code."""
    collect: CollectConfig = CollectConfig()
    process: ProcessConfig = ProcessConfig()
    mail: MailConfig = MailConfig()
    console: ConsoleConfig = ConsoleConfig()
    webhooks: WebhooksConfig = WebhooksConfig()
    returns: ReturnsConfig = ReturnsConfig()
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """``debug``, ``info``, ``warning`` or ``error``."""
    retrain_every_s: Positive = 3_600
    """How often bought-together is trained again from the lake."""
    lake_flush_s: Seconds = 5.0
    """Applied events reach the lake at the latest after this time."""
    type_check_days: Days = 30
    """The latest days of the lake that are looked at for properties of another type than definitions ask for."""

    @property
    def public_url(self) -> str:
        """Base URL of the collector as seen from outside, without a trailing slash."""
        return self.collect.public_url.rstrip("/") or f"http://{self.collect.host}:{self.collect.port}"


def load(path: Path) -> Config:
    """The configuration in a TOML file. Raises InputError naming file and key."""
    try:
        raw: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        config = msgspec.convert(raw, Config, dec_hook=_decode_path)
    except FileNotFoundError as error:
        msg = f"{path}: no such configuration file; run `tidings init {path.parent}` to make one"
        raise InputError(msg) from error
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path}: cannot be read: {error}; see docs/reference/configuration.md"
        raise InputError(msg) from error
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        msg = f"{path}: {error}; see docs/reference/configuration.md"
        raise InputError(msg) from error
    base = path.parent
    return msgspec.structs.replace(config, data=base / config.data, workspace=base / config.workspace)


def _decode_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    msg = f"data and workspace: got {value!r}, wanted the path of a folder as text"
    raise ValueError(msg)  # msgspec makes a ValidationError of it, with the place


def save(config: Config, path: Path) -> None:
    """Write `config` as TOML (used for the roles of one supervisor; comments are `tidings init`'s business)."""
    lines = [f"data = {_toml(str(config.data))}", f"workspace = {_toml(str(config.workspace))}"]
    tables: list[str] = []
    for field in msgspec.structs.fields(config):
        value = getattr(config, field.name)
        if isinstance(value, msgspec.Struct):
            tables += [f"\n[{field.name}]"]
            tables += [f"{f.name} = {_toml(getattr(value, f.name))}" for f in msgspec.structs.fields(value)]
        elif field.name not in ("data", "workspace"):
            lines.append(f"{field.name} = {_toml(value)}")
    path.write_text("\n".join(lines + tables) + "\n", "utf-8")


def _toml(value: object) -> str:
    if isinstance(value, msgspec.Struct):
        return _toml(msgspec.structs.asdict(value))
    if isinstance(value, list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_toml(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return msgspec.json.encode(str(value)).decode().replace("\x7f", "\\u007f")
