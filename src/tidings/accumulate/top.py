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


def _order(text: str) -> tuple[int, str]:
    return hash64(text), text


def _largest(counts: dict[str, int]) -> str:
    """The value that goes first when there are too many; kept beside the counts, as finding it takes every hash."""
    return max(counts, key=_order) if len(counts) >= MAX_VALUES else ""


class Top(msgspec.Struct, frozen=True):
    """Value: [largest, {text: count}]; `largest` is the value with the largest hash once there are `MAX_VALUES`."""

    filter: EventFilter
    name: str

    @property
    def key(self) -> str:
        return f"top:{self.name}:{self.filter.key()}"

    def fold(self, value: list[Any] | None, event: Event) -> list[Any] | None:
        seen = event.properties.get(self.name)
        if seen is None or isinstance(seen, dict | list):
            return value
        text = str(seen)[:_MAX_TEXT]
        if value is None:
            return ["", {text: 1}]
        largest, counts = value
        if text in counts:
            counts[text] += 1
        elif not largest:
            counts[text] = 1
            value[0] = _largest(counts)
        elif _order(text) < _order(largest):
            del counts[largest]
            counts[text] = 1
            value[0] = _largest(counts)
        return value

    def merge(self, one: list[Any], other: list[Any]) -> list[Any]:
        counts = {text: one[1].get(text, 0) + other[1].get(text, 0) for text in {**one[1], **other[1]}}
        kept = {text: counts[text] for text in sorted(counts, key=_order)[:MAX_VALUES]}
        return [_largest(kept), kept]

    def read(self, value: list[Any] | None) -> str | None:
        if not value or not value[1]:
            return None
        counts: dict[str, int] = value[1]
        return min(counts, key=lambda text: (-counts[text], text))


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Top:
    only(raw, {"event", "where", "property", "description"}, where)
    return Top(events, required_property(raw, where))
