"""The SQL that kinds of conditions share (law 4): a condition is a SELECT of the `profile_id` of those for whom it holds.

Tests of values, literals and the `Query` itself are in `domain/sql.py`, as accumulators need them too.
"""

from __future__ import annotations

from collections.abc import Sequence

from tidings.domain.sql import LAKE, Query, all_tests, as_text, double, json, matches, member, ordered, test, text

__all__ = [
    "LAKE", "MAX_GIVEN_CHARS", "Query", "all_tests", "as_text", "chosen", "double", "everybody_but", "given", "json", "matches",
    "member", "ordered", "test", "text", "together",
]  # fmt: skip

MAX_GIVEN_CHARS = 2_000
"""As `process.profile.MAX_TRAIT_CHARS`; the layers do not let this package read it, a test compares the two."""


def together(word: str, parts: Sequence[str]) -> str:
    """Several SELECTs by ``INTERSECT`` or ``UNION``."""
    return f" {word} ".join(f"(SELECT profile_id FROM ({part}))" for part in parts)


def everybody_but(query: Query, part: str) -> str:
    """Those who are not in a SELECT."""
    return f"({query.people()}) EXCEPT (SELECT profile_id FROM ({part}))"


def chosen(values: str, passes: str) -> str:
    """Those of a SELECT of ``profile_id, value`` whose value passes a test."""
    return f"SELECT profile_id FROM ({values}) WHERE {passes}"


def given(query: Query, name: str) -> str:
    """SELECT ``profile_id, value`` of everybody: a given trait, which is the latest that `identify` said of it."""
    raw = member("traits", name)
    if name == "timezone":  # as process/profile.py takes it from where SDKs put it
        around = member("context", name)
        raw = f"COALESCE({raw}, CASE json_type({around}) WHEN 'VARCHAR' THEN {around} END)"
    cut = f"to_json(left({as_text('raw')}, {MAX_GIVEN_CHARS}))"
    too_long = f"json_type(raw) IN ('ARRAY', 'OBJECT') AND strlen(raw::VARCHAR) > {MAX_GIVEN_CHARS}"
    return (
        f"SELECT person.profile_id, own.value FROM {query.PEOPLE} AS person LEFT JOIN ("
        f"SELECT profile_id, CASE json_type(raw) WHEN 'VARCHAR' THEN {cut} ELSE raw END AS value"
        f" FROM (SELECT *, {raw} AS raw FROM {query.EVENTS} WHERE kind = 'identify')"
        f" WHERE raw IS NOT NULL AND NOT ({too_long}) QUALIFY row_number() OVER (PARTITION BY profile_id"
        f" ORDER BY occurred_us DESC, event_id DESC, value::VARCHAR DESC) = 1"
        f") AS own ON own.profile_id = person.profile_id"
    )
