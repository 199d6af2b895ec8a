"""average: the mean of a numeric property over the events that have it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from tidings.accumulate.base import only, required_property
from tidings.accumulate.entries import Entries
from tidings.accumulate.numbers import millionths, packed, units, units_sql
from tidings.domain import schema
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter


class Average(Entries, frozen=True):
    """Value: [sum in millionths, how many]."""

    kind: ClassVar[str] = "average"

    def fold(self, value: list[Any] | None, event: Event) -> list[Any] | None:
        amount = millionths(event.properties.get(self.name))
        if amount is None:
            return value
        return [amount, 1] if value is None else [packed(int(value[0]) + amount), value[1] + 1]

    def merge(self, one: list[Any], other: list[Any]) -> list[Any]:
        return [packed(int(one[0]) + int(other[0])), one[1] + other[1]]

    def read(self, value: list[Any] | None) -> float | None:
        return None if value is None else units(*value)

    def of(self, entries: Sequence[int]) -> float | None:
        return units(sum(entries), len(entries)) if entries else None

    def dropping(self, entries: Sequence[int]) -> Iterator[float | None]:
        rest, count = sum(entries), len(entries)
        for entry in entries:
            rest, count = rest - entry, count - 1
            yield units(rest, count) if count else None

    def of_sql(self, rows: str) -> str:
        return f"SELECT profile_id, {units_sql('sum(entry)', 'count(*)')} AS value FROM ({rows}) GROUP BY profile_id"


SCHEMA = schema.settings({**schema.EVENTS, "property": schema.NAME, "within": schema.SPAN}, ["event", "property"])


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Average:
    only(raw, {"event", "where", "property", "within", "description"}, where)
    return Average(events, required_property(raw, where))
