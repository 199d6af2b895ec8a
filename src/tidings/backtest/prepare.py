"""From what was typed to a backtest: which definitions, which journeys, which history."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import msgspec

from tidings import workspace
from tidings.backtest import items
from tidings.backtest.file import FileHistory
from tidings.backtest.history import History
from tidings.backtest.lake import LakeHistory
from tidings.backtest.run import Asked, Backtest
from tidings.backtest.tally import Bought
from tidings.backtest.version import Version
from tidings.clock import format_duration, parse_duration, parse_instant
from tidings.config import Config
from tidings.domain.everybody import Told
from tidings.domain.names import nearest
from tidings.errors import InputError
from tidings.located import DefinitionFiles
from tidings.sources.mapping import load_map
from tidings.versions.shelf import Versions
from tidings.workspace import Definitions

WORTH_A_WORKER = 200_000
"""Events below which another process costs more time than it saves."""
LIVE = "live"
"""What `--against` names to mean the definitions that run."""


class Typed(msgspec.Struct, frozen=True, kw_only=True):
    """What was typed; see `tidings backtest --help`."""

    journeys: Sequence[str]
    """Files, or names of journeys of the workspace."""
    workspace: Path | None = None
    data: Path | None = None
    map: Path | None = None
    from_: str = ""
    to: str = ""
    against: str = ""
    all_journeys: bool = False
    assume_consent: Sequence[str] = ()
    assume_address: bool = False
    quick: bool = False
    bought: Sequence[str] = ("Order Completed",)
    within: str = "48h"
    revenue: str = "revenue"
    keep: Path | None = None
    items: Path | None = None
    """A file of what is known of items."""
    workers: int = 0
    """Processes; 0 for as many as pay."""


@contextmanager
def prepared(typed: Typed, config: Config | None) -> Iterator[Backtest]:
    """The backtest, with its history open. `config` may be missing where a file has the history. Raises InputError."""
    folder = _folder(typed, config)
    definitions, names = _under_test(folder, typed.journeys)
    _check_categories(definitions, typed.assume_consent)
    asked = Asked(
        from_us=_instant(typed.from_, "--from"),
        to_us=_instant(typed.to, "--to"),
        bought=_bought(typed),
        notes=_notes(typed, definitions, names),
        assumed=bool(typed.assume_consent),
        keep=typed.keep,
    )
    history = _history(typed, config)
    try:
        span = history.span()
        make = partial(_versions, typed, config, late=span.late > 0 and not typed.quick)
        workers = typed.workers or _workers(span.events)
        versions = make()
        asked = msgspec.structs.replace(asked, items=_items(typed, config, versions))
        yield Backtest(history, versions, asked, workers=workers, elsewhere=make)
    finally:
        history.close()


def _versions(typed: Typed, config: Config | None, *, late: bool) -> list[Version]:
    """What is rehearsed. Every worker makes its own."""
    folder = _folder(typed, config)
    definitions, names = _under_test(folder, typed.journeys)
    sides = [(_label(typed.journeys), definitions, names)]
    if typed.against:
        sides.append(_other(typed, config, folder, names))
    return [
        Version(
            label,
            one,
            list(one.journeys) if typed.all_journeys else own,
            _bought(typed),
            assume_consent=typed.assume_consent,
            assume_address=typed.assume_address,
            late=late,
        )
        for label, one, own in sides
    ]


def _items(typed: Typed, config: Config | None, versions: Sequence[Version]) -> list[Told]:
    """What changes of items, if a journey is about any: from the file that was named, else from the log."""
    if not any(one.looks_at_items for one in versions):
        return []
    if typed.items is not None:
        said = items.of_file(typed.items)
    elif typed.data is None and config is not None:
        said = items.of_log(config.data)
    else:
        return []
    return list(items.told(said, lambda change: any(one.wants(change) for one in versions)))


def _bought(typed: Typed) -> Bought:
    return Bought(names=frozenset(typed.bought), within_us=_span(typed.within), revenue=typed.revenue)


def _workers(events: int) -> int:
    """As many as there are cores to use, but not more than pays."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, events // WORTH_A_WORKER))


def _folder(typed: Typed, config: Config | None) -> Path:
    """The workspace: as named, else the one that the journey's file lies in, else the configured one."""
    if typed.workspace is not None:
        return typed.workspace
    for one in map(Path, typed.journeys):
        if one.is_file() and one.resolve().parent.name == "journeys":
            return one.resolve().parent.parent
    if config is None:
        msg = "--workspace: needed, as the journey lies in no workspace and there is no configuration file; name its folder"
        raise InputError(msg)
    return config.workspace


def _under_test(folder: Path, named: Sequence[str]) -> tuple[Definitions, list[str]]:
    """The workspace with these journeys, and their names."""
    drafts = [Path(one) for one in named if Path(one).is_file()]
    definitions = workspace.load(folder, drafts=drafts)
    names = [*DefinitionFiles(folder, drafts).drafts(), *(one for one in named if not Path(one).is_file())]
    for name in names:
        if name in definitions.broadcasts:
            msg = f"{name!r} is a broadcast: it begins when somebody starts it, so no history tells whom it would have reached; `tidings broadcast check {name}` says whom it reaches now"
            raise InputError(msg)
        if name not in definitions.journeys:
            near = nearest(name, definitions.journeys)
            do = f"did you mean {near}?" if near else f"wanted a file, or one of {', '.join(definitions.journeys)}"
            msg = f"journey {name!r}: no such file, and no journey of that name in {folder}; {do}"
            raise InputError(msg)
    return definitions, names


def _other(
    typed: Typed, config: Config | None, folder: Path, names: Sequence[str]
) -> tuple[str, Definitions, list[str]]:
    """What to compare with: what runs under the same names, or another draft."""
    if typed.against != LIVE:
        definitions, own = _under_test(folder, [typed.against])
        return _label([typed.against], beside=_label(typed.journeys)), definitions, own
    if config is None:
        raise InputError("--against live: there is no configuration file, so nothing runs; name it with --config")
    running = workspace.load(Versions(config.data).folder(Versions(config.data).running()), kept=True)
    missing = [name for name in names if name not in running.journeys]
    if missing:
        runs = ", ".join(running.journeys) or "none"
        msg = f"--against live: journey {missing[0]!r} does not run yet, so there is nothing to compare with; what runs: {runs}"
        raise InputError(msg)
    return LIVE, running, list(names)


def _label(named: Sequence[str], beside: str = "") -> str:
    """How a version is called: by its file."""
    label = ", ".join(Path(one).stem if Path(one).is_file() else one for one in named)
    return label if label != beside else ", ".join(named)


def _history(typed: Typed, config: Config | None) -> History:
    if typed.data is not None:
        if typed.map is None:
            raise InputError("--data: needs --map, which says how the lines of the file become events")
        return FileHistory(typed.data, load_map(typed.map))
    if config is None:
        raise InputError("no history: name a file with --data and --map, or a running Tidings with --config")
    return LakeHistory(config.data)


def _check_categories(definitions: Definitions, categories: Sequence[str]) -> None:
    for one in categories:
        if one not in definitions.policies:
            wanted = ", ".join(definitions.policies)
            msg = f"--assume-consent {one}: no such category in policy.yml; wanted one of {wanted}"
            raise InputError(msg)


def _notes(typed: Typed, definitions: Definitions, names: Sequence[str]) -> list[str]:
    """What is assumed, aloud."""
    notes = [
        f"CONSENT IS ASSUMED for {one}: everybody who never withdrew it is treated as having given it."
        for one in typed.assume_consent
    ]
    if typed.assume_address:
        notes.append("AN ADDRESS IS ASSUMED: everybody of whom none is known is treated as having one.")
    if typed.quick:
        notes.append(
            "Asked to be quick: only the segments that the journey names were kept. People of whom something came late may differ."
        )
    others = [name for name in definitions.journeys if name not in names]
    if typed.all_journeys and definitions.broadcasts:
        notes.append(f"Broadcasts are not rehearsed, so they count toward no cap: {', '.join(definitions.broadcasts)}.")
    if others and not typed.all_journeys:
        notes.append(f"Other journeys did not run, so their messages count toward no cap: {', '.join(others)}.")
    return notes


def _instant(text: str, option: str) -> int:
    if not text:
        return 0
    try:
        return parse_instant(text)
    except ValueError as error:
        msg = f"{option}: got {text!r}, wanted an instant such as 2026-01-31 or 2026-01-31T12:00Z (UTC where no zone is given)"
        raise InputError(msg) from error


def _span(text: str) -> int:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise InputError(f"--within: {error}; it is {format_duration(48 * 3_600_000_000)} if not given") from error
