"""last: a property of the latest event, or its instant (microseconds) when no property is named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from tidings.accumulate import edge
from tidings.accumulate.edge import Edge
from tidings.domain import schema
from tidings.domain.filter import EventFilter


class Last(Edge, frozen=True):
    """The latest."""

    kind: ClassVar[str] = "last"
    sort: ClassVar[str] = "DESC"

    def merge(self, one: list[Any], other: list[Any]) -> list[Any]:
        if one[0] != other[0]:
            return one if one[0] > other[0] else other
        if one[1] != other[1]:
            return one if one[1] > other[1] else other
        return max(one, other, key=edge.order)


SCHEMA = schema.settings({**schema.EVENTS, "property": schema.NAME}, ["event"])


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Last:
    return Last(events, edge.property_name(raw, where))
