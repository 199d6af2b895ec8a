"""count: how many events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from tidings.accumulate.base import only
from tidings.accumulate.entries import Entries
from tidings.domain import schema
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.sql import Query


class Count(Entries, frozen=True):
    """Value: an integer."""

    kind: ClassVar[str] = "count"
    taken: ClassVar[str] = "event"
    name: str = ""

    @property
    def key(self) -> str:
        return f"count:{self.filter.key()}"

    def fold(self, value: int | None, event: Event) -> int:  # noqa: ARG002 - only its arrival counts
        return 1 if value is None else value + 1

    def merge(self, one: int, other: int) -> int:
        return one + other

    def read(self, value: int | None) -> int:
        return value or 0

    def entry(self, event: Event) -> int:  # noqa: ARG002 - only its arrival counts
        return 0

    def of(self, entries: Sequence[int]) -> int:
        return len(entries)

    def dropping(self, entries: Sequence[int]) -> Iterator[int]:
        return iter(range(len(entries) - 1, -1, -1))

    def entries_sql(self, query: Query) -> str:
        return query.matching(self.filter, "profile_id, occurred_us, 0 AS entry")

    def of_sql(self, rows: str) -> str:
        return f"SELECT profile_id, to_json(count(*)) AS value FROM ({rows}) GROUP BY profile_id"


SCHEMA = schema.settings({**schema.EVENTS, "within": schema.SPAN}, ["event"])


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Count:
    only(raw, {"event", "where", "within", "description"}, where)
    return Count(events)
