"""Properties that events have with another type than definitions ask for: such events do not count, and nobody is told by any one
of them. The history tells: one question to the lake for all that definitions ask, over its latest days.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

import duckdb
import msgspec

from tidings.accumulate.mistyped import AMOUNT, Wanted, mistyped_sql, wanted, wanted_of
from tidings.lake.duck import run
from tidings.process.journey import Journey
from tidings.process.layout import Layout
from tidings.versions.needs import slots
from tidings.workspace import Definitions

MAX_ASKED = 200
"""Properties looked at; each costs something for each event."""
NAMED = 3
"""Definitions, or events, that are named where there are more."""
_LATEST = "SELECT max(day)::VARCHAR FROM events"
_DAYS = "(SELECT name, properties FROM events WHERE day > DATE '{upto}' - {days})"

Definition = tuple[str, str]
"""Kind and name: ``("segment", "vip")``."""


class Mistyped(msgspec.Struct, frozen=True, kw_only=True):
    """One property, as some definitions ask for it."""

    used_by: list[Definition]
    """The definitions that ask."""
    events: list[str]
    """Of which events."""
    property: str
    wanted: str
    """The type, for people."""
    wrong: int
    """Events that have it with another type."""
    total: int
    """All such events, with or without it."""
    example: str
    """One such value, as JSON; cut when it is long."""
    when: str
    """What was looked at: ``in the 30 days up to 2026-01-31``."""

    def words(self) -> str:
        """One sentence for people."""
        users = _some([f"{kind} {name}" for kind, name in self.used_by], ", ")
        return (
            f"{users}: {self.wrong:,} of {self.total:,} events {_some(self.events, ' or ')} {self.when} have "
            f"{self.property} as {_shown(self.example)}, wanted {self.wanted}; they do not count. Send {self.wanted}"
        )


class Types(msgspec.Struct, frozen=True, kw_only=True):
    """What was found."""

    when: str = ""
    """Which days of the history; empty when there is none."""
    looked: int = 0
    """Properties that were looked at."""
    cut: int = 0
    """Properties that were not, as there were too many."""
    found: list[Mistyped] = []

    def of(self, kind: str, name: str) -> list[Mistyped]:
        """What concerns one definition."""
        return [one for one in self.found if (kind, name) in one.used_by]


def mistyped(
    lake: duckdb.DuckDBPyConnection,
    definitions: Definitions,
    days: int,
    only: Container[Definition] | None = None,
) -> Types:
    """Look at the latest `days` of the lake for what `definitions`, or only some of them, ask of properties."""
    users = _users(definitions, only)
    asked = sorted(users)[:MAX_ASKED]
    upto = run(lake, _LATEST)[0][0] if asked else None
    if upto is None:
        return Types()
    when = f"in the {days:,} days up to {upto}" if days > 1 else f"on {upto}"
    row = run(lake, mistyped_sql(_DAYS.format(upto=upto, days=days), asked))[0]
    found = [
        Mistyped(
            used_by=users[one],
            events=list(one.events),
            property=one.property,
            wanted=_wanted(one.types),
            wrong=wrong,
            total=total,
            example=example,
            when=when,
        )
        for one, total, wrong, example in zip(asked, row[::3], row[1::3], row[2::3], strict=True)
        if wrong
    ]
    found.sort(key=lambda one: -one.wrong)
    return Types(when=when, looked=len(asked), cut=len(users) - len(asked), found=found)


def _users(definitions: Definitions, only: Container[Definition] | None) -> dict[Wanted, list[Definition]]:
    """What is asked, by whom."""
    found: dict[Wanted, list[Definition]] = {}
    for user, asked in _asked(definitions):
        for one in asked if only is None or user in only else ():
            found.setdefault(one, []).append(user)
    return found


def _asked(definitions: Definitions) -> Iterator[tuple[Definition, list[Wanted]]]:
    layout = definitions.layout
    for segment in definitions.segments.all():
        yield ("segment", segment.name), _of_slots(layout, slots(segment.rule))
    for name, reading in layout.traits():
        yield ("trait", name), _of_slots(layout, reading.slots)
    for journey in definitions.journeys.values():
        yield ("journey", journey.name), sorted(set(_of_journey(layout, journey)))


def _of_journey(layout: Layout, journey: Journey) -> Iterator[Wanted]:
    for one in journey.filters():
        yield from wanted_of(one)
    for _, rule in journey.rules():
        yield from _of_slots(layout, slots(rule))


def _of_slots(layout: Layout, numbers: Sequence[int]) -> list[Wanted]:
    return wanted(layout.accumulators[slot] for slot in numbers)


def _wanted(types: Sequence[str]) -> str:
    words = {AMOUNT: "a number", "number": "a number", "text": "a text", "list": "a list"}
    return " or ".join(words.get(one, one) for one in types)


def _shown(example: str) -> str:
    """A JSON value with its type. What cannot be printed, which a stranger may have sent, is not."""
    kind = {'"': "text ", "[": "list ", "{": "object ", "t": "", "f": ""}.get(example[:1], "number ")
    return kind + "".join(one if one.isprintable() else "?" for one in example)


def _some(names: Sequence[str], joint: str) -> str:
    more = len(names) - NAMED
    return joint.join(names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
