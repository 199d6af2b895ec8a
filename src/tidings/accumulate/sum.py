"""sum: the total of a numeric property, exact.

Kept as an integer of millionths, because adding floats in another order gives another sum, and law 1 forbids that. An
integer beyond 64 bits, which nobody spends but anybody may send, is kept as text, so that it can be stored at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import msgspec

from tidings.accumulate.base import only, required_property
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter

MILLIONTHS = 1_000_000
_LARGEST = 1e12
_STORABLE = 2**63


def millionths(value: Any) -> int | None:
    """A number (or a text that is one) in millionths; None for anything else or beyond ±1e12."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or abs(value) > _LARGEST:
        return None
    return round(value * MILLIONTHS)


def _packed(total: int) -> int | str:
    return total if -_STORABLE <= total < _STORABLE else str(total)


class Sum(msgspec.Struct, frozen=True):
    """Value: an integer of millionths, as text when it is beyond 64 bits."""

    filter: EventFilter
    name: str

    @property
    def key(self) -> str:
        return f"sum:{self.name}:{self.filter.key()}"

    def fold(self, value: int | str | None, event: Event) -> int | str | None:
        amount = millionths(event.properties.get(self.name))
        if amount is None:
            return value
        return amount if value is None else _packed(int(value) + amount)

    def merge(self, one: int | str, other: int | str) -> int | str:
        return _packed(int(one) + int(other))

    def read(self, value: int | str | None) -> float:
        return 0.0 if value is None else int(value) / MILLIONTHS


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Sum:
    only(raw, {"event", "where", "property", "description"}, where)
    return Sum(events, required_property(raw, where))
