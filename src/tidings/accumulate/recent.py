"""A sliding window: what a kind makes of the events of the last so-and-so long, right at every instant.

It is made of the entries of the latest `MAX_ENTRIES` events that have one, and SQL asks for the same; of those at the same
instant the larger entries. That bounds the state, needs no event ids, and is a function of the set of events (law 1).
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any, ClassVar

import msgspec

from tidings.accumulate.base import NEVER
from tidings.accumulate.entries import Entries
from tidings.domain.compare import Comparison
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.sql import Query

MAX_ENTRIES = 500
"""Entries kept: the latest."""
MAX_WALK = 20
"""Changes looked at to find the one that turns a test; then it wakes to look on from there."""
_instant = itemgetter(0)


class Recent(msgspec.Struct, frozen=True):
    """Value: at most `MAX_ENTRIES` of [occurred_us, entry], sorted. Windows of any length share it."""

    timeless: ClassVar[bool] = False
    whole: Entries
    """The kind."""
    window_us: int

    @property
    def instant(self) -> bool:
        """See `Accumulator.instant`."""
        return False

    @property
    def filter(self) -> EventFilter:
        return self.whole.filter

    @property
    def key(self) -> str:
        return f"recent:{self.whole.taken}:{self.whole.name}:{self.filter.key()}"

    def fold(self, value: list[list[Any]] | None, event: Event) -> list[list[Any]] | None:
        entry = self.whole.entry(event)
        if entry is None:
            return value
        if value is None:
            return [[event.occurred_us, entry]]
        insort(value, [event.occurred_us, entry])
        del value[:-MAX_ENTRIES]
        return value

    def merge(self, one: list[list[Any]], other: list[list[Any]]) -> list[list[Any]]:
        return sorted([*one, *other])[-MAX_ENTRIES:]

    def read(self, value: list[list[Any]] | None) -> Any:
        return self.read_at(value, value[-1][0]) if value else self.whole.of(())

    def read_at(self, value: list[list[Any]] | None, at_us: int) -> Any:
        if not value:
            return self.whole.of(())
        first = bisect_right(value, at_us - self.window_us, key=_instant)
        return self.whole.of([entry for _, entry in value[first : bisect_right(value, at_us, key=_instant)]])

    def changes_us(self, value: list[list[Any]] | None, at_us: int) -> Iterator[int]:
        """The instants after `at_us` at which an entry comes or goes, in order."""
        yield from sorted({us for at, _ in value or () for us in (at, at + self.window_us) if us > at_us})

    def next_us(self, value: list[list[Any]] | None, at_us: int, tests: Sequence[Comparison]) -> int:
        if not value or value[-1][0] > at_us:  # asked about an instant before the latest event
            return first_turn(self.changes_us(value, at_us), lambda us: self.read_at(value, us), at_us, tests)
        inside = value[bisect_right(value, at_us - self.window_us, key=_instant) :]
        entries = [entry for _, entry in inside]
        known = self.whole.of(entries)
        now = [one.test(known) for one in tests]
        walked = 0
        for place, ((drops_us, _), known) in enumerate(zip(inside, self.whole.dropping(entries), strict=True), 1):
            if place < len(inside) and inside[place][0] == drops_us:
                continue  # it drops out together with the next
            walked += 1
            if walked == MAX_WALK or [one.test(known) for one in tests] != now:
                return int(drops_us) + self.window_us
        return NEVER

    def sql(self, query: Query) -> str:
        rows = self.whole.entries_sql(query.within(self.window_us))
        latest = "row_number() OVER (PARTITION BY profile_id ORDER BY occurred_us DESC, entry DESC)"
        return self.whole.of_sql(f"SELECT * FROM ({rows}) QUALIFY {latest} <= {MAX_ENTRIES}")


def first_turn(changes_us: Iterator[int], read: Any, at_us: int, tests: Sequence[Comparison]) -> int:
    """The first of some instants at which one of the tests on what is read then is not what it was at `at_us`."""
    known = read(at_us)
    now = [one.test(known) for one in tests]
    for number, change_us in enumerate(changes_us, 1):
        value = read(change_us)
        if number == MAX_WALK or [one.test(value) for one in tests] != now:
            return change_us
    return NEVER
