"""first: a property of the earliest event, or its instant (microseconds) when no property is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tidings.accumulate import edge
from tidings.accumulate.edge import Edge
from tidings.domain import schema
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter


class First(Edge, frozen=True):
    """The earliest."""

    kind: ClassVar[str] = "first"
    sort: ClassVar[str] = "ASC"

    def fold(self, value: list[Any] | None, event: Event) -> list[Any] | None:
        # Nearly every event is later than the first: one look tells.
        return value if value is not None and event.occurred_us > value[0] else super().fold(value, event)

    def merge(self, one: list[Any], other: list[Any]) -> list[Any]:
        if one[:2] == other[:2]:
            return min(one, other, key=edge.order)
        return one if one[:2] < other[:2] else other


SCHEMA = schema.settings({**schema.EVENTS, "property": schema.NAME}, ["event"])


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> First:
    return First(events, edge.property_name(raw, where))
