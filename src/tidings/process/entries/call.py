"""call: the shop's own system begins a run, over the API with a secret key. ``entry: {call: {}}``."""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import only
from tidings.domain import called, feedback, schema
from tidings.domain.event import Event
from tidings.errors import DefinitionError
from tidings.process.entries.base import Entry, EntryBase
from tidings.rules.base import Traits

SCHEMA = schema.settings({"call": {"type": ["object", "null"], "additionalProperties": False}}, ["call"])


class CallEntry(EntryBase, frozen=True):
    """No settings."""

    def hears(self) -> tuple[str, ...]:
        return (feedback.JOURNEY_CALLED,)

    def begins(self, event: Event, journey: str) -> dict[str, Any] | None:
        return event.properties if called.calls(event, journey) else None

    def words(self) -> str:
        return "is named in a call of the API"


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Entry:  # noqa: ARG001 - the parsers' signature
    only(raw, {"call"}, where)
    if raw["call"] not in ({}, None):
        raise DefinitionError(f"{where}.call", "has no settings", got=raw["call"], wanted="{}")
    return CallEntry()
