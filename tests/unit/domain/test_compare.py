"""Comparisons: bounds that nothing can be between are refused, and others are not."""

from __future__ import annotations

from typing import Any

import pytest

from tidings.domain import compare, compare_sql
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
        {"at_least": 3, "equals": "x"},
    ],
)
def test_what_may_hold_is_not(raw: dict[str, Any]) -> None:
    assert len(compare.parse(raw, "t")) == len(raw)


def test_every_comparison_has_its_sql() -> None:
    assert compare_sql.TESTS.keys() == compare.OPERATORS.keys()
