"""distinct: how many different values a property had; exact up to a bound, an estimate above it.

Keeps the K smallest 64-bit hashes of the values seen (a K-minimum-values sketch: Bar-Yossef et al., "Counting distinct
elements in a data stream", 2002). Fewer than K hashes are an exact count; from K on the estimate is
(K - 1) / (K-th smallest hash as a fraction), with a relative standard error of about 1/sqrt(K - 2) = 4.4 %.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from hashlib import md5
from typing import Any, ClassVar

from tidings.accumulate.base import only, required_property
from tidings.accumulate.entries import Entries
from tidings.domain import schema
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.sql import Query, as_text, member

EXACT_UP_TO = 512
"""Up to so many values the count is exact; also the bound of the state."""


@lru_cache(maxsize=1 << 16)  # the same few thousand products again and again
def hash64(text: str) -> int:
    """64 bits that depend on a text. MD5 spreads as evenly as any, and SQL has it too; nothing secret here."""
    data = text.encode("utf-8", "surrogatepass")
    return int.from_bytes(md5(data, usedforsecurity=False).digest()[:8], "little")


def text_sql(value: str) -> str:
    """The text of a JSON expression, as Python writes it; NULL for nothing, a list or an object."""
    return (
        f"CASE json_type({value}) WHEN 'VARCHAR' THEN {as_text(value)} WHEN 'UBIGINT' THEN {value}::VARCHAR"
        f" WHEN 'BIGINT' THEN {value}::VARCHAR WHEN 'DOUBLE' THEN TRY_CAST({value} AS DOUBLE)::VARCHAR"
        f" WHEN 'BOOLEAN' THEN CASE {as_text(value)} WHEN 'true' THEN 'True' ELSE 'False' END END"
    )


def texts_sql(query: Query, events: EventFilter, name: str) -> str:
    """SELECT ``profile_id, occurred_us, own``: the events that have the property, with its text."""
    own = text_sql(member("properties", name))
    return f"SELECT * FROM ({query.matching(events, f'profile_id, occurred_us, {own} AS own')}) WHERE own IS NOT NULL"


class Distinct(Entries, frozen=True):
    """Value: sorted list of at most `EXACT_UP_TO` hashes."""

    kind: ClassVar[str] = "distinct"
    taken: ClassVar[str] = "hash"

    @property
    def key(self) -> str:
        return f"distinct:md5:{self.name}:{self.filter.key()}"

    def fold(self, value: list[int] | None, event: Event) -> list[int] | None:
        new = self.entry(event)
        if new is None:
            return value
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

    def entry(self, event: Event) -> int | None:
        seen = event.properties.get(self.name)
        return None if seen is None or isinstance(seen, dict | list) else hash64(str(seen))

    def of(self, entries: Sequence[int]) -> int:
        return len(set(entries))

    def dropping(self, entries: Sequence[int]) -> Iterator[int]:
        counts = Counter(entries)
        for entry in entries:
            counts[entry] -= 1
            if not counts[entry]:
                del counts[entry]
            yield len(counts)

    def entries_sql(self, query: Query) -> str:
        hashed = "profile_id, occurred_us, md5_number_upper(own) AS entry"
        return f"SELECT {hashed} FROM ({texts_sql(query, self.filter, self.name)})"

    def of_sql(self, rows: str) -> str:
        hashes = f"SELECT DISTINCT profile_id, entry FROM ({rows})"
        ranked = f"SELECT *, row_number() OVER (PARTITION BY profile_id ORDER BY entry) AS place FROM ({hashes})"
        estimate = f"round_even({EXACT_UP_TO - 1} / (max(entry)::DOUBLE / {2**64}::DOUBLE), 0)::BIGINT"
        return (
            f"SELECT profile_id, to_json(CASE WHEN count(*) < {EXACT_UP_TO} THEN count(*) ELSE {estimate} END) AS value"
            f" FROM ({ranked}) WHERE place <= {EXACT_UP_TO} GROUP BY profile_id"
        )


SCHEMA = schema.settings({**schema.EVENTS, "property": schema.NAME, "within": schema.SPAN}, ["event", "property"])


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> Distinct:
    only(raw, {"event", "where", "property", "within", "description"}, where)
    return Distinct(events, required_property(raw, where))
