"""did: how often, in which stretch of time, and when that can change."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.rules.build import S_US, T_US, build, next_s, verdicts
from tidings.errors import DefinitionError

THREE = [("Order", 0), ("Order", 10), ("Order", 20)]


@pytest.mark.parametrize(
    ("times", "holds"),
    [
        ({}, True),
        ({"at_least": 3}, True),
        ({"at_least": 4}, False),
        ({"at_most": 3}, True),
        ({"at_most": 2}, False),
        ({"exactly": 3}, True),
        ({"exactly": 0}, False),
        ({"at_least": 1, "at_most": 3}, True),
    ],
)
def test_it_counts(times: dict[str, int], holds: bool) -> None:
    condition, state = build({"did": {"event": "Order", **times}}, *THREE)
    assert verdicts(condition, state, 20) == [holds]
    assert next_s(condition, state, 20) is None


def test_exactly_two_holds_while_two_are_left_in_the_window() -> None:
    condition, state = build({"did": {"event": "Order", "exactly": 2, "within": "30s"}}, *THREE)
    assert verdicts(condition, state, 20, 29.999999, 30, 39.999999, 40) == [False, False, True, True, False]
    assert [next_s(condition, state, at) for at in (20, 30, 40)] == [30, 40, None]


def test_at_most_counts_nobody_s_nothing() -> None:
    condition, state = build({"did": {"event": "Order", "at_most": 0, "within": "30s"}})
    assert verdicts(condition, state, 0) == [True]


def test_since_a_date_counts_from_that_instant_on() -> None:
    condition, state = build({"did": {"event": "Order", "exactly": 2, "since": "2027-01-15T08:00:10Z"}}, *THREE)
    assert verdicts(condition, state, 20) == [True]


def test_since_an_event_counts_what_came_strictly_after_the_latest_one() -> None:
    raw = {"did": {"event": "Order", "exactly": 1, "since_event": {"event": "Mail"}}}
    condition, state = build(raw, *THREE, ("Mail", 0), ("Mail", 10))
    assert verdicts(condition, state, 20) == [True]
    nothing_since, state = build(raw, *THREE)
    assert verdicts(nothing_since, state, 20) == [False]


def test_before_the_latest_event_only_the_earlier_ones_count() -> None:
    condition, state = build({"did": {"event": "Order", "at_least": 2, "within": "15s"}}, *THREE[1:])
    assert verdicts(condition, state, 9, 10, 20, 24, 25) == [False, False, True, True, False]
    assert [next_s(condition, state, at) for at in (9, 10, 20)] == [10, 20, 25]


def test_it_is_explained_with_the_persons_own_instants() -> None:
    condition, state = build({"did": {"event": "Order", "at_least": 2, "at_most": 5, "within": "30s"}}, *THREE)
    assert condition.explain(state, T_US + 20 * S_US) == (
        "did Order at least 2 times and at most 5 times within 30s: yes "
        "(3 times, last at 2027-01-15T08:00:20Z, until 2027-01-15T08:00:40Z)"
    )
    since, state = build({"did": {"event": "Order", "since_event": {"event": "Mail"}}})
    assert since.explain(state, T_US) == "did Order since the latest Mail: no (0 times, never seen)"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"at_most": -1}, "`at_most` is out of range; got -1"),
        ({"exactly": 1, "at_least": 1}, "use `exactly`, or `at_least` and `at_most`"),
        ({"at_least": 3, "at_most": 2}, "can never hold"),
        ({"within": "1d", "since": "2027-01-01"}, "not both"),
        ({"since": "yesterday"}, "did.since: no date; got 'yesterday'"),
        ({"since_event": {"event": "Mail"}, "within": "1d"}, "one of `within`, `since` and `since_event`"),
        ({"since_event": "Mail"}, "since_event: needs `event`"),
    ],
)
def test_what_is_wrong_is_named(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError) as problem:
        build({"did": {"event": "Order", **settings}})
    assert says in str(problem.value)
