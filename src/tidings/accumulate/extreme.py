"""What `minimum` and `maximum` share: the smallest or largest number that a property had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from tidings.accumulate.entries import Entries
from tidings.accumulate.numbers import millionths, units, units_sql
from tidings.domain.event import Event


class Extreme(Entries, frozen=True):
    """Value: an integer of millionths."""

    choose: ClassVar[Callable[..., Any]]
    """`min` or `max`; SQL has them under the same names."""

    def fold(self, value: int | None, event: Event) -> int | None:
        amount = millionths(event.properties.get(self.name))
        return value if amount is None else amount if value is None else self.merge(value, amount)

    def merge(self, one: int, other: int) -> int:
        chosen: int = type(self).choose(one, other)
        return chosen

    def read(self, value: int | None) -> float | None:
        return None if value is None else units(value)

    def of(self, entries: Sequence[int]) -> float | None:
        return self.read(type(self).choose(entries)) if entries else None

    def of_sql(self, rows: str) -> str:
        chosen = units_sql(f"{type(self).choose.__name__}(entry)")
        return f"SELECT profile_id, {chosen} AS value FROM ({rows}) GROUP BY profile_id"
