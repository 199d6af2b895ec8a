"""What a change does to segments, computed on real history: who is in before, who after, by SQL over the lake."""

from __future__ import annotations

import duckdb
import msgspec

from tidings.domain.sql import LAKE, Query
from tidings.lake.duck import run
from tidings.process.segment import Segment
from tidings.workspace import Definitions

SAMPLE = 5
"""People named of those who enter or leave."""
_PEOPLE = "CREATE OR REPLACE TEMP TABLE known_people AS SELECT DISTINCT profile_id FROM known_events"
_MEMBERS = "CREATE OR REPLACE TEMP TABLE {name} AS SELECT DISTINCT profile_id FROM ({asked})"
_COUNT = "SELECT count(*) FROM {name}"
_GONE = "SELECT profile_id FROM {one} EXCEPT SELECT profile_id FROM {other}"
_SAMPLE = "SELECT profile_id FROM ({gone}) ORDER BY profile_id LIMIT {limit}"


class SegmentEffect(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to the members of one segment."""

    segment: str
    before: int
    """Members under the definitions that run."""
    after: int
    """Members under the new ones."""
    enter: int
    leave: int
    entering: list[str]
    """Ids of some who enter."""
    leaving: list[str]
    """Ids of some who leave."""


def look(lake: duckdb.DuckDBPyConnection, at_us: int) -> Query:
    """Look at the history as it is known at an instant; what to ask it with."""
    query = Query(at_us, at_us)
    known = f"SELECT * FROM {LAKE} AS rows WHERE rows.occurred_us <= {at_us} AND rows.received_us <= {at_us}"
    run(lake, f"CREATE OR REPLACE TEMP TABLE {Query.EVENTS} AS {known}")
    run(lake, _PEOPLE)
    return query


def effects(
    lake: duckdb.DuckDBPyConnection, before: Definitions, after: Definitions, query: Query
) -> list[SegmentEffect]:
    """Each segment that is added, removed, or asks something else now, be it for a trait that changed."""
    found = []
    for name in dict.fromkeys([*after.segments.by_name, *before.segments.by_name]):
        old, new = before.segments.by_name.get(name), after.segments.by_name.get(name)
        if asks(old, query) != asks(new, query):
            found.append(_effect(lake, name, old, new, query))
    return found


def entering_by_time(lake: duckdb.DuckDBPyConnection, after: Definitions, query: Query, later_us: int) -> list[str]:
    """Ids of people who are in a segment at a later instant and not now, if nothing happens until then."""
    later = Query(later_us, query.known_us)
    found: dict[str, None] = {}
    for segment in after.segments.all():
        _members(lake, "now_in", segment, query)
        _members(lake, "then_in", segment, later)
        found |= dict.fromkeys(row[0] for row in run(lake, _GONE.format(one="then_in", other="now_in")))
    return list(found)


def asks(segment: Segment | None, query: Query) -> str:
    """What a segment asks of the history: another text when it means something else, be it for what it is made of."""
    return segment.rule.sql(query) if segment is not None else ""


def _members(lake: duckdb.DuckDBPyConnection, name: str, segment: Segment | None, query: Query) -> int:
    asked = asks(segment, query) or "SELECT NULL::VARCHAR AS profile_id WHERE false"
    run(lake, _MEMBERS.format(name=name, asked=asked))
    return int(run(lake, _COUNT.format(name=name))[0][0])


def _effect(
    lake: duckdb.DuckDBPyConnection, name: str, old: Segment | None, new: Segment | None, query: Query
) -> SegmentEffect:
    before, after = _members(lake, "members_before", old, query), _members(lake, "members_after", new, query)
    leave = _GONE.format(one="members_before", other="members_after")
    enter = _GONE.format(one="members_after", other="members_before")
    return SegmentEffect(
        segment=name,
        before=before,
        after=after,
        enter=int(run(lake, f"SELECT count(*) FROM ({enter})")[0][0]),
        leave=int(run(lake, f"SELECT count(*) FROM ({leave})")[0][0]),
        entering=_some(lake, enter),
        leaving=_some(lake, leave),
    )


def _some(lake: duckdb.DuckDBPyConnection, gone: str) -> list[str]:
    return [row[0] for row in run(lake, _SAMPLE.format(gone=gone, limit=SAMPLE))]
