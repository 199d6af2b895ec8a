"""event: an event begins a run. ``entry: {event: Product Added, where: {price: {at_least: 50}}}``."""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import only
from tidings.domain import filter as event_filter
from tidings.domain import schema
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.process.entries.base import Entry, EntryBase
from tidings.rules.base import Traits

SCHEMA = schema.settings({"event": schema.EVENT, "where": schema.WHERE}, ["event"])


class EventEntry(EntryBase, frozen=True):
    """Settings: event, where."""

    filter: EventFilter

    def hears(self) -> tuple[str, ...]:
        return self.filter.names

    def begins(self, event: Event, journey: str) -> dict[str, Any] | None:  # noqa: ARG002 - any journey
        return event.properties if self.filter.passes(event.properties) else None

    def misses(self, event: Event) -> list[str]:
        return self.filter.misses(event.properties)

    def filters(self) -> tuple[EventFilter, ...]:
        return (self.filter,)

    def words(self) -> str:
        return f"did {self.filter.words()}"


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Entry:  # noqa: ARG001 - the parsers' signature
    only(raw, {"event", "where"}, where)
    return EventEntry(event_filter.parse(raw["event"], raw.get("where"), where))
