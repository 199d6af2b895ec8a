"""Amounts as integers of millionths, because adding floats in another order gives another sum, and law 1 forbids that.

An integer beyond 64 bits, which nobody spends but anybody may send, is kept as text, so that it can be stored at all.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

from tidings.domain.filter import EventFilter
from tidings.domain.sql import Query, as_text, member, text

MILLIONTHS = 1_000_000
_LARGEST = 10**12
_STORABLE = 2**63
_NUMBER = r" *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})? *"
_FULL = re.compile(_NUMBER, re.ASCII)


def millionths(value: Any) -> int | None:
    """A number (or a text that is one) in millionths; None for anything else or beyond ±1e12."""
    if isinstance(value, str):
        if not _FULL.fullmatch(value):
            return None
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or abs(value) > _LARGEST:
        return None
    return round(value * MILLIONTHS)


def units(total: int | str, per: int = 1) -> float:
    """Millionths in whole units, divided by a number of them; each step rounds as it does in SQL."""
    return float(int(total)) / float(per * MILLIONTHS)


def packed(total: int) -> int | str:
    """An integer as it can be stored."""
    return total if -_STORABLE <= total < _STORABLE else str(total)


def millionths_sql(value: str) -> str:
    """`millionths` of a JSON expression: a HUGEINT, or NULL."""
    own = as_text(value)
    parsed = f"CASE WHEN regexp_full_match({own}, {text(_NUMBER)}) THEN TRY_CAST(trim({own}) AS DOUBLE) END"
    whole = f"TRY_CAST({value} AS HUGEINT)"

    def scaled(number: str) -> str:
        rounded = f"round_even({number} * {MILLIONTHS}::DOUBLE, 0)::HUGEINT"
        return f"CASE WHEN abs({number}) <= {_LARGEST}::DOUBLE THEN {rounded} END"

    exact = f"CASE WHEN abs({whole}) <= {_LARGEST} THEN {whole} * {MILLIONTHS} END"
    return (
        f"(CASE json_type({value}) WHEN 'UBIGINT' THEN {exact} WHEN 'BIGINT' THEN {exact}"
        f" WHEN 'DOUBLE' THEN {scaled(f'TRY_CAST({value} AS DOUBLE)')} WHEN 'VARCHAR' THEN {scaled(f'({parsed})')} END)"
    )


def amounts_sql(query: Query, events: EventFilter, name: str) -> str:
    """SELECT ``profile_id, occurred_us, entry``: the events that have the property as a number, in millionths."""
    amount = millionths_sql(member("properties", name))
    found = query.matching(events, f"profile_id, occurred_us, {amount} AS entry")
    return f"SELECT * FROM ({found}) WHERE entry IS NOT NULL"


def units_sql(total: str, per: str = "1") -> str:
    """`units` of SQL expressions, as JSON."""
    return f"to_json(({total})::DOUBLE / (({per})::HUGEINT * {MILLIONTHS})::DOUBLE)"
