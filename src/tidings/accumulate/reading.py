"""A computed trait as it is read: one accumulator at its place in a person's values, or a sum done with two of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import msgspec

from tidings.accumulate.base import NEVER, Accumulator
from tidings.accumulate.recent import Recent
from tidings.clock import format_duration
from tidings.domain import sql
from tidings.domain.compare import Comparison
from tidings.domain.sql import Query


class Reading(Protocol):
    """A value of a person, by her accumulators' values."""

    @property
    def slots(self) -> tuple[int, ...]:
        """Which values it reads."""
        ...

    @property
    def timeless(self) -> bool:
        """Whether only events change it; then `next_us` gives `NEVER`."""
        ...

    @property
    def instant(self) -> bool:
        """Whether it is an instant in microseconds."""
        ...

    def read(self, values: Sequence[Any], at_us: int) -> Any:
        """The value at an instant; None when unknown."""
        ...

    def next_us(self, values: Sequence[Any], at_us: int, tests: Sequence[Comparison]) -> int:
        """The next instant at which one of `tests` can turn by time alone."""
        ...

    def changes_us(self, values: Sequence[Any], at_us: int) -> Iterator[int]:
        """The instants after `at_us` at which it can change by time alone, in order; not of what always changes."""
        ...

    def sql(self, query: Query) -> str:
        """SELECT ``profile_id, value`` of everybody; JSON, NULL when unknown."""
        ...

    def words(self) -> str:
        """For people: ``sum of Order Completed``."""
        ...


class Named(Protocol):
    """What knows computed traits by name."""

    def computed(self, name: str) -> Reading | None:
        """A computed trait; None when there is none of that name."""
        ...


class Single(msgspec.Struct, frozen=True):
    """What one accumulator remembers."""

    slot: int
    accumulator: Any

    @property
    def slots(self) -> tuple[int, ...]:
        """See `Reading.slots`."""
        return (self.slot,)

    @property
    def timeless(self) -> bool:
        """See `Reading.timeless`."""
        return bool(self.accumulator.timeless)

    @property
    def instant(self) -> bool:
        """See `Reading.instant`."""
        return bool(self.accumulator.instant)

    def read(self, values: Sequence[Any], at_us: int) -> Any:
        """See `Reading.read`."""
        return self.accumulator.read_at(values[self.slot], at_us)

    def next_us(self, values: Sequence[Any], at_us: int, tests: Sequence[Comparison]) -> int:
        """See `Reading.next_us`."""
        found: int = self.accumulator.next_us(values[self.slot], at_us, tests) if not self.timeless else NEVER
        return found

    def changes_us(self, values: Sequence[Any], at_us: int) -> Iterator[int]:
        """See `Reading.changes_us`."""
        changes: Iterator[int] = iter(()) if self.timeless else self.accumulator.changes_us(values[self.slot], at_us)
        return changes

    def sql(self, query: Query) -> str:
        """See `Reading.sql`."""
        return with_everybody(self.accumulator, query)

    def words(self) -> str:
        """See `Reading.words`."""
        names = " or ".join(self.accumulator.filter.names)
        if isinstance(self.accumulator, Recent):
            window = format_duration(self.accumulator.window_us)
            return f"{self.accumulator.whole.kind} of {names} within {window}"
        return f"{getattr(self.accumulator, 'kind', type(self.accumulator).__name__.lower())} of {names}"


def is_number(reading: Reading) -> bool:
    """Whether a computed trait is a number wherever it is known: its kind says so."""
    held = getattr(reading, "accumulator", reading)
    return bool(getattr(getattr(held, "whole", held), "numeric", False))


def with_everybody(accumulator: Accumulator, query: Query) -> str:
    """The accumulator's SQL with those about whom nothing was seen."""
    nothing = sql.json(accumulator.read(None))
    return (
        f"SELECT person.profile_id, COALESCE(own.value, {nothing}) AS value FROM {query.PEOPLE} AS person"
        f" LEFT JOIN ({accumulator.sql(query)}) AS own ON own.profile_id = person.profile_id"
    )
