"""latest: the instants of the K latest events; what "at least K within W" needs, and no more."""

from __future__ import annotations

from bisect import insort

from tidings.accumulate.base import Timeless
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.sql import Query

MAX_K = 1_000
"""Largest K that a condition may ask for."""


class Latest(Timeless, frozen=True):
    """Value: at most `k` instants (microseconds), oldest first."""

    filter: EventFilter
    k: int

    @property
    def key(self) -> str:
        return f"latest:{self.k}:{self.filter.key()}"

    def fold(self, value: list[int] | None, event: Event) -> list[int]:
        if value is None:
            return [event.occurred_us]
        if len(value) < self.k or event.occurred_us > value[0]:
            insort(value, event.occurred_us)
            del value[: -self.k]
        return value

    def merge(self, one: list[int], other: list[int]) -> list[int]:
        return sorted([*one, *other])[-self.k :]

    def read(self, value: list[int] | None) -> list[int]:
        return value or []

    def rows(self, query: Query) -> str:
        """SELECT ``profile_id, occurred_us``: the same instants, a row each."""
        found = query.matching(self.filter, "profile_id, occurred_us")
        place = "row_number() OVER (PARTITION BY profile_id ORDER BY occurred_us DESC)"
        return f"SELECT profile_id, occurred_us FROM ({found}) QUALIFY {place} <= {self.k}"

    def sql(self, query: Query) -> str:
        listed = "to_json(list(occurred_us ORDER BY occurred_us)) AS value"
        return f"SELECT profile_id, {listed} FROM ({self.rows(query)}) GROUP BY profile_id"
