"""first: a property of the earliest event, or its instant (microseconds) when no property is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tidings.accumulate import edge
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter


class First(msgspec.Struct, frozen=True):
    """Value: [occurred_us, event_id, value]; the event id breaks ties."""

    filter: EventFilter
    name: str = ""

    @property
    def key(self) -> str:
        return f"first:{self.name}:{self.filter.key()}"

    def fold(self, value: list[Any] | None, event: Event) -> list[Any] | None:
        new = edge.entry(event, self.name)
        if value is None or new is None:
            return new or value
        return self.merge(value, new)

    def merge(self, one: list[Any], other: list[Any]) -> list[Any]:
        if one[:2] == other[:2]:
            return min(one, other, key=edge.order)
        return one if one[:2] < other[:2] else other

    def read(self, value: list[Any] | None) -> Any:
        return edge.read(value)


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> First:
    return First(events, edge.property_name(raw, where))
