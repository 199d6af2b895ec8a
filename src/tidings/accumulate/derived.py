"""What `ratio` and `days_between` share: a computed trait that is made of two others, and remembers nothing itself."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from tidings.accumulate.base import NEVER, only
from tidings.accumulate.reading import Named, Reading
from tidings.accumulate.recent import first_turn
from tidings.domain.compare import Comparison
from tidings.domain.sql import Query
from tidings.errors import DefinitionError


class Derived(msgspec.Struct, frozen=True):
    """Two readings; the kinds say what they make together."""

    kind: ClassVar[str]
    numeric: ClassVar[bool] = True
    one: Any
    other: Any

    @property
    def slots(self) -> tuple[int, ...]:
        return (*self.one.slots, *self.other.slots)

    @property
    def timeless(self) -> bool:
        return bool(self.one.timeless and self.other.timeless)

    @property
    def instant(self) -> bool:
        return False

    def of(self, one: Any, other: Any) -> Any:
        """What the two make together; None when it cannot be said."""
        raise NotImplementedError

    def of_sql(self, one: str, other: str) -> str:
        """The same of two JSON expressions."""
        raise NotImplementedError

    def read(self, values: Sequence[Any], at_us: int) -> Any:
        return self.of(self.one.read(values, at_us), self.other.read(values, at_us))

    def changes_us(self, values: Sequence[Any], at_us: int) -> Iterator[int]:
        return heapq.merge(self.one.changes_us(values, at_us), self.other.changes_us(values, at_us))

    def next_us(self, values: Sequence[Any], at_us: int, tests: Sequence[Comparison]) -> int:
        if self.timeless:
            return NEVER
        return first_turn(self.changes_us(values, at_us), lambda us: self.read(values, us), at_us, tests)

    def sql(self, query: Query) -> str:
        return (
            f"SELECT one.profile_id, {self.of_sql('one.value', 'other.value')} AS value FROM ({self.one.sql(query)}) AS one"
            f" JOIN ({self.other.sql(query)}) AS other ON one.profile_id = other.profile_id"
        )

    def words(self) -> str:
        return f"{self.kind} of ({self.one.words()}) and ({self.other.words()})"


def two(raw: Any, settings: tuple[str, str], known: Named, where: str) -> tuple[Reading, Reading]:
    """The two computed traits that the settings name."""
    if not isinstance(raw, Mapping):
        raise DefinitionError(where, "needs settings", got=raw, wanted=", ".join(settings))
    only(raw, {*settings, "description"}, where)
    found = []
    for setting in settings:
        reading = known.computed(raw[setting]) if isinstance(raw.get(setting), str) else None
        if reading is None:
            raise DefinitionError(
                f"{where}.{setting}", "needs the name of a computed trait defined before", got=raw.get(setting)
            )
        found.append(reading)
    return found[0], found[1]
