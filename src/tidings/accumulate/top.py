"""top: the value that a property had most often.

Counts are kept for at most `MAX_VALUES` values: those with the smallest hashes. A value that belongs to the smallest of
all values also belonged to the smallest of any part of them, so its count is exact and the result does not depend on
order; a person with more different values than that gets the most frequent of a fair sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import msgspec

from tidings.accumulate.base import only, required_property
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter

MAX_VALUES = 64
"""Values counted per person."""
_MAX_TEXT = 120
_MAX_REMEMBERED = 1 << 16


class _Orders(dict[str, tuple[int, str]]):
    """(hash, text) by text, remembered: the same few thousand products come again and again, and finding the largest of
    a person's values takes all their hashes.
    """

    def __missing__(self, text: str) -> tuple[int, str]:
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        found = self[text] = (crc32(text.encode("utf-8", "surrogatepass")), text)
        return found


_order = _Orders().__getitem__


def _largest(counts: dict[str, int]) -> tuple[int, str]:
    """The value that goes first once there are too many, with its hash; kept, as finding it takes every hash."""
    return max(map(_order, counts)) if len(counts) >= MAX_VALUES else (0, "")


class Top(msgspec.Struct, frozen=True):
    """Value: [hash, largest, {text: count}]; `largest` is the value with the largest hash of `MAX_VALUES` values."""

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
            return [0, "", {text: 1}]
        hashed, largest, counts = value
        if text in counts:
            counts[text] += 1
        elif len(counts) < MAX_VALUES:
            counts[text] = 1
            value[:2] = _largest(counts)
        elif _order(text) < (hashed, largest):
            del counts[largest]
            counts[text] = 1
            value[:2] = _largest(counts)
        return value

    def merge(self, one: list[Any], other: list[Any]) -> list[Any]:
        counts = {text: one[2].get(text, 0) + other[2].get(text, 0) for text in {**one[2], **other[2]}}
        kept = {text: counts[text] for text in sorted(counts, key=_order)[:MAX_VALUES]}
        return [*_largest(kept), kept]

    def read(self, value: list[Any] | None) -> str | None:
        if not value:
            return None
        counts: dict[str, int] = value[2]
        return min(counts, key=lambda text: (-counts[text], text))


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Top:
    only(raw, {"event", "where", "property", "description"}, where)
    return Top(events, required_property(raw, where))
