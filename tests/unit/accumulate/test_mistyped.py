"""Properties of the wrong type are false without a word, and counted by a question to the lake."""

from __future__ import annotations

import msgspec
import pytest

from tidings.accumulate import kinds
from tidings.accumulate.mistyped import Wanted, mistyped_sql, wanted
from tidings.domain.sql import Query
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
    ("types", "count"),
    [(("amount",), 4), (("number",), 5), (("text",), 5), (("list", "text"), 4), (("true or false",), 6)],
)
def test_those_of_another_type_are_counted(types: tuple[str, ...], count: int) -> None:
    db = open_duck()
    rows = [msgspec.json.encode({"x": value}).decode() for value in VALUES]
    lake = "(SELECT 'p' AS profile_id, 'A' AS name, 1 AS occurred_us, 1 AS received_us, unnest($1::VARCHAR[]) AS properties)"
    query = Query(1, 1)
    asked = query.statement(lake, mistyped_sql(query, Wanted(("A",), "x", types)))
    assert run(db, asked, [[*rows, "{}"]]) == [(count,)]
    db.close()
