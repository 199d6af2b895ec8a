"""Comparisons: bounds that nothing can be between are refused, and others are not."""

from __future__ import annotations

from contextlib import closing
from typing import Any

import duckdb
import pytest

from tidings.domain import compare, compare_sql, literals
from tidings.errors import DefinitionError


@pytest.mark.parametrize(
    "raw",
    [
        {"at_least": 5, "at_most": 3},
        {"at_least": 5, "less_than": 5},
        {"more_than": 5, "at_most": 5},
        {"more_than": 5, "less_than": 5},
        {"equals": 2, "at_least": 3},
        {"between": [1, 2], "more_than": 2},
        {"at_least": "b", "at_most": "a"},
        {"at_least": 3, "equals": "x"},
        {"equals": "a", "in": ["b", "c"]},
        {"equals": "a", "not_in": ["a"]},
        {"in": []},
        {"in": [1, 2], "more_than": 2},
        {"exists": False, "equals": 3},
        {"empty": True, "starts_with": "a"},
        {"on": "2026-01-31", "before": "2026-01-31"},
        {"on": "2026-01-31", "after": "2026-01-31T23:59:59.999999Z"},
        {"after": "2026-01-31", "before": "2026-01-31T00:00:00.000001Z"},
        {"version_more_than": "1.2", "version_less_than": "1.2.0"},
        {"version": "1.2", "version_less_than": "1.2.0"},
        {"version_at_least": "2", "version_at_most": "1"},
    ],
)
def test_what_can_never_hold_is_refused(raw: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match="can never hold"):
        compare.parse(raw, "t")


@pytest.mark.parametrize(
    "raw",
    [
        {"at_least": 5, "at_most": 5},
        {"more_than": 4, "less_than": 5},
        {"more_than": 4, "at_least": 2},
        {"less_than": 4, "at_most": 2},
        {"equals": 3, "at_least": 3, "exists": True},
        {"between": [1, 3], "more_than": 2},
        {"equals": "x", "contains": "x"},
        {"in": [1, 3], "more_than": 2},
        {"empty": True, "exists": True},
        {"on": "2026-01-31", "after": "2026-01-31", "before": "2026-01-31T00:00:00.000002Z"},
        {"version_at_least": "1.2", "version_at_most": "1.2.0"},
        {"version_more_than": "1.2", "version_less_than": "1.2.1-a"},
    ],
)
def test_what_may_hold_is_not(raw: dict[str, Any]) -> None:
    assert len(compare.parse(raw, "t")) == len(raw)


def test_every_comparison_has_its_sql() -> None:
    assert compare_sql.TESTS.keys() == compare.OPERATORS.keys()


@pytest.mark.parametrize("value", [-1, 0, 1, -86_400_000_000, -86_400_000_001, 86_399_999_999, "1960-05-17T10:00Z"])
@pytest.mark.parametrize("day", ["1960-05-17", "1969-12-31", "1970-01-01"])
def test_a_day_before_1970_is_the_same_day_in_sql(value: Any, day: str) -> None:
    (on,) = compare.parse({"on": day}, "t")
    with closing(duckdb.connect()) as db:
        ((found,),) = db.execute(f"SELECT {compare_sql.test(literals.json(value), on)}").fetchall()
    assert found is on.test(value)


def test_a_value_that_is_asked_for_is_bounded() -> None:
    with pytest.raises(DefinitionError, match=r"`equals` needs a value of at most 1,000 parts"):
        compare.parse([[1] * 600, [2] * 600], "t")
