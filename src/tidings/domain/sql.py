"""Definitions as SQL over the lake, in the words of DuckDB: what law 4 compares live membership with.

A value in SQL is JSON, as the lake keeps it; SQL's NULL is Python's None. Comparisons are in `domain/compare_sql.py`.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tidings.domain.compare_sql import all_tests, equals, has_item, instant_sql, ordered, test
from tidings.domain.filter import EventFilter
from tidings.domain.literals import as_text, double, json, member, text

__all__ = [
    "LAKE", "Query", "all_tests", "as_text", "double", "equals", "has_item", "instant_sql", "json", "matches", "member", "ordered",
    "test", "text",
]  # fmt: skip

_EVER_US = -(2**62)

LAKE = """(SELECT profile AS profile_id, event_id, kind, name, epoch_us(occurred_at) AS occurred_us,
  epoch_us(received_at) AS received_us, properties, traits, context FROM events)"""
"""The relation to give to `Query.statement` on a connection of `lake.query`."""


class Query(msgspec.Struct, frozen=True):
    """The instant that is asked about, and the relations to ask.

    `EVENTS` has what had occurred by `at_us` and was known by `known_us`: ``profile_id, event_id, kind, name, occurred_us,
    received_us, properties, traits, context``. `PEOPLE` has the ``profile_id`` of everybody with such an event.
    """

    EVENTS: ClassVar[str] = "known_events"
    PEOPLE: ClassVar[str] = "known_people"

    at_us: int
    known_us: int
    from_us: int = _EVER_US
    """Only events from here on (inclusive) are asked about; `since` sets it."""

    def statement(self, lake: str, asked: str) -> str:
        """The whole statement: `asked` over the rows of the relation `lake`, which has the columns of `EVENTS`."""
        return (
            f"WITH {self.EVENTS} AS MATERIALIZED (SELECT * FROM {lake} AS rows"
            f" WHERE rows.occurred_us <= {self.at_us} AND rows.received_us <= {self.known_us}),\n"
            f"{self.PEOPLE} AS MATERIALIZED (SELECT DISTINCT profile_id FROM {self.EVENTS})\n{asked}"
        )

    def since(self, from_us: int) -> Query:
        """The same, of events from this instant on."""
        return msgspec.structs.replace(self, from_us=max(from_us, self.from_us))

    def within(self, span_us: int) -> Query:
        """The same, of events in the sliding window: ``at - span < occurred <= at``; no window when the span is 0."""
        return self.since(self.at_us - span_us + 1) if span_us else self

    def matching(self, events: EventFilter, columns: str, *also: str) -> str:
        """SELECT `columns` of the events that are meant; `also` are more tests."""
        tests = [matches(events), *also]
        if self.from_us != _EVER_US:
            tests.append(f"occurred_us >= {self.from_us}")
        return f"SELECT {columns} FROM {self.EVENTS} WHERE {' AND '.join(tests)}"

    def people(self) -> str:
        """SELECT everybody."""
        return f"SELECT profile_id FROM {self.PEOPLE}"


def matches(events: EventFilter) -> str:
    """Whether a row of the events is meant: `EventFilter.matches`."""
    names = ", ".join(text(name) for name in events.names)
    tests = [test(member("properties", name), one) for name, many in events.where for one in many]
    return " AND ".join([f"name IN ({names})", *tests])
