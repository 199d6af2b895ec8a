"""distinct: how many different values a property had; exact up to a bound, an estimate above it.

Keeps the K smallest 64-bit hashes of the values seen (a K-minimum-values sketch: Bar-Yossef et al., "Counting distinct
elements in a data stream", 2002). Fewer than K hashes are an exact count; from K on the estimate is
(K - 1) / (K-th smallest hash as a fraction), with a relative standard error of about 1/sqrt(K - 2) = 4.4 %.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from tidings.accumulate.base import only, required_property
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter

EXACT_UP_TO = 512
"""Up to so many values the count is exact; also the bound of the state."""


@lru_cache(maxsize=1 << 16)  # the same few thousand products again and again
def hash64(text: str) -> int:
    """64 bits that depend on a text."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


class Distinct(msgspec.Struct, frozen=True):
    """Value: sorted list of at most `EXACT_UP_TO` hashes."""

    filter: EventFilter
    name: str

    @property
    def key(self) -> str:
        return f"distinct:{self.name}:{self.filter.key()}"

    def fold(self, value: list[int] | None, event: Event) -> list[int] | None:
        seen = event.properties.get(self.name)
        if seen is None or isinstance(seen, dict | list):
            return value
        new = hash64(seen if isinstance(seen, str) else str(seen))
        if value is None:
            return [new]
        place = bisect_left(value, new)
        if (place == len(value) or value[place] != new) and place < EXACT_UP_TO:
            value.insert(place, new)
            del value[EXACT_UP_TO:]
        return value

    def merge(self, one: list[int], other: list[int]) -> list[int]:
        return sorted({*one, *other})[:EXACT_UP_TO]

    def read(self, value: list[int] | None) -> int:
        if value is None:
            return 0
        if len(value) < EXACT_UP_TO:
            return len(value)
        return round((EXACT_UP_TO - 1) / (value[-1] / 2**64))


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Distinct:
    only(raw, {"event", "where", "property", "description"}, where)
    return Distinct(events, required_property(raw, where))
