"""Definitions as SQL over the lake, in the words of DuckDB: what law 4 compares live membership with.

Everything here agrees exactly with `domain/compare.py`: numbers compare with numbers whatever their type, texts with
texts by code point, true is only true, and a value of another type never matches. A value in SQL is JSON, as the lake
keeps it; SQL's NULL is Python's None. Every test is true or false, never NULL.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from tidings.domain.compare import Comparison
from tidings.domain.filter import EventFilter

_EVER_US = -(2**62)
_LARGEST = 2**70
"""Beyond every integer that an event can hold, and within SQL's HUGEINT."""

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


def text(value: str) -> str:
    """A text literal."""
    return "'" + value.replace("'", "''") + "'"


def json(value: Any) -> str:
    """A literal of type JSON; NULL for None."""
    return "NULL::JSON" if value is None else f"{text(msgspec.json.encode(value).decode())}::JSON"


def double(value: float) -> str:
    """A literal of type DOUBLE, exact."""
    return f"{text(repr(float(value)))}::DOUBLE"


def member(column: str, name: str) -> str:
    """The value of one name of a column that holds a JSON object."""
    return f"json_extract({column}, {text('/' + name.replace('~', '~0').replace('/', '~1'))})"


def matches(events: EventFilter) -> str:
    """Whether a row of the events is meant: `EventFilter.matches`."""
    names = ", ".join(text(name) for name in events.names)
    tests = [test(member("properties", name), one) for name, many in events.where for one in many]
    return " AND ".join([f"name IN ({names})", *tests])


def test(value: str, comparison: Comparison) -> str:
    """Whether the JSON expression `value` passes: `Comparison.test`."""
    return f"COALESCE({TESTS[comparison.operator](value, comparison.wanted)}, false)"


def all_tests(value: str, comparisons: tuple[Comparison, ...]) -> str:
    """Whether the JSON expression passes all of them; true when there are none."""
    return " AND ".join(test(value, one) for one in comparisons) or "true"


def as_text(value: str) -> str:
    """The text that a JSON expression holds, which must be one."""
    return f"json_extract_string({value}, '$')"


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


TESTS: dict[str, Callable[[str, Any], str]] = {
    "equals": equals,
    "not_equals": lambda value, wanted: f"NOT COALESCE({equals(value, wanted)}, false)",
    "at_least": ordered(">="),
    "at_most": ordered("<="),
    "more_than": ordered(">"),
    "less_than": ordered("<"),
    "between": lambda value, wanted: f"({ordered('>=')(value, wanted[0])} AND {ordered('<=')(value, wanted[1])})",
    "contains": _contains,
    "starts_with": lambda value, wanted: _text(value, lambda own: f"starts_with({own}, {text(wanted)})"),
    "in": _any_of,
    "exists": _exists,
    "empty": _empty,
}
"""Operator to its SQL; the same names as `compare.OPERATORS`, which a test keeps true."""
