"""count: how many events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.accumulate.base import Timeless, only
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.sql import Query


class Count(Timeless, frozen=True):
    """Value: an integer."""

    filter: EventFilter

    @property
    def key(self) -> str:
        return f"count:{self.filter.key()}"

    def fold(self, value: int | None, event: Event) -> int:  # noqa: ARG002 - only its arrival counts
        return 1 if value is None else value + 1

    def merge(self, one: int, other: int) -> int:
        return one + other

    def read(self, value: int | None) -> int:
        return value or 0

    def sql(self, query: Query) -> str:
        return query.matching(self.filter, "profile_id, to_json(count(*)) AS value") + " GROUP BY profile_id"


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Count:
    only(raw, {"event", "where", "description"}, where)
    return Count(events)
