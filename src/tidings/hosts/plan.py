"""`tidings plan`: what a change of definitions is, and what it does to real people, before anything changes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from tidings import workspace
from tidings.clock import DAY_US, SystemClock
from tidings.config import Config
from tidings.domain import profile as profiles
from tidings.errors import InputError
from tidings.hosts.ahead import ahead
from tidings.hosts.apply import plan_id
from tidings.hosts.changes import fresh_keys
from tidings.hosts.check import check_workspace
from tidings.hosts.simulator import MemoryPast
from tidings.lake import query
from tidings.lake.duck import run
from tidings.process.adopt import Adoption, everyone
from tidings.process.backfill import Folding
from tidings.process.steps.send import Send
from tidings.state import snapshot
from tidings.versions import files
from tidings.versions.backfill import folded
from tidings.versions.changed import ChangedDefinition, changed
from tidings.versions.effect import effects, entering_by_time, look
from tidings.versions.in_force import META, InForce
from tidings.versions.needs import missing
from tidings.versions.planned import NextDay, Person, Plan, Touched
from tidings.versions.shelf import Versions


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much a plan may cost."""

    people: int = 20_000
    """People whose next day is looked at, at most."""
    memory_mb: int = 1_024
    """What it may use before it writes aside."""
    events: int = 0
    """Longest history that is looked at; 0 for any."""
    limit_s: float = 0.0
    """After this time its questions to the history are stopped; 0 for never."""


_STOP_S = 0.005
_PERSON = "SELECT name, email, user_id FROM people WHERE profile_id = ?"

COMMAND = Bounds()
"""Somebody asked for it and waits."""


def plan(config: Config, folder: Path, bounds: Bounds = COMMAND) -> Plan:
    """The change from what runs to the files in a folder. Raises DefinitionError, and InputError also beyond the bounds."""
    versions = Versions(config.data)
    running, after = versions.running(), files.read(folder)
    before = files.read(versions.folder(running))
    notes = check_workspace(folder, workspace.load(folder))
    version, now_us = files.version_of(after), SystemClock().now_us()
    spill = config.data / "run" / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    with (
        snapshot.opened(config.data / "state") as state,
        closing(query.connect(config.data, memory_mb=bounds.memory_mb, spill=spill)) as lake,
        closing(_serving(config.data)) as serving,
        _within(bounds, lake),
    ):
        world = _World(lake, serving, state, versions.folder(running), folder, now_us)
        segments = effects(lake, world.before, world.after, world.asked)
        definitions = changed(before, after)
        return Plan(
            plan=plan_id(running, version, state.offset()),
            running=running,
            version=version,
            offset=state.offset(),
            at_us=now_us,
            definitions=definitions,
            segments=segments,
            people=world.people([one for effect in segments for one in (*effect.entering, *effect.leaving)]),
            journeys=world.journeys(definitions),
            next_day=world.next_day(bounds.people),
            needs=missing(lake, world.after, world.fresh),
            notes=[*notes, *world.ending()],
        )


@contextmanager
def _within(bounds: Bounds, lake: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Raises InputError when it is too much. What is asked of the history is stopped in time; the rest is bounded by `people`."""
    if bounds.events and (events := int(run(lake, "SELECT count(*) FROM events")[0][0])) > bounds.events:
        msg = f"history of {events:,} events; wanted at most {bounds.events:,} here; ask the command, which takes its time"
        raise InputError(msg)
    if not bounds.limit_s:
        yield
        return
    over = threading.Event()

    def stop() -> None:
        """Again and again: what comes between two questions would be lost."""
        over.wait(bounds.limit_s)
        while not over.wait(_STOP_S):
            lake.interrupt()

    watch = threading.Thread(target=stop, name="plan-limit", daemon=True)
    watch.start()
    try:
        yield
    except duckdb.InterruptException as error:
        msg = f"it took longer than {bounds.limit_s:.0f} s; ask the command, which takes its time"
        raise InputError(msg) from error
    finally:
        over.set()
        watch.join()  # before the lake is closed


class _World:
    """Two definitions, and the people that they speak of."""

    def __init__(
        self,
        lake: duckdb.DuckDBPyConnection,
        serving: sqlite3.Connection,
        state: snapshot.Snapshot,
        running: Path,
        coming: Path,
        now_us: int,
    ) -> None:
        earlier: dict[str, str] = msgspec.json.decode(state.meta("journeys") or b"{}")
        layouts: dict[str, Sequence[str]] = msgspec.json.decode(state.meta("layouts") or b"{}")
        self.before = workspace.load(running, earlier=earlier, layouts=layouts)
        self.after = workspace.load(coming, earlier=earlier, layouts=layouts)
        self.fresh = fresh_keys(self.before.layout.keys(), self.after.layout.keys())
        self.asked = look(lake, now_us)
        self._lake, self._serving, self._state = lake, serving, state
        self._now_us = now_us

    def people(self, profile_ids: Sequence[str]) -> dict[str, Person]:
        """Who they are, as the serving copy knows them."""
        found = {}
        for profile_id in profile_ids:
            row = self._serving.execute(_PERSON, (profile_id,)).fetchone()
            name, email, user_id = row or (None, None, None)
            found[profile_id] = Person(profile_id=profile_id, name=name or "", email=email or "", user_id=user_id or "")
        return found

    def journeys(self, definitions: Sequence[ChangedDefinition]) -> list[Touched]:
        """Journeys that are themselves changed, or whose segment or mail is."""
        how = {(one.kind, one.name): one.how for one in definitions}
        found = []
        for name in dict.fromkeys([*self.after.journeys, *self.before.journeys]):
            journey = self.after.journeys.get(name) or self.before.journeys[name]
            mails = [step.template for step in journey.steps.values() if isinstance(step, Send)]
            parts = [("journey", name), ("segment", journey.entry_segment), *(("template", one) for one in mails)]
            why = [f"{kind} {part} {how[kind, part]}" for kind, part in dict.fromkeys(parts) if (kind, part) in how]
            if why:
                found.append(Touched(journey=name, why=", ".join(why), runs=self._runs(name)))
        return found

    def ending(self) -> list[str]:
        """Active runs that could not go on."""
        found = []
        for key, why in self.after.outdated.items():
            name, _, version = key.rpartition("@")
            if count := self._runs(name).get(version):
                found.append(f"{count:,} active runs of journey {key} end where they would go on: {why}")
        return found

    def _runs(self, journey: str) -> dict[str, int]:
        asked = "SELECT version, count(*) FROM runs WHERE journey = ? AND state = 'active' GROUP BY version"
        return dict(self._serving.execute(asked, (journey,)).fetchall())

    def next_day(self, most: int) -> NextDay:
        """What would follow by time alone, under either, for so many people at most."""
        until_us = self._now_us + DAY_US
        due = self._state.due(until_us, most + 1)
        coming = entering_by_time(self._lake, self.after, self.asked, until_us) if self._by_segment() else []
        ids = list(dict.fromkeys([*due, *coming]))
        people = self._state.living(ids[:most])
        states = [profiles.decode(raw) for raw in dict.fromkeys(people.values())]
        past = self._past(states) if self.fresh else MemoryPast({})
        adoption = Adoption("planned", 0, self._now_us, self.fresh, past=past)
        return NextDay(
            people=len(states),
            cut=len(ids) > most,
            before=ahead(self.before, people, self._now_us, until_us, self._adoption_under_way()),
            after=ahead(self.after, people, self._now_us, until_us, adoption),
        )

    def _by_segment(self) -> bool:
        """Whether entering a segment starts any journey at all."""
        return any(one.entry_segment for one in self.after.journeys.values())

    def _adoption_under_way(self) -> Adoption | None:
        """Copies may be in the layout of a preparation; they come back without being judged."""
        raw = self._state.meta(META)
        now = msgspec.json.decode(raw, type=InForce) if raw else None
        return None if now is None else Adoption(now.running, 0, self._now_us, judged=False)

    def _past(self, states: Sequence[Any]) -> MemoryPast:
        ids = [one for state in states for one in everyone(state)]
        return MemoryPast(folded(self._lake, Folding(self.after.layout, self.fresh), ids, self._state.offset()))


def _serving(data: Path) -> sqlite3.Connection:
    path = data / "serving.db"
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30.0)
