"""sum, average, minimum, maximum, distinct: numbers made of a property of events."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.rules.build import S_US, T_US, build, next_s, verdicts
from tidings.accumulate.recent import MAX_ENTRIES, MAX_WALK
from tidings.errors import DefinitionError

ORDERS = [
    ("Order", 0, {"total": 10}),
    ("Order", 10, {"total": 0.1}),
    ("Order", 20, {"total": "0.2"}),
    ("Order", 25, {"total": "a lot"}),
    ("Order", 25, {"total": True}),
]


@pytest.mark.parametrize(
    ("word", "test"),
    [
        ("sum", {"equals": 10.3}),
        ("average", {"between": [3.43, 3.44]}),
        ("minimum", {"equals": 0.1}),
        ("maximum", {"equals": 10}),
        ("distinct", {"equals": 5}),
    ],
)
def test_of_all_time(word: str, test: dict[str, Any]) -> None:
    condition, state = build({word: {"event": "Order", "property": "total", **test}}, *ORDERS)
    assert verdicts(condition, state, 25, 10**9) == [True, True]
    assert next_s(condition, state, 25) is None


@pytest.mark.parametrize(
    ("word", "test", "changes"),
    [
        ("sum", {"at_least": 0.3}, [40]),
        ("sum", {"less_than": 0.3}, [40]),
        ("average", {"more_than": 1}, [30]),
        ("minimum", {"at_least": 0.2}, [40, 50]),
        ("maximum", {"at_most": 0.2}, [30, 50]),
        ("distinct", {"at_most": 1}, [55]),
        ("distinct", {"equals": 3}, [40, 50]),
    ],
)
def test_a_window_changes_at_the_expiries_that_turn_it_and_wakes_at_no_other(
    word: str, test: dict[str, Any], changes: list[float]
) -> None:
    raw = {word: {"event": "Order", "property": "total", "within": "30s", **test}}
    condition, state = build(raw, *ORDERS)
    found, at_s = [], 25.0
    while (wakes_s := next_s(condition, state, at_s)) is not None:
        before, after = verdicts(condition, state, wakes_s - 0.000001, wakes_s)
        assert before != after
        found.append(wakes_s)
        at_s = wakes_s
    assert found == changes


def test_since_a_date() -> None:
    raw = {"sum": {"event": "Order", "property": "total", "since": "2027-01-15T08:00:10Z", "equals": 0.3}}
    condition, state = build(raw, *ORDERS)
    assert verdicts(condition, state, 25) == [True]


def test_nothing_sums_to_nothing_and_has_no_average() -> None:
    for word, holds in (("sum", True), ("distinct", True), ("average", False), ("minimum", False), ("maximum", False)):
        condition, state = build({word: {"event": "Order", "property": "total", "at_most": 5}})
        assert verdicts(condition, state, 0) == [holds], word


def test_a_window_is_made_of_the_latest_500_and_looks_for_its_next_change_in_strides() -> None:
    many = [("Order", second, {"total": 1}) for second in range(MAX_ENTRIES + 100)]
    raw = {"sum": {"event": "Order", "property": "total", "within": "1000s", "at_least": 1}}
    condition, state = build(raw, *many)
    assert state.values[0][0] == [T_US + 100 * S_US, 1_000_000]
    wakes, at_s = 0, 599.0
    while (wakes_s := next_s(condition, state, at_s)) is not None:
        wakes, at_s = wakes + 1, wakes_s
    assert (at_s, wakes) == (1_599, MAX_ENTRIES // MAX_WALK)


def test_it_is_explained_with_the_persons_own_number() -> None:
    raw = {"sum": {"event": "Order", "property": "total", "within": "30s", "at_least": 5}}
    condition, state = build(raw, *ORDERS)
    assert condition.explain(state, T_US + 25 * S_US) == (
        "sum of total of Order within 30s is at least 5: yes (it is 10.3; can change at 2027-01-15T08:00:30Z)"
    )
    unknown, state = build({"average": {"event": "Order", "property": "total", "at_least": 5}})
    assert unknown.explain(state, T_US) == "average of total of Order is at least 5: no (unknown)"


def test_a_trait_of_a_window_turns_with_time_and_says_when() -> None:
    traits = {"spent": {"sum": {"event": "Order", "property": "total", "within": "30s"}}}
    condition, state = build({"trait": "spent", "at_least": 5}, *ORDERS, traits=traits)
    assert verdicts(condition, state, 25, 29.999999, 30) == [True, True, False]
    assert next_s(condition, state, 25) == 30
    assert condition.explain(state, T_US + 25 * S_US) == (
        "spent is at least 5: yes (10.3; can change at 2027-01-15T08:00:30Z)"
    )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"at_least": 1}, "needs `property`"),
        ({"property": "total"}, "no comparison given"),
        ({"property": "total", "at_least": "5"}, "sum.at_least: needs a number; got '5'"),
        ({"property": "total", "contains": 5}, "unknown setting; got 'contains'"),
        ({"property": "total", "between": [5, 1]}, "the smaller first"),
        ({"property": "total", "at_least": 1, "within": "1d", "since": "2027-01-01"}, "not both"),
        ({"property": "total", "at_least": 1, "within": "36501d"}, "within: out of range"),
    ],
)
def test_what_is_wrong_is_named(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError) as problem:
        build({"sum": {"event": "Order", **settings}})
    assert says in str(problem.value)
