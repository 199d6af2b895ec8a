"""Whom a journey that goes by time would enter next, and when: what `plan` says of a new or changed one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import duckdb
import msgspec

from tidings.clock import iso
from tidings.domain import profile as profiles
from tidings.domain.sql import Query
from tidings.lake.duck import run
from tidings.process import timetable
from tidings.process.journey import ways
from tidings.process.timetable import Timed, Timetables
from tidings.workspace import Definitions


class Entering(msgspec.Struct, frozen=True, kw_only=True):
    """One entry that goes by time."""

    journey: str
    words: str
    """The entry for people."""
    next_us: int
    """When it is next, for who has no zone of her own; 0 when that depends on the person alone."""
    people: int
    """Who is concerned, as of that instant if nobody does anything until then: of whom the rule holds, or who has the date."""

    def sentence(self) -> str:
        """For people."""
        if self.next_us:
            when = f"next {iso(self.next_us)}, for who has no time zone of her own"
            return f"journey {self.journey}, {self.words}: {when}; {self.people:,} people are meant then, if nobody does anything"
        return f"journey {self.journey}, {self.words}: {self.people:,} people have that date"


def entering(lake: duckdb.DuckDBPyConnection, after: Definitions, names: Iterable[str], query: Query) -> list[Entering]:
    """Of these journeys each entry that goes by time. `effect.look` has prepared what the query asks."""
    return [_entering(lake, one, len(after.layout.accumulators), query) for one in _timed(after, names)]


def _timed(after: Definitions, names: Iterable[str]) -> list[Timed]:
    chosen = set(names)
    return [one for one in Timetables(ways(after.journeys.values())).all() if one.way.journey.name in chosen]


def meant(
    lake: duckdb.DuckDBPyConnection, after: Definitions, names: Iterable[str], query: Query, most: int
) -> list[str]:
    """Ids of people who are meant by entries of these journeys that go by time, at most so many."""
    found: dict[str, None] = {}
    for one in _timed(after, names):
        next_us = when(one, len(after.layout.accumulators), query.at_us)
        people = _people(one, Query(next_us or query.at_us, query.known_us))
        found |= dict.fromkeys(row[0] for row in run(lake, f"{people} ORDER BY profile_id LIMIT {most}"))
    return list(found)[:most]


def _entering(lake: duckdb.DuckDBPyConnection, one: Timed, slots: int, query: Query) -> Entering:
    next_us = when(one, slots, query.at_us)
    people = _people(one, Query(next_us or query.at_us, query.known_us))
    counted = run(lake, f"SELECT count(*) FROM ({people})")[0][0]
    return Entering(journey=one.way.journey.name, words=one.way.entry.words(), next_us=next_us, people=int(counted))


def _people(one: Timed, query: Query) -> str:
    """SELECT them, each once."""
    return f"SELECT DISTINCT profile_id FROM ({' INTERSECT '.join(f'({part})' for part in _asked(one, query))})"


def _asked(one: Timed, query: Query) -> Iterator[str]:
    yield one.table.asked(query)
    if one.table.who.rule is not None:
        yield one.table.who.rule.sql(query)


def when(one: Timed, slots: int, now_us: int) -> int:
    """When it is next for somebody of whom nothing is known; 0 when it depends on the person. `slots` are those of a state."""
    nobody = profiles.new("", "", slots)
    found = timetable.following(one.table, nobody, now_us)
    return found.at_us if found is not None else 0
