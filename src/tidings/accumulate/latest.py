"""latest: the instants of the K latest events; what "at least K within W" needs, and no more."""

from __future__ import annotations

from bisect import insort

import msgspec

from tidings.domain.event import Event
from tidings.domain.filter import EventFilter

MAX_K = 1_000
"""Largest K that a condition may ask for."""


class Latest(msgspec.Struct, frozen=True):
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
