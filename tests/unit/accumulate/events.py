"""Events of one person, for the tests of accumulators."""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import Accumulator
from tidings.domain.event import Event


def event(number: int, name: str = "Added", at_us: int = 0, **properties: Any) -> Event:
    return Event(
        event_id=f"e{number}",
        kind="track",
        name=name,
        occurred_us=at_us,
        received_us=at_us,
        offset=number,
        properties=properties,
    )


def fold(accumulator: Accumulator, events: list[Event]) -> Any:
    value = None
    for one in events:
        value = accumulator.fold(value, one)
    return value
