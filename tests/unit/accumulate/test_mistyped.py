"""Properties of the wrong type are false without a word, and counted by a question to the lake."""

from __future__ import annotations

from contextlib import closing
from random import Random
from typing import Any

import msgspec
import pytest

from tests.property.rule_cases import VALUES as RANDOM_VALUES
from tests.property.rule_cases import Rules
from tidings.accumulate import kinds
from tidings.accumulate.mistyped import Wanted, mistyped_sql, wanted, wanted_of
from tidings.domain import filter as filters_
from tidings.lake.duck import open_duck, run

VALUES = [1, 2.5, "3", "many", True, None, ["a"], {}]


@pytest.mark.parametrize(
    ("raw", "asked"),
    [
        ({"sum": {"event": "A", "property": "x"}}, [("x", ("amount",))]),
        ({"average": {"event": "A", "property": "x", "within": "1d"}}, [("x", ("amount",))]),
        ({"decayed_sum": {"event": "A", "property": "x", "half_life": "1d"}}, [("x", ("amount",))]),
        ({"distinct": {"event": "A", "property": "x"}}, []),
        ({"count": {"event": "A", "where": {"x": {"at_least": 2, "less_than": 5}}}}, [("x", ("number",))]),
        ({"count": {"event": "A", "where": {"x": {"in": [1, "a"]}, "y": True}}}, [("x", ("number", "text")), ("y", ("true or false",))]),
        ({"count": {"event": "A", "where": {"x": {"exists": True}, "y": {"not_equals": 1}}}}, []),
    ],
)  # fmt: skip
def test_what_definitions_ask_of_properties_is_known(raw: object, asked: list[tuple[str, tuple[str, ...]]]) -> None:
    assert wanted([kinds.parse(raw, "t")]) == [Wanted(("A",), name, types) for name, types in asked]


@pytest.mark.parametrize(
    ("types", "count", "example"),
    [
        (("amount",), 4, '"many"'),
        (("number",), 5, '"3"'),
        (("text",), 5, "1"),
        (("list", "text"), 4, "1"),
        (("true or false",), 6, '"3"'),
    ],
)
def test_those_of_another_type_are_counted_with_an_example(types: tuple[str, ...], count: int, example: str) -> None:
    rows = [("A", {"x": value}) for value in VALUES]
    others = [("A", {}), ("B", {"x": 1}), ("B", {"x": "b"})]
    assert asked([*rows, *others], Wanted(("A",), "x", types)) == (len(rows) + 1, count, example)


def test_whatever_is_counted_makes_its_comparison_false() -> None:
    made = Rules(Random(7), "d")
    filters = [filters_.parse("A", {"x": made.comparison()}, "f") for _ in range(400)]
    what = sorted({one for events in filters for one in wanted_of(events)})
    seen = set()
    for value in RANDOM_VALUES:
        counted = {one for one, wrong in zip(what, asked([("A", {"x": value})], *what)[1::3], strict=True) if wrong}
        for events in filters:
            if counted.intersection(wanted_of(events)):
                seen.add(events.where[0][1][0].operator)
                assert not events.passes({"x": value}), (events, value)
    assert len(seen) >= 20  # of the kinds of comparison that ask for a type


def test_many_are_counted_at_once_each_of_its_own_events_and_property() -> None:
    rows = [("A", {"x": "1", "a/b~c": 2}), ("B", {"x": 5, "a/b~c": "é" * 100}), ("C", {"x": "1"})]
    found = asked(
        rows, Wanted(("A", "B"), "x", ("number",)), Wanted(("B",), "a/b~c", ("number",)), Wanted(("Z",), "x", ("text",))
    )
    assert found == (2, 1, '"1"', 1, 1, '"' + "é" * 59, 0, 0, None)


def asked(rows: list[tuple[str, Any]], *what: Wanted) -> tuple[Any, ...]:
    names, properties = [name for name, _ in rows], [msgspec.json.encode(held).decode() for _, held in rows]
    with closing(open_duck()) as db:
        lake = "(SELECT unnest($1::VARCHAR[]) AS name, unnest($2::VARCHAR[]) AS properties)"
        (row,) = run(db, mistyped_sql(lake, what), [names, properties])
    return row
