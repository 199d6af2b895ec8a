"""What definitions need and never had: events, properties, given traits and consent that no history holds.

A rule about an event that nobody ever sent is not wrong, it just never holds; far more often it is a name misspelt.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

import duckdb
import msgspec

from tidings.domain import feedback
from tidings.domain.sql import member
from tidings.lake.duck import run, text
from tidings.process.journey import Journey
from tidings.process.profile import ZONE
from tidings.process.steps.send import Send
from tidings.process.steps.wait_message import WaitMessage
from tidings.workspace import Definitions, traits_set

MAX_PROPERTIES = 100
"""Properties looked for at most; each costs a look at all their events."""
_NAMES = "SELECT name, count(*) FROM events GROUP BY name"
_TRAITS = "SELECT DISTINCT unnest(json_keys(traits)) FROM events WHERE kind = 'identify'"
_ZONES = f"SELECT 1 FROM events WHERE kind = 'identify' AND json_type({member('context', ZONE)}) = 'VARCHAR' LIMIT 1"
"""Whether SDKs told where people are."""
_PURPOSES = "SELECT DISTINCT COALESCE(properties ->> 'purpose', 'marketing') FROM events WHERE name = $1"


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """Something that never occurred."""

    kind: str
    """``event``, ``property``, ``trait`` or ``consent``."""
    name: str
    where: str
    """What needs it."""
    nearest: str = ""
    """A name that did occur and looks like it."""

    def words(self) -> str:
        """One sentence for people."""
        hint = f"; did you mean {self.nearest!r}?" if self.nearest else ""
        return f"{self.kind} {self.name!r} never occurred ({self.where}){hint}"


def missing(lake: duckdb.DuckDBPyConnection, definitions: Definitions, fresh: Iterable[str]) -> list[Need]:
    """What `definitions` need and the lake never saw; properties only of the `fresh` memories."""
    counts: dict[str, int] = dict(run(lake, _NAMES))
    events = _compare("event", _events(definitions), counts)
    given = [row[0] for row in run(lake, _TRAITS)] + ([ZONE] if run(lake, _ZONES) else [])
    given += traits_set(definitions.journeys.values())
    traits = _compare("trait", _traits(definitions), given)
    purposes = [row[0] for row in run(lake, _PURPOSES, [feedback.CONSENT_GIVEN])]
    consent = _compare("consent", _purposes(definitions), purposes)
    return [*events, *_properties(lake, definitions, set(fresh), counts), *traits, *consent]


def _compare(kind: str, needed: Iterable[tuple[str, str]], known: Iterable[str]) -> list[Need]:
    have, found = list(known), {}
    for name, where in needed:
        if name not in have and name not in found:
            found[name] = Need(kind=kind, name=name, where=where, nearest=_nearest(name, have))
    return list(found.values())


def _nearest(name: str, known: Iterable[str]) -> str:
    lower = {one.lower(): one for one in known}
    return next((lower[one] for one in get_close_matches(name.lower(), lower, 1, 0.6)), "")


def _events(definitions: Definitions) -> Iterator[tuple[str, str]]:
    for name, reading in definitions.layout.traits():
        for slot in reading.slots:
            yield from ((one, f"trait {name}") for one in definitions.layout.accumulators[slot].filter.names)
    for segment in definitions.segments.all():
        for slot in slots(segment.rule):
            yield from ((one, f"segment {segment.name}") for one in definitions.layout.accumulators[slot].filter.names)
    for journey in definitions.journeys.values():
        entry = [name for one in journey.entries for named in one.filters() for name in named.names]
        asked = [one for _, rule in journey.rules() for slot in slots(rule) for one in _names(definitions, slot)]
        yield from (
            (one, f"journey {journey.name}") for one in [*entry, *sorted(journey.listens() - _own(journey)), *asked]
        )


def _own(journey: Journey) -> set[str]:
    """Events that nobody but its own steps waits for: they come when it runs, and when its mails go out."""
    others = {name for one in journey.filters() for name in one.names}
    ours: set[str] = set()
    for step in journey.steps.values():
        (ours if step.reaches_out() or isinstance(step, WaitMessage) else others).update(step.listens())
    return ours - others


def _names(definitions: Definitions, slot: int) -> Sequence[str]:
    """Events that a memory is of."""
    return definitions.layout.accumulators[slot].filter.names


def _traits(definitions: Definitions) -> Iterator[tuple[str, str]]:
    for segment in definitions.segments.all():
        yield from ((one, f"segment {segment.name}") for one in _given(segment.rule))
    for journey in definitions.journeys.values():
        for where, rule in journey.rules():
            yield from ((one, f"journey {journey.name} {where}") for one in _given(rule))
        tables = [table for entry in journey.entries if (table := entry.timetable()) is not None]
        yield from ((one, f"journey {journey.name} entry") for table in tables for one in _given(table) if one != ZONE)


def _purposes(definitions: Definitions) -> Iterator[tuple[str, str]]:
    for journey in (*definitions.journeys.values(), *definitions.broadcasts.values()):
        kind = "journey" if journey.broadcast is None else "broadcast"
        for step in journey.steps.values():
            if isinstance(step, Send) and definitions.policies[step.category].consent:
                yield step.category, f"{kind} {journey.name} step {step.id}"


def slots(rule: Any) -> list[int]:
    """Memories that a rule reads."""
    return [int(one.removeprefix("slot:")) for one in rule.reads() if one.startswith("slot:")]


def _given(rule: Any) -> list[str]:
    return [one.removeprefix("trait:") for one in rule.reads() if one.startswith("trait:")]


def _properties(
    lake: duckdb.DuckDBPyConnection, definitions: Definitions, fresh: set[str], counts: dict[str, int]
) -> Iterator[Need]:
    """Properties of events that did occur, and never had them."""
    asked: dict[tuple[str, tuple[str, ...]], None] = {}
    for one in definitions.layout.accumulators:
        names = tuple(name for name in one.filter.names if name in counts)
        if one.key in fresh and names:
            own = getattr(one, "name", "")
            for name in [*(prop for prop, _ in one.filter.where), *([own] if isinstance(own, str) and own else [])]:
                asked[name, names] = None
    pairs = list(asked)[:MAX_PROPERTIES]
    if not pairs:
        return
    tests = [f"count(*) FILTER (WHERE {_has(name, names)})" for name, names in pairs]
    every = ", ".join(text(one) for one in sorted({one for _, names in pairs for one in names}))
    found = run(lake, f"SELECT {', '.join(tests)} FROM events WHERE name IN ({every})")[0]
    for (name, names), count in zip(pairs, found, strict=True):
        if not count:
            keys = "SELECT DISTINCT unnest(json_keys(properties)) FROM (SELECT properties FROM events WHERE name = $1 LIMIT 1000)"
            known = [row[0] for row in run(lake, keys, [names[0]])]
            yield Need(kind="property", name=name, where=f"of {' or '.join(names)}", nearest=_nearest(name, known))


def _has(name: str, names: tuple[str, ...]) -> str:
    return f"name IN ({', '.join(text(one) for one in names)}) AND {member('properties', name)} IS NOT NULL"
