"""Definitions: which version runs, since when, by whom and why; how far a change is; what the folder would change; the history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tidings.console.aside import Known
from tidings.console.definitions import Shown
from tidings.console.site import Site, number_from, of
from tidings.console.store import Store
from tidings.errors import DefinitionError, InputError
from tidings.versions import backfill, files, in_force
from tidings.versions.changed import ChangedDefinition, changed
from tidings.versions.in_force import InForce
from tidings.versions.planned import Messages, Plan
from tidings.versions.shelf import Entry, Versions

PAGE = 10
"""Changes of the history on one page."""
MAX_CHANGED = 60
"""Definitions of one change that are shown."""
MAX_LINES = 200
"""Lines of one diff that are shown."""
STATES = {"running": "accepted", "replaced": "duplicate", "prepared": "queued", "given_up": "suppressed"}
"""State of a change to the colour of a state."""
WORDS = {"running": "Runs", "replaced": "Replaced", "prepared": "Prepared", "given_up": "Given up"}
GAP = "\N{MIDLINE HORIZONTAL ELLIPSIS}"
"""Stands for lines that are the same."""
_KINDS = {"+": "plus", "-": "minus", "@": "gap"}


class Shift(msgspec.Struct, frozen=True, kw_only=True):
    """One definition that differs, as shown."""

    kind: str
    name: str
    how: str
    lines: list[tuple[str, str]]
    """(``plus``, ``minus``, ``gap`` or empty; the line)."""
    cut: int
    """Lines left out."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """How two versions differ, or why that cannot be said."""

    shifts: list[Shift] = []
    cut: int = 0
    """Definitions left out."""
    problem: str = ""


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One of the steps that a change goes through."""

    name: str
    more: str
    state: str
    """``done``, ``now`` or ``later``."""
    share: float | None = None
    """How much of it is done, from 0 to 1, when that is known."""


def definitions(request: Request) -> Response:
    """The page."""
    site, skip = of(request), number_from(request, "skip", 0)
    versions = Versions(site.config.data)
    history, running = versions.history()[::-1], versions.running()
    now = in_force.status(site.config.data)
    folder = site.folder.shown()
    drift = _drift(site, versions, running, folder)
    waits = bool(running and (drift.shifts or drift.cut))
    with site.store() as store:
        entries = [_entry(store, versions, one) for one in history[skip : skip + PAGE]]
        current = next((one for one in history if one.state == "running"), None)
        since_us = _since_us(store, current) if current is not None else 0
    return site.page(
        request,
        "definitions.html",
        title="Definitions",
        running=running,
        current=current,
        since_us=since_us,
        counts=_counts(site.workspace.shown()),
        folder=site.config.workspace,
        folder_problem=folder.problem,
        drift=drift,
        effect=_effect(site, running) if waits and not folder.problem else None,
        change=_under_way(versions, now.in_force if now is not None else None, history),
        entries=entries,
        later=max(0, skip - PAGE) if skip else None,
        earlier=skip + PAGE if len(history) > skip + PAGE else None,
        states=STATES,
        words=WORDS,
        tally=tally,
    )


def _counts(shown: Shown) -> dict[str, int]:
    found = shown.definitions
    if found is None:
        return {}
    traits, segments = len(list(found.layout.traits())), len(found.segments.by_name)
    return {"Traits": traits, "Segments": segments, "Journeys": len(found.journeys)}


def _since_us(store: Store, entry: Entry) -> int:
    """The instant at which the log switched; when it was asked for if that record is gone, or if it is the first one."""
    switch = store.record(entry.switch_offset)
    return switch.taken_us if switch is not None else entry.at_us


def _entry(store: Store, versions: Versions, entry: Entry) -> dict[str, Any]:
    ran = entry.state in ("running", "replaced")
    return {
        "entry": entry,
        "at_us": _since_us(store, entry),
        "ran": ran,
        "difference": _difference(versions, entry.parent, entry.version) if entry.parent else None,
    }


# What differs


def _difference(versions: Versions, before: str, after: str) -> Difference:
    try:
        return _of_folders(versions.folder(before), versions.folder(after))
    except (DefinitionError, InputError, OSError) as error:
        return Difference(problem=str(error))


@lru_cache(maxsize=128)
def _of_folders(before: Path, after: Path) -> Difference:
    """Of two versions, which never change."""
    return _shifts(changed(files.read(before), files.read(after)))


def _shifts(found: Sequence[ChangedDefinition]) -> Difference:
    return Difference(shifts=[_shift(one) for one in found[:MAX_CHANGED]], cut=max(0, len(found) - MAX_CHANGED))


def _shift(one: ChangedDefinition) -> Shift:
    lines = one.diff.splitlines()
    shown = [(_KINDS.get(line[:1], ""), GAP if line[:1] == "@" else line) for line in lines[:MAX_LINES]]
    shown = shown[1:] if shown and shown[0][1] == GAP else shown  # where it begins needs no mark
    return Shift(kind=one.kind, name=one.name, how=one.how, lines=shown, cut=max(0, len(lines) - MAX_LINES))


def _drift(site: Site, versions: Versions, running: str, folder: Shown) -> Difference:
    """What the files in the workspace folder would change."""
    if not running:
        return Difference()
    try:
        before, after = files.read(versions.folder(running)), files.read(site.config.workspace)
        if files.version_of(after) == running:
            return Difference()
        if folder.problem:  # it may not even be YAML
            found = files.difference(before, after)
            return _shifts([ChangedDefinition(kind="file", name=path, how=how, diff=text) for path, how, text in found])
        return _shifts(changed(before, after))
    except (DefinitionError, InputError, OSError) as error:
        return Difference(problem=str(error))


def _effect(site: Site, running: str) -> Known[Plan]:
    return site.effects.of((running, files.version_of(files.read(site.config.workspace))))


def tally(messages: Sequence[Messages]) -> dict[tuple[str, str], int]:
    """Messages of a plan by (template, reason not to send it); the reason is empty for those that are sent."""
    found: dict[tuple[str, str], int] = {}
    for one in messages:
        counts = {"": one.send, **one.refused}
        found |= {(one.template, reason): count for reason, count in counts.items() if count}
    return found


# How far a change is


def _under_way(versions: Versions, now: InForce | None, history: Sequence[Entry]) -> dict[str, Any] | None:
    """The change that is under way, with its stages; None when there is none."""
    entry = next((one for one in history if one.state == "prepared"), None)
    if now is not None and now.switched is not None:
        entry = next((one for one in history if one.version == now.running), entry)
    if entry is None:
        return None
    return {"entry": entry, "stages": list(_stages(versions, now, entry))}


def _stages(versions: Versions, now: InForce | None, entry: Entry) -> Iterator[Stage]:
    prepared = now.prepared if now is not None and now.prepared and now.prepared.version == entry.version else None
    switched = now.switched if now is not None and now.running == entry.version else None
    offset = prepared.offset if prepared else switched.prepared_offset if switched else -1
    more = f"at offset {offset:,} of the log" if offset >= 0 else "the log is asked"
    yield Stage(name="Prepare", more=more, state="done" if prepared or switched else "now")
    share, words = _folded(versions, entry.version, offset, prepared.fresh if prepared else ())
    filling = prepared is not None and share is not None and share < 1
    state = "now" if filling else "done" if prepared or switched else "later"
    yield Stage(name="Fold the past", more=words, state=state, share=share if filling else None)
    state = "done" if switched else "now" if prepared and not filling else "later"
    more = f"at offset {switched.offset:,} of the log" if switched else "the new definitions run from there on"
    yield Stage(name="Switch", more=more, state=state)
    share = in_force.share(switched.swept) if switched else None
    more = "whoever is touched, and then everybody else"
    yield Stage(name="Bring everybody over", more=more, state="now" if switched else "later", share=share)


def _folded(versions: Versions, version: str, offset: int, fresh: Sequence[str]) -> tuple[float | None, str]:
    if not fresh:
        return None, "what new traits and segments need of it"
    done, shards = backfill.progress(backfill.path_of(versions.backfills, version, offset))
    return (done / shards if shards else 0.0), f"{len(fresh):,} new memories, beside what runs"
