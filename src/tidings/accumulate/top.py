"""top: the value that a property had most often.

Counts are kept for at most `MAX_VALUES` values: those with the smallest hashes. A value that belongs to the smallest of
all values also belonged to the smallest of any part of them, so its count is exact and the result does not depend on
order; a person with more different values than that gets the most frequent of a fair sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tidings.accumulate.base import only, required_property
from tidings.accumulate.distinct import hash64
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter

MAX_VALUES = 64
"""Values counted per person."""
_MAX_TEXT = 120


def _bounded(counts: dict[str, int]) -> dict[str, int]:
    if len(counts) <= MAX_VALUES:
        return counts
    kept = sorted(counts, key=lambda value: (hash64(value), value))[:MAX_VALUES]
    return {value: counts[value] for value in kept}


class Top(msgspec.Struct, frozen=True):
    """Value: {text: count}."""

    filter: EventFilter
    name: str

    @property
    def key(self) -> str:
        return f"top:{self.name}:{self.filter.key()}"

    def fold(self, value: dict[str, int] | None, event: Event) -> dict[str, int] | None:
        seen = event.properties.get(self.name)
        if seen is None or isinstance(seen, dict | list):
            return value
        text = str(seen)[:_MAX_TEXT]
        counts = {} if value is None else value
        counts[text] = counts.get(text, 0) + 1
        return _bounded(counts)

    def merge(self, one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
        return _bounded({text: one.get(text, 0) + other.get(text, 0) for text in {**one, **other}})

    def read(self, value: dict[str, int] | None) -> str | None:
        if not value:
            return None
        return min(value, key=lambda text: (-value[text], text))


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Top:
    only(raw, {"event", "where", "property", "description"}, where)
    return Top(events, required_property(raw, where))
