"""The contract of an entry: what it hears of, and whether that begins a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.item import ItemChange
from tidings.domain.profile import ProfileState
from tidings.process.entries.calendar import Timetable
from tidings.process.segment import Change
from tidings.rules.base import Condition, Traits


class Entry(Protocol):
    """One way into a journey."""

    def hears(self) -> tuple[str, ...]:
        """Names of events that it must be told of."""
        ...

    def begins(self, event: Event, journey: str) -> dict[str, Any] | None:
        """What a run of this journey that this event begins keeps of it; None when it begins none. The name is known to be one it hears."""
        ...

    def misses(self, event: Event) -> list[str]:
        """Why this event, which it hears, begins no run: what does not hold, with the value that is there; empty if it does."""
        ...

    def watches(self) -> str:
        """The segment of whose changes it must be told; empty for none."""
        ...

    def turned(self, change: Change) -> bool:
        """Whether this change of the segment that it watches begins a run."""
        ...

    def denied(self, state: ProfileState) -> str:
        """Why a run that was begun late, at an instant of which not all had been heard, was begun wrongly; empty if it was not.

        It ends with `TAKEN_BACK`.
        """
        ...

    def timetable(self) -> Timetable | None:
        """When it begins runs by time alone; None when it does not."""
        ...

    def looks(self) -> int:
        """The slot of the items of whose changes it must be told; -1 for none."""
        ...

    def wants(self, change: ItemChange) -> bool:
        """Whether this change of an item is one that it is about."""
        ...

    def concerns(self, state: ProfileState, change: ItemChange, at_us: int) -> bool:
        """Whether a change that it wants begins a run of this person."""
        ...

    def filters(self) -> tuple[EventFilter, ...]:
        """Events that its definition names."""
        ...

    def rules(self) -> tuple[Condition, ...]:
        """Rules that its definition has."""
        ...

    def words(self) -> str:
        """The entry for people: ``did Product Added``."""
        ...


TAKEN_BACK = "after all"
"""How the outcome of a run ends that was begun wrongly: for re-entry it never was."""

Parser = Callable[[dict[str, Any], Traits, str], Entry]
"""(the entry as written, traits, where) to an entry."""


class EntryBase(msgspec.Struct, frozen=True):
    """What most entries do not do."""

    def hears(self) -> tuple[str, ...]:
        return ()

    def begins(self, event: Event, journey: str) -> dict[str, Any] | None:  # noqa: ARG002 - it hears of none
        return None

    def misses(self, event: Event) -> list[str]:  # noqa: ARG002 - it hears of none
        return []

    def watches(self) -> str:
        return ""

    def turned(self, change: Change) -> bool:  # noqa: ARG002 - it watches no segment
        return False

    def denied(self, state: ProfileState) -> str:  # noqa: ARG002 - what has happened, has happened
        return ""

    def timetable(self) -> Timetable | None:
        return None

    def looks(self) -> int:
        return -1

    def wants(self, change: ItemChange) -> bool:  # noqa: ARG002 - it looks at no items
        return False

    def concerns(self, state: ProfileState, change: ItemChange, at_us: int) -> bool:  # noqa: ARG002
        return False

    def filters(self) -> tuple[EventFilter, ...]:
        return ()

    def rules(self) -> tuple[Condition, ...]:
        return ()
