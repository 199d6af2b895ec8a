"""`tidings plan`: what a change of definitions is, and what it does to real people, before anything changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from tidings import workspace
from tidings.clock import DAY_US, SystemClock
from tidings.config import Config
from tidings.decide.policy import ACROSS
from tidings.domain import profile as profiles
from tidings.domain.names import nearest
from tidings.hosts.ahead import ahead
from tidings.hosts.apply import plan_id
from tidings.hosts.bounds import COMMAND, Bounds, within
from tidings.hosts.changes import fresh_keys, moving
from tidings.hosts.check import check_workspace
from tidings.hosts.simulator import MemoryPast
from tidings.lake import query
from tidings.process import moves
from tidings.process.adopt import Adoption, everyone
from tidings.process.backfill import Folding
from tidings.process.steps.send import Send
from tidings.state import snapshot
from tidings.versions import files
from tidings.versions.backfill import folded
from tidings.versions.changed import ChangedDefinition, changed
from tidings.versions.effect import effects, entering_by_time, look
from tidings.versions.entering import entering, meant
from tidings.versions.in_force import META, InForce
from tidings.versions.mistyped import mistyped
from tidings.versions.needs import missing
from tidings.versions.planned import NextDay, Person, Plan, Touched, Waiting
from tidings.versions.shelf import Versions
from tidings.workspace import Definitions

_WAITING = """SELECT version, step, count(*) FROM runs WHERE journey = ? AND state = 'active'
  GROUP BY version, step ORDER BY count(*) DESC, version, step LIMIT 200"""
_PERSON = "SELECT name, email, user_id FROM people WHERE profile_id = ?"


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
        within(bounds, lake),
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
            journeys=world.journeys(definitions, [effect.segment for effect in segments]),
            next_day=world.next_day(bounds.people, definitions),
            needs=missing(lake, world.after, world.fresh),
            mistyped=mistyped(lake, world.after, config.type_check_days, only=_new(definitions)).found,
            notes=[*notes, *world.ending(), *world.moved_from_nowhere(), *world.entering(definitions)],
        )


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
        self.before = workspace.load(running, earlier=earlier, layouts=layouts, kept=True)
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

    def journeys(self, definitions: Sequence[ChangedDefinition], segments: Sequence[str]) -> list[Touched]:
        """Journeys that are themselves changed, or whose segment, mail or permission is, or that would go another way."""
        how = {(one.kind, one.name): one.how for one in definitions}
        how = {**{("segment", name): "asks something else now" for name in segments}, **how}
        found = []
        for name in dict.fromkeys([*self.after.journeys, *self.before.journeys]):
            journey = self.after.journeys.get(name) or self.before.journeys[name]
            sends = [step for step in journey.steps.values() if isinstance(step, Send)]
            parts = [("journey", name), *(("segment", one.watches()) for one in journey.entries)]
            parts += [("template", one.template) for one in sends] + [
                ("policy", one) for one in policy_names(sends, (self.before, self.after))
            ]
            why = [f"{kind} {part} {how[kind, part]}" for kind, part in dict.fromkeys(parts) if (kind, part) in how]
            why += [] if ("journey", name) in how else self._rules(name)
            if why:
                found.append(
                    Touched(
                        journey=name,
                        why=", ".join(why),
                        runs=self._runs(name),
                        changed=("journey", name) in how,
                        waiting=self._waiting(name) if ("journey", name) in how else [],
                    )
                )
        return found

    def _rules(self, name: str) -> list[str]:
        """Rules of a journey that is written as before, and that ask something else for what they are made of."""
        pairs = zip(*(one.journeys[name].rules() for one in (self.before, self.after)), strict=True)
        found = [where for (where, old), (_, new) in pairs if old.sql(self.asked) != new.sql(self.asked)]
        return [f"{where} asks something else now" for where in dict.fromkeys(found)]

    def ending(self) -> list[str]:
        """Active runs that could not go on."""
        found = []
        for key, why in self.after.outdated.items():
            name, _, version = key.rpartition("@")
            if count := self._runs(name).get(version):
                found.append(f"{count:,} active runs of journey {key} end where they would go on: {why}")
        return found

    def moved_from_nowhere(self) -> Iterator[str]:
        """What `moves` names of earlier versions that is not there: nobody would be moved by it."""
        for name in moving(self.before, self.after):
            earlier = {version: one for (of, version), one in self.before.versions.items() if of == name}
            for version, mapped in self.after.journeys[name].moves.items():
                if version not in (moves.ANY, *earlier):
                    yield f"journey {name}: moves names version {version}, which it never had{_near(version, earlier)}"
                    continue
                among = earlier.values() if version == moves.ANY else [earlier[version]]
                steps = {step for one in among for step in one.steps}
                for step in [step for step, to in mapped.items() if step not in steps and to != step]:
                    yield f"journey {name}: moves names step {step}, which no earlier version has{_near(step, steps)}"

    def entering(self, definitions: Sequence[ChangedDefinition]) -> list[str]:
        """Whom journeys that are new or changed, and go by time, would enter next."""
        found = entering(self._lake, self.after, _journeys(definitions), self.asked)
        return [one.sentence() for one in found]

    def _runs(self, journey: str) -> dict[str, int]:
        asked = "SELECT version, count(*) FROM runs WHERE journey = ? AND state = 'active' GROUP BY version"
        return dict(self._serving.execute(asked, (journey,)).fetchall())

    def _waiting(self, name: str) -> list[Waiting]:
        """Where runs wait, and where the new version of their journey takes them."""
        rows = self._serving.execute(_WAITING, (name,)).fetchall()
        journey = self.after.journeys.get(name)
        there = {} if journey is None else journey.moves
        return [
            Waiting(version=version, step=step, runs=count, to=moves.target(there, version, step))
            for version, step, count in rows
            if journey is None or version != journey.version
        ]

    def next_day(self, most: int, definitions: Sequence[ChangedDefinition]) -> NextDay:
        """What would follow by time alone, under either, for so many people at most."""
        until_us = self._now_us + DAY_US
        due = self._state.due(until_us, most + 1)
        coming = entering_by_time(self._lake, self.after, self.asked, until_us) if self._by_segment() else []
        timed = meant(self._lake, self.after, _journeys(definitions), self.asked, most + 1)
        ids = list(dict.fromkeys([*due, *coming, *timed]))
        people = self._state.living(ids[:most])
        states = [profiles.decode(raw) for raw in dict.fromkeys(people.values())]
        past = self._past(states) if self.fresh else MemoryPast({})
        adoption = Adoption("planned", 0, self._now_us, self.fresh, past=past, moving=moving(self.before, self.after))
        return NextDay(
            people=len(states),
            cut=len(ids) > most,
            before=ahead(self.before, people, self._now_us, until_us, self._adoption_under_way()),
            after=ahead(self.after, people, self._now_us, until_us, adoption),
        )

    def _by_segment(self) -> bool:
        """Whether entering a segment starts any journey at all."""
        return any(entry.watches() for one in self.after.journeys.values() for entry in one.entries)

    def _adoption_under_way(self) -> Adoption | None:
        """Copies may be in the layout of a preparation; they come back without being judged."""
        raw = self._state.meta(META)
        now = msgspec.json.decode(raw, type=InForce) if raw else None
        return None if now is None else Adoption(now.running, 0, self._now_us, judged=False)

    def _past(self, states: Sequence[Any]) -> MemoryPast:
        ids = [one for state in states for one in everyone(state)]
        return MemoryPast(folded(self._lake, Folding(self.after.layout, self.fresh), ids, self._state.offset()))


def _near(name: str, names: Iterable[str]) -> str:
    near = nearest(name, names)
    return f"; did you mean {near}?" if near else ""


def _journeys(definitions: Sequence[ChangedDefinition]) -> list[str]:
    """Names of journeys that differ."""
    return [one.name for one in definitions if one.kind == "journey"]


def _new(definitions: Sequence[ChangedDefinition]) -> set[tuple[str, str]]:
    """Those that are added or changed."""
    return {(one.kind, one.name) for one in definitions if one.how != "removed"}


def _serving(data: Path) -> sqlite3.Connection:
    path = data / "serving.db"
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30.0)


def policy_names(sends: Sequence[Send], definitions: Sequence[Definitions]) -> list[str]:
    """Names in policy.yml that messages go by: their categories, and what holds across those that are not exempt."""
    policies = [one.policies[send.category] for one in definitions for send in sends if send.category in one.policies]
    return [*(send.category for send in sends), *(ACROSS if any(not one.exempt for one in policies) else ())]
