"""What `first` and `last` share: a property (or the instant) of the earliest or latest event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec

from tidings.accumulate.base import Timeless, only
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.sql import Query, as_text, member
from tidings.errors import DefinitionError

MAX_TEXT = 500
"""Longest text kept; more is cut."""


class Edge(Timeless, frozen=True):
    """Value: [occurred_us, event_id, value]; the event id breaks ties. The kinds say in `merge` which of two stays."""

    kind: ClassVar[str]
    sort: ClassVar[str]
    """Which end of the events comes first in SQL: ``ASC`` or ``DESC``."""
    filter: EventFilter
    name: str = ""
    """The property; empty for the instant itself."""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.name}:{self.filter.key()}"

    def fold(self, value: list[Any] | None, event: Event) -> list[Any] | None:
        new = self._entry(event)
        if value is None or new is None:
            return new or value
        return self.merge(value, new)

    def merge(self, one: list[Any], other: list[Any]) -> list[Any]:
        raise NotImplementedError

    def read(self, value: list[Any] | None) -> Any:
        """The property, or the instant in microseconds when none was named."""
        if value is None:
            return None
        return value[0] if value[2] is None else value[2]

    @property
    def instant(self) -> bool:
        """See `Accumulator.instant`."""
        return not self.name

    def sql(self, query: Query) -> str:
        raw = member("properties", self.name) if self.name else "to_json(occurred_us)"
        cut = f"CASE json_type({raw}) WHEN 'VARCHAR' THEN to_json(left({as_text(raw)}, {MAX_TEXT})) ELSE {raw} END"
        known = f"json_type({raw}) NOT IN ('NULL', 'ARRAY', 'OBJECT')"
        found = query.matching(self.filter, f"profile_id, occurred_us, event_id, {cut} AS value", known)
        order = ", ".join(f"{column} {self.sort}" for column in ("occurred_us", "event_id", "value::VARCHAR"))
        first = f"row_number() OVER (PARTITION BY profile_id ORDER BY {order}) = 1"
        return f"SELECT profile_id, value FROM ({found}) QUALIFY {first}"

    def _entry(self, event: Event) -> list[Any] | None:
        """What one event says; None when it lacks the property."""
        if not self.name:
            return [event.occurred_us, event.event_id, None]
        value = event.properties.get(self.name)
        if value is None or isinstance(value, dict | list):
            return None
        return [event.occurred_us, event.event_id, value[:MAX_TEXT] if isinstance(value, str) else value]


def order(value: list[Any]) -> tuple[int, str, bytes]:
    """Earlier or later; what two sources say at one instant under one event id is told apart by what they say."""
    return value[0], value[1], msgspec.json.encode(value[2])


def property_name(raw: Mapping[str, Any], where: str) -> str:
    """The optional `property` setting; empty for the instant."""
    only(raw, {"event", "where", "property", "description"}, where)
    name = raw.get("property", "")
    if not isinstance(name, str):
        raise DefinitionError(where, "`property` needs a name", got=name)
    return name
