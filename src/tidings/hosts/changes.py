"""Which definitions are in force at the driver's place in the log, and how records of the log change that.

What is in force commits together with the offset. So after a crash, and in a replay from empty, every event meets the
definitions that it met before (law 2).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from tidings import workspace
from tidings.domain.control import Change
from tidings.errors import CorruptData, TidingsError
from tidings.pipeline import Pipeline
from tidings.process.adopt import Adoption, NoPast, Past
from tidings.state.base import StateStore
from tidings.versions.in_force import META, InForce, Prepared, Switched
from tidings.workspace import Beside, Definitions

SWEEP = 500
"""People brought over between two micro-batches."""

Loaded = tuple[str, str, tuple[int, int]]
"""What definitions were loaded for: version, what is remembered beside, how many journeys and layouts came before."""

_log = logging.getLogger("tidings.definitions")


class Shelf(Protocol):
    """Where versions lie, and what is known of the past."""

    def first(self) -> str:
        """The version that a log begins with."""
        ...

    def folder(self, version: str) -> Path:
        """The files of a version. Raises CorruptData when they are not there, or not what was applied."""
        ...

    def past(self, version: str, fresh: Sequence[str], below_offset: int, definitions: Definitions) -> Past:
        """What fresh memories hold of the events below an offset; made now if need be, however long that takes."""
        ...

    def tell(self, in_force: InForce, layouts: Mapping[str, Sequence[str]], offset: int) -> None:
        """Others may know now: this is committed, with all records below the offset. The same may be told again."""
        ...


def moving(before: Definitions, after: Definitions) -> tuple[str, ...]:
    """Journeys that a change gives another version, which says where runs of earlier ones go on."""
    old = {name: one.version for name, one in before.journeys.items()}
    return tuple(name for name, one in after.journeys.items() if one.moves and one.version != old.get(name))


class Changes:
    """Follows the change records for one driver."""

    def __init__(self, state: StateStore, shelf: Shelf) -> None:
        self._shelf = shelf
        raw = state.meta(META)
        self.in_force = msgspec.json.decode(raw, type=InForce) if raw else InForce(running=shelf.first())
        self._journeys: dict[str, str] = msgspec.json.decode(state.meta("journeys") or b"{}")
        self._layouts: dict[str, Sequence[str]] = msgspec.json.decode(state.meta("layouts") or b"{}")
        self._loaded: dict[Loaded, Definitions] = {}
        self._dirty = True
        self.pipeline = self._open()
        for name, value in self.to_commit().items():
            if state.meta(name) != value:
                state.set_meta(name, value)
        self.tell(state.position()[0])

    def to_commit(self) -> dict[str, bytes]:
        """What changed since the last time, to be committed with the offset."""
        if not self._dirty:
            return {}
        self._dirty = False
        return {
            META: msgspec.json.encode(self.in_force),
            "journeys": msgspec.json.encode(self._journeys),
            "layouts": msgspec.json.encode(self._layouts),
        }

    def tell(self, offset: int) -> None:
        """Tell others what was committed."""
        self._shelf.tell(self.in_force, self._layouts, offset)

    def take(self, change: Change | None, offset: int, taken_us: int) -> bool:
        """A record of the log; whether it changed what is in force. The pipeline is the new one then.

        What is refused here is refused in every replay: it does not fit, or cannot run. Raises CorruptData when that cannot
        be known, because files are lost. Going on with other definitions would decide what nobody asked for.
        """
        if change is None or change.parent != self.in_force.running or change.version == change.parent:
            _log.warning("the change of definitions at offset %d does not fit what runs; nothing changed", offset)
            return False
        before = self.in_force
        try:
            begin = self._prepare if change.phase == "prepare" else self._switch
            begin(change, offset, taken_us)
            self.pipeline = self._open()
        except CorruptData:
            raise
        except TidingsError as error:
            _log.error("definitions %s cannot be taken at offset %d: %s", change.version, offset, error)
            self.in_force = before
            return False
        self._dirty = True
        return True

    def _prepare(self, change: Change, offset: int, taken_us: int) -> None:
        coming = self._load(change.version)  # nothing is prepared that cannot run
        fresh = fresh_keys(self._load(self.in_force.running).layout.keys(), coming.layout.keys())
        prepared = Prepared(version=change.version, offset=offset, known_us=taken_us, fresh=fresh)
        self.in_force = msgspec.structs.replace(self.in_force, prepared=prepared)

    def _switch(self, change: Change, offset: int, taken_us: int) -> None:
        prepared, running = self.in_force.prepared, self.pipeline.definitions
        if prepared is None or (prepared.version, prepared.offset) != (change.version, change.prepared_offset):
            msg = f"it was not prepared at offset {change.prepared_offset}"
            raise TidingsError(msg)
        switched = Switched(
            offset=offset,
            known_us=taken_us,
            prepared_offset=prepared.offset,
            fresh=prepared.fresh,
            counting=running.layout.layout_id,
            entering=change.enter,
            moving=moving(running, self._load(change.version)),
        )
        self.in_force = InForce(running=change.version, since_offset=offset, switched=switched)

    def _open(self) -> Pipeline:
        """The pipeline of what is in force."""
        now = self.in_force
        definitions, beside = self._load(now.running), None
        adoption = self._adoption(definitions)
        if now.prepared is not None:
            fresh = now.prepared.fresh
            if fresh:
                coming = self._load(now.prepared.version).layout.accumulators
                beside = Beside([one for one in coming if one.key in fresh], f"prepared@{now.prepared.offset}")
                definitions = self._load(now.running, beside)
            adoption = Adoption(now.running, now.prepared.offset, now.prepared.known_us, fresh, judged=False)
        self._journeys = dict(definitions.sources)
        self._layouts = dict(definitions.layout.known)
        self._loaded[self._key(now.running, beside)] = definitions  # with itself among what came before it is the same
        return Pipeline(definitions, adoption)

    def _adoption(self, definitions: Definitions) -> Adoption | None:
        now = self.in_force.switched
        if now is None:
            return None
        version = self.in_force.running
        past = self._shelf.past(version, now.fresh, now.prepared_offset, definitions) if now.fresh else NoPast()
        return Adoption(
            version,
            now.offset,
            now.known_us,
            now.fresh,
            now.counting,
            past,
            judged=True,
            entering=now.entering,
            moving=now.moving,
        )

    def _load(self, version: str, beside: Beside | None = None) -> Definitions:
        """A version, read and compiled once for as long as what came before it is the same; that only ever grows."""
        key = self._key(version, beside)
        if key not in self._loaded:
            self._loaded = {old: one for old, one in self._loaded.items() if old[-1] == key[-1]}
            self._loaded[key] = workspace.load(
                self._shelf.folder(version),
                earlier=self._journeys,
                layouts=self._layouts,
                beside=beside,
                version=version,
                kept=True,
            )
        return self._loaded[key]

    def _key(self, version: str, beside: Beside | None) -> Loaded:
        return version, beside.mark if beside is not None else "", (len(self._journeys), len(self._layouts))

    # Bringing everybody over

    def sweeping(self) -> bool:
        """Whether there may be people who have not come over."""
        return self.in_force.switched is not None

    def after(self) -> str:
        """Up to which profile id everybody has."""
        return self.in_force.switched.swept if self.in_force.switched is not None else ""

    def swept(self, upto_id: str) -> None:
        """Everybody up to this id has come over; with an empty id everybody has."""
        switched = self.in_force.switched
        if switched is not None:
            left = msgspec.structs.replace(switched, swept=upto_id) if upto_id else None
            self.in_force = msgspec.structs.replace(self.in_force, switched=left)
            self._dirty = True


def fresh_keys(before: Sequence[str], after: Sequence[str]) -> tuple[str, ...]:
    """Memories that the later definitions need and the earlier ones did not have, in order."""
    have = set(before)
    return tuple(key for key in after if key not in have)
