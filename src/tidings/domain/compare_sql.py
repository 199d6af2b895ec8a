"""Comparisons as SQL, in the words of DuckDB; what they mean in Python is in `domain/compare.py`, and both agree exactly.

Numbers compare with numbers whatever their type, texts with texts by code point, true is only true, and a value of
another type never matches. Every test is true or false once in `test`, never NULL.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from string import ascii_lowercase, ascii_uppercase
from typing import Any

from tidings.clock import DAY_US
from tidings.domain import semver
from tidings.domain.compare import LOWER, Comparison
from tidings.domain.instants import END_US, FIRST_US, PATTERN, instant_of
from tidings.domain.literals import as_text, double, member, text

_LARGEST = 2**70
"""Beyond every integer that an event can hold, and within SQL's HUGEINT."""


def test(value: str, comparison: Comparison) -> str:
    """Whether the JSON expression `value` passes: `Comparison.test`."""
    return f"COALESCE({TESTS[comparison.operator](value, comparison.wanted)}, false)"


def all_tests(value: str, comparisons: tuple[Comparison, ...]) -> str:
    """Whether the JSON expression passes all of them; true when there are none."""
    return " AND ".join(test(value, one) for one in comparisons) or "true"


# Numbers: an integer of 64 bits compares exactly with a DOUBLE, as in Python


def _integer(symbol: str, wanted: float) -> str:
    """The tail of a comparison of an integer with `wanted`: ``>= 3``."""
    if symbol == "=" and wanted != math.floor(wanted):
        return "IS NULL"  # no integer is that
    bound = math.ceil(wanted) if symbol in (">=", "<") else math.floor(wanted)
    return f"{symbol} {max(-_LARGEST, min(bound, _LARGEST))}::HUGEINT"


def _nearest(wanted: float, *, above: bool) -> float:
    """The DOUBLE next to a number on one side, or the number itself when it is one."""
    try:
        near = float(wanted)
    except OverflowError:
        return math.inf if wanted > 0 else -math.inf
    if math.isinf(near) or near == wanted or (near > wanted) is above:
        return near
    return math.nextafter(near, math.inf if above else -math.inf)


def _float(symbol: str, wanted: float) -> str:
    below, above = _nearest(wanted, above=False), _nearest(wanted, above=True)
    if symbol == "=" and below != above:
        return "IS NULL"
    return f"{symbol} {double(above if symbol in ('>=', '<') else below)}"


def _number(value: str, symbol: str, wanted: float) -> str:
    whole = f"TRY_CAST({value} AS HUGEINT) {_integer(symbol, wanted)}"
    return (
        f"CASE json_type({value}) WHEN 'UBIGINT' THEN {whole} WHEN 'BIGINT' THEN {whole}"
        f" WHEN 'DOUBLE' THEN TRY_CAST({value} AS DOUBLE) {_float(symbol, wanted)} ELSE false END"
    )


def _text(value: str, test_of: Callable[[str], str]) -> str:
    return f"CASE json_type({value}) WHEN 'VARCHAR' THEN {test_of(as_text(value))} ELSE false END"


def ordered(symbol: str) -> Callable[[str, Any], str]:
    """The test of one of ``>= <= > <``."""

    def of(value: str, wanted: Any) -> str:
        if isinstance(wanted, str):
            return _text(value, lambda own: f"{own} {symbol} {text(wanted)}")
        return _number(value, symbol, wanted)

    return of


def _no_value(value: str) -> str:
    return f"({value} IS NULL OR json_type({value}) = 'NULL')"


def equals(value: str, wanted: Any, *, inside: bool = False) -> str:
    """Whether it equals; `inside` a list or an object true equals 1, as it does in Python."""
    if wanted is None:
        return _no_value(value)
    if isinstance(wanted, bool):
        same = f"(json_type({value}) = 'BOOLEAN' AND {as_text(value)} = '{str(wanted).lower()}')"
        return f"({same} OR {_number(value, '=', int(wanted))})" if inside else same
    if isinstance(wanted, int | float):
        same = _number(value, "=", wanted)
        if inside and wanted in (0, 1):
            word = "true" if wanted else "false"
            return f"({same} OR (json_type({value}) = 'BOOLEAN' AND {as_text(value)} = '{word}'))"
        return same
    if isinstance(wanted, str):
        return _text(value, lambda own: f"{own} = {text(wanted)}")
    return _equals_parts(value, wanted)


def _equals_parts(value: str, wanted: list[Any] | dict[str, Any]) -> str:
    if isinstance(wanted, list):
        size = f"json_type({value}) = 'ARRAY' AND json_array_length({value}) = {len(wanted)}"
        parts = [(f"json_extract({value}, '$[{index}]')", one) for index, one in enumerate(wanted)]
    else:
        size = f"json_type({value}) = 'OBJECT' AND len(json_keys({value})) = {len(wanted)}"
        parts = [(member(value, name), one) for name, one in wanted.items()]
        size = " AND ".join([size, *(f"{part} IS NOT NULL" for part, _ in parts)])
    tests = [f"COALESCE({equals(part, one, inside=True)}, false)" for part, one in parts]
    return f"COALESCE({' AND '.join([size, *tests])}, false)"


def has_item(value: str, wanted: Any) -> str:
    """Whether the JSON expression is a list with this as an item."""
    found = f"COALESCE({equals('item', wanted, inside=True)}, false)"
    items = f"list_filter(TRY_CAST({value} AS JSON[]), lambda item: {found})"
    return f"CASE json_type({value}) WHEN 'ARRAY' THEN len({items}) > 0 ELSE false END"


def _contains(value: str, wanted: Any) -> str:
    item = has_item(value, wanted)
    if not isinstance(wanted, str):
        return item
    return f"({_text(value, lambda own: f'contains({own}, {text(wanted)})')} OR {item})"


def _exists(value: str, wanted: bool) -> str:
    return f"NOT {_no_value(value)}" if wanted else _no_value(value)


def _empty(value: str, wanted: bool) -> str:
    nothing = f"({_no_value(value)} OR {value}::VARCHAR IN ('\"\"', '[]', '{{}}'))"
    return nothing if wanted else f"NOT {nothing}"


def _any_of(value: str, wanted: list[Any]) -> str:
    return "(" + " OR ".join([f"COALESCE({equals(value, one)}, false)" for one in wanted] or ["false"]) + ")"


def instant_sql(value: str) -> str:
    """`instant_of` of a JSON expression: a BIGINT, or NULL."""
    own = as_text(value)
    exact = f"regexp_replace(regexp_replace({own}, '(\\.\\d{{6}})\\d+', '\\1'), '([+-]\\d\\d)(\\d\\d)$', '\\1:\\2')"
    parsed = f"CASE WHEN regexp_full_match({own}, {text(PATTERN)}) THEN epoch_us(TRY_CAST({exact} AS TIMESTAMPTZ)) END"
    either = (
        f"CASE json_type({value}) WHEN 'UBIGINT' THEN TRY_CAST({value} AS BIGINT) WHEN 'BIGINT' THEN TRY_CAST({value} AS BIGINT)"
        f" WHEN 'VARCHAR' THEN {parsed} END"
    )
    return f"(CASE WHEN ({either}) >= {FIRST_US} AND ({either}) < {END_US} THEN ({either}) END)"


def _instant(symbol: str) -> Callable[[str, Any], str]:
    return lambda value, wanted: f"{instant_sql(value)} {symbol} {instant_of(wanted)}"


def _on(value: str, wanted: str) -> str:
    day_us = instant_of(wanted) or 0
    # not by division, which SQL rounds up before 1970
    return f"({instant_sql(value)} >= {day_us} AND {instant_sql(value)} < {day_us + DAY_US})"


def _like(value: str, wanted: str) -> str:
    escaped = "%".join(
        piece.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        for piece in wanted.translate(LOWER).split("*")
    )
    letters = f"{text(ascii_uppercase)}, {text(ascii_lowercase)}"
    return _text(value, lambda own: f"translate({own}, {letters}) LIKE {text(escaped)} ESCAPE '\\'")


def _version(symbol: str) -> Callable[[str, Any], str]:
    def of(value: str, wanted: str) -> str:
        literal = "[" + ", ".join(map(text, semver.key(wanted) or [])) + "]"
        valid = f"regexp_full_match({as_text(value)}, {text(semver.PATTERN)})"
        key = f"CASE WHEN {valid} THEN {semver.key_sql(as_text(value))} {symbol} {literal} END"
        return f"CASE json_type({value}) WHEN 'VARCHAR' THEN {key} ELSE false END"

    return of


def _size(symbol: str) -> Callable[[str, Any], str]:
    return lambda value, wanted: f"json_type({value}) = 'ARRAY' AND json_array_length({value}) {symbol} {wanted}"


def _has(word: str) -> Callable[[str, Any], str]:
    return lambda value, wanted: "(" + f" {word} ".join(has_item(value, one) for one in wanted) + ")"


def _not(test_of: Callable[[str, Any], str]) -> Callable[[str, Any], str]:
    return lambda value, wanted: f"NOT COALESCE({test_of(value, wanted)}, false)"


TESTS: dict[str, Callable[[str, Any], str]] = {
    "equals": equals,
    "not_equals": _not(equals),
    "at_least": ordered(">="),
    "at_most": ordered("<="),
    "more_than": ordered(">"),
    "less_than": ordered("<"),
    "between": lambda value, wanted: f"({ordered('>=')(value, wanted[0])} AND {ordered('<=')(value, wanted[1])})",
    "contains": _contains,
    "not_contains": _not(_contains),
    "starts_with": lambda value, wanted: _text(value, lambda own: f"starts_with({own}, {text(wanted)})"),
    "ends_with": lambda value, wanted: _text(value, lambda own: f"ends_with({own}, {text(wanted)})"),
    "like": _like,
    "in": _any_of,
    "not_in": _not(_any_of),
    "has_any": _has("OR"),
    "has_all": _has("AND"),
    "size": _size("="),
    "size_at_least": _size(">="),
    "size_at_most": _size("<="),
    "before": _instant("<"),
    "after": _instant(">"),
    "on": _on,
    "version": _version("="),
    "version_at_least": _version(">="),
    "version_at_most": _version("<="),
    "version_more_than": _version(">"),
    "version_less_than": _version("<"),
    "exists": _exists,
    "empty": _empty,
}
"""Operator to its SQL; the same names as `compare.OPERATORS`, which a test keeps true."""
