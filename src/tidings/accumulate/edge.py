"""What `first` and `last` share: a property (or the instant) of the earliest or latest event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.domain.event import Event
from tidings.errors import DefinitionError

MAX_TEXT = 500
"""Longest text kept; more is cut."""


def entry(event: Event, name: str) -> list[Any] | None:
    """[occurred_us, event_id, value] of one event; None when it lacks the property. No name means the instant."""
    if not name:
        return [event.occurred_us, event.event_id, None]
    value = event.properties.get(name)
    if value is None or isinstance(value, dict | list):
        return None
    return [event.occurred_us, event.event_id, value[:MAX_TEXT] if isinstance(value, str) else value]


def order(value: list[Any]) -> tuple[int, str, bytes]:
    """Earlier or later; what two sources say at one instant under one event id is told apart by what they say."""
    return value[0], value[1], msgspec.json.encode(value[2])


def read(value: list[Any] | None) -> Any:
    """The property, or the instant in microseconds when none was named."""
    if value is None:
        return None
    return value[0] if value[2] is None else value[2]


def property_name(raw: Mapping[str, Any], where: str) -> str:
    """The optional `property` setting; empty for the instant."""
    only(raw, {"event", "where", "property", "description"}, where)
    name = raw.get("property", "")
    if not isinstance(name, str):
        raise DefinitionError(where, "`property` needs a name", got=name)
    return name
