"""top: the value that a property had most often, or the k most frequent.

Counts are kept for at most `MAX_VALUES` values: those with the smallest hashes. A value that belongs to the smallest of
all values also belonged to the smallest of any part of them, so its count is exact and the result does not depend on
order; a person with more different values than that gets the most frequent of a fair sample.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tidings.accumulate.base import only, required_property
from tidings.accumulate.distinct import hash64, texts_sql
from tidings.accumulate.entries import Entries
from tidings.domain import schema
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.sql import Query
from tidings.errors import DefinitionError

MAX_VALUES = 64
"""Values counted per person."""
MAX_K = 50
"""Most values that can be asked for."""
MAX_TEXT = 120
_MAX_REMEMBERED = 1 << 16
_SMALLEST = "row_number() OVER (PARTITION BY profile_id ORDER BY md5_number_upper(entry), entry)"


class _Hashes(dict[str, int]):
    """Hash by text, remembered: the same few thousand products come again and again, and finding the largest of a
    person's values takes all their hashes.
    """

    def __missing__(self, text: str) -> int:
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        found = self[text] = hash64(text)
        return found


_hash = _Hashes().__getitem__


def _order(text: str) -> tuple[int, str]:
    return _hash(text), text


def _largest(counts: dict[str, int]) -> tuple[int, str]:
    """The value that goes first once there are too many, with its hash; kept, as finding it takes every hash."""
    if len(counts) < MAX_VALUES:
        return 0, ""
    hashes = list(map(_hash, counts))  # whole numbers compare ten times faster than pairs
    largest = max(hashes)
    return largest, max(text for text, one in zip(counts, hashes, strict=True) if one == largest)


class Top(Entries, frozen=True):
    """Value: [hash, largest, {text: count}]; `largest` is the value with the largest hash of `MAX_VALUES` values."""

    kind: ClassVar[str] = "top"
    numeric: ClassVar[bool] = False
    taken: ClassVar[str] = "text"
    k: int = 0
    """How many are listed; 0 for the one most frequent, as a text."""

    @property
    def key(self) -> str:
        return f"top:md5:{self.name}:{self.filter.key()}"

    def fold(self, value: list[Any] | None, event: Event) -> list[Any] | None:
        text = self.entry(event)
        if text is None:
            return value
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

    def read(self, value: list[Any] | None) -> str | list[str] | None:
        """The value, or a list of the `k` most frequent, the most frequent first; the smaller text of equals."""
        return self._most(value[2] if value else {})

    def _most(self, counts: Mapping[str, int]) -> str | list[str] | None:
        if not self.k:
            return min(counts, key=lambda text: (-counts[text], text)) if counts else None
        return sorted(counts, key=lambda text: (-counts[text], text))[: self.k]

    def entry(self, event: Event) -> str | None:
        seen = event.properties.get(self.name)
        return None if seen is None or isinstance(seen, dict | list) else str(seen)[:MAX_TEXT]

    def of(self, entries: Sequence[str]) -> str | list[str] | None:
        return self._most(Counter(entries))

    def entries_sql(self, query: Query) -> str:
        cut = f"profile_id, occurred_us, left(own, {MAX_TEXT}) AS entry"
        return f"SELECT {cut} FROM ({texts_sql(query, self.filter, self.name)})"

    def sql(self, query: Query) -> str:
        return self._most_sql(self.entries_sql(query), f" QUALIFY {_SMALLEST} <= {MAX_VALUES}")

    def of_sql(self, rows: str) -> str:
        return self._most_sql(rows, "")

    def _most_sql(self, rows: str, bound: str) -> str:
        counts = f"SELECT profile_id, entry, count(*) AS times FROM ({rows}) GROUP BY profile_id, entry{bound}"
        ranked = (
            f"SELECT *, row_number() OVER (PARTITION BY profile_id ORDER BY times DESC, entry) AS place FROM ({counts})"
        )
        listed = "to_json(list(entry ORDER BY place))" if self.k else "to_json(any_value(entry))"
        return f"SELECT profile_id, {listed} AS value FROM ({ranked}) WHERE place <= {self.k or 1} GROUP BY profile_id"


SCHEMA = schema.settings(
    {**schema.EVENTS, "property": schema.NAME, "k": schema.whole(1, MAX_K), "within": schema.SPAN},
    ["event", "property"],
)


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Top:
    only(raw, {"event", "where", "property", "k", "within", "description"}, where)
    k = raw.get("k", 0)
    if not isinstance(k, int) or isinstance(k, bool) or ("k" in raw and not 1 <= k <= MAX_K):
        raise DefinitionError(where, "`k` is out of range", got=k, wanted=f"a whole number, 1 to {MAX_K}")
    return Top(events, required_property(raw, where), k)
