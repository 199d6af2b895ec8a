"""Which events a definition speaks of: names, and comparisons on their properties."""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.domain import compare
from tidings.domain.compare import Comparison
from tidings.domain.event import Event
from tidings.errors import DefinitionError

MAX_SHOWN_CHARS = 100
"""Longest value shown of one property."""


class EventFilter(msgspec.Struct, frozen=True):
    """Events by name and properties."""

    names: tuple[str, ...]
    """Event names; any of them."""
    where: tuple[tuple[str, tuple[Comparison, ...]], ...] = ()
    """(property, comparisons); all of them."""

    def matches(self, event: Event) -> bool:
        """Whether this event is meant. The name is checked too."""
        return event.name in self.names and (not self.where or self.passes(event.properties))

    def passes(self, properties: dict[str, Any]) -> bool:
        """Whether the properties pass, the name being known to fit."""
        for name, comparisons in self.where:
            value = properties.get(name)
            for one in comparisons:
                if not one.test(value):
                    return False
        return True

    def misses(self, properties: dict[str, Any]) -> list[str]:
        """What does not pass, in words, with the value that is there: ``price is 4.5 (wanted: is at least 10)``."""
        return [
            f"{name} is {_shown(properties[name]) if name in properties else 'missing'} (wanted: {one.words()})"
            for name, comparisons in self.where
            for one in comparisons
            if not one.test(properties.get(name))
        ]

    def words(self) -> str:
        """For people: ``Order Completed with total is at least 50``."""
        names = " or ".join(self.names)
        tests = " and ".join(f"{name} {one.words()}" for name, many in self.where for one in many)
        return f"{names} with {tests}" if tests else names

    def key(self) -> str:
        """A text that is equal for equal filters; part of accumulator keys."""
        return msgspec.json.encode(self).decode()


def _shown(value: Any) -> str:
    """A value as JSON, cut."""
    said = msgspec.json.encode(value).decode()
    return said if len(said) <= MAX_SHOWN_CHARS else f"{said[:MAX_SHOWN_CHARS]}…"


def parse(event: Any, where: Any, path: str) -> EventFilter:
    """A filter from ``event: NAME`` or ``event: [NAMES]`` and an optional ``where: {property: comparison}``."""
    names = [event] if isinstance(event, str) else event
    if not isinstance(names, list) or not names or not all(isinstance(one, str) and one for one in names):
        raise DefinitionError(path, "`event` needs a name or a list of names", got=event)
    if where is not None and not isinstance(where, dict):
        raise DefinitionError(path, "`where` needs properties with comparisons", got=where)
    tests = tuple(sorted((str(k), compare.parse(v, f"{path}.where.{k}")) for k, v in (where or {}).items()))
    return EventFilter(tuple(sorted(set(names))), tests)
