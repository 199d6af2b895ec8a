"""sum: the total of a numeric property, exact to a millionth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from tidings.accumulate.base import only, required_property
from tidings.accumulate.entries import Entries
from tidings.accumulate.numbers import MILLIONTHS, millionths, packed, units, units_sql
from tidings.domain import schema
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter

__all__ = ["MILLIONTHS", "Sum", "millionths", "parse"]


class Sum(Entries, frozen=True):
    """Value: an integer of millionths, as text when it is beyond 64 bits."""

    kind: ClassVar[str] = "sum"

    def fold(self, value: int | str | None, event: Event) -> int | str | None:
        amount = millionths(event.properties.get(self.name))
        if amount is None:
            return value
        return amount if value is None else packed(int(value) + amount)

    def merge(self, one: int | str, other: int | str) -> int | str:
        return packed(int(one) + int(other))

    def read(self, value: int | str | None) -> float:
        return 0.0 if value is None else units(value)

    def of(self, entries: Sequence[int]) -> float:
        return units(sum(entries))

    def dropping(self, entries: Sequence[int]) -> Iterator[float]:
        rest = sum(entries)
        for entry in entries:
            rest -= entry
            yield units(rest)

    def of_sql(self, rows: str) -> str:
        return f"SELECT profile_id, {units_sql('sum(entry)')} AS value FROM ({rows}) GROUP BY profile_id"


SCHEMA = schema.settings({**schema.EVENTS, "property": schema.NAME, "within": schema.SPAN}, ["event", "property"])


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Sum:
    only(raw, {"event", "where", "property", "within", "description"}, where)
    return Sum(events, required_property(raw, where))
