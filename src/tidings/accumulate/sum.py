"""sum: the total of a numeric property, exact.

Kept as an integer of millionths, because adding floats in another order gives another sum, and law 1 forbids that.
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


class Sum(msgspec.Struct, frozen=True):
    """Value: an integer of millionths."""

    filter: EventFilter
    name: str

    @property
    def key(self) -> str:
        return f"sum:{self.name}:{self.filter.key()}"

    def fold(self, value: int | None, event: Event) -> int | None:
        amount = millionths(event.properties.get(self.name))
        if amount is None:
            return value
        return amount if value is None else value + amount

    def merge(self, one: int, other: int) -> int:
        return one + other

    def read(self, value: int | None) -> float:
        return 0.0 if value is None else value / MILLIONTHS


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Sum:
    only(raw, {"event", "where", "property", "description"}, where)
    return Sum(events, required_property(raw, where))
