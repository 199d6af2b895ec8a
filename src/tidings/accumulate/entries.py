"""What the kinds share that make one value of the entries of many events: the same of all of them, and of a window.

An entry is what one event contributes: an amount in millionths, a text, a hash. A kind says how to take the entry from an
event (`entry`, None when the property is missing or of another type) and what many of them make together (`of`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from tidings.accumulate.base import Timeless
from tidings.accumulate.numbers import amounts_sql, millionths
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.sql import Query


class Entries(Timeless, frozen=True):
    """A kind that makes one value of entries."""

    kind: ClassVar[str]
    """Its name in definitions."""
    numeric: ClassVar[bool] = True
    """Whether it is a number, where it is known."""
    taken: ClassVar[str] = "amount"
    """What an entry is; kinds that take the same share one memory of the latest ones."""
    filter: EventFilter
    name: str
    """The property; empty when none is needed."""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}:{self.filter.key()}"

    def entry(self, event: Event) -> Any:
        """What one event contributes; None when nothing."""
        return millionths(event.properties.get(self.name))

    def of(self, entries: Sequence[Any]) -> Any:
        """What they make together; the same as `read(None)` when there are none."""
        raise NotImplementedError

    def dropping(self, entries: Sequence[Any]) -> Iterator[Any]:
        """What the rest makes as they drop out one by one, the first first: ``of(entries[1:])`` and so on.

        Kinds that can take one away do so: a window is looked at with every event, and may hold hundreds.
        """
        return (self.of(entries[place:]) for place in range(1, len(entries) + 1))

    def entries_sql(self, query: Query) -> str:
        """SELECT ``profile_id, occurred_us, entry``."""
        return amounts_sql(query, self.filter, self.name)

    def of_sql(self, rows: str) -> str:
        """SELECT ``profile_id, value`` of such rows."""
        raise NotImplementedError

    def sql(self, query: Query) -> str:
        return self.of_sql(self.entries_sql(query))
