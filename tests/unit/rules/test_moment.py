"""first and last: when an event was first or last seen."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.rules.build import S_US, T_US, build, next_s, verdicts
from tidings.errors import DefinitionError

TWO = [("Order", 0), ("Order", 10)]


def test_the_first_is_within_a_window_until_exactly_its_end() -> None:
    condition, state = build({"first": {"event": "Order", "within": "30s"}}, *TWO)
    assert verdicts(condition, state, 10, 29.999999, 30) == [True, True, False]
    assert next_s(condition, state, 10) == 30


def test_the_last_is_older_from_exactly_then_on() -> None:
    condition, state = build({"last": {"event": "Order", "older_than": "30s"}}, *TWO)
    assert verdicts(condition, state, 39.999999, 40) == [False, True]
    assert next_s(condition, state, 10) == 40


def test_between_two_spans_it_holds_from_exactly_the_one_to_exactly_the_other() -> None:
    condition, state = build({"last": {"event": "Order", "older_than": "30s", "within": "50s"}}, *TWO)
    assert verdicts(condition, state, 39.999999, 40, 59.999999, 60) == [False, True, True, False]
    assert [next_s(condition, state, at) for at in (10, 40)] == [40, 60]
    assert condition.words() == "last Order within 50s and older than 30s"


def test_dates_exclude_their_own_instant() -> None:
    at = "2027-01-15T08:00:10Z"
    before, state = build({"last": {"event": "Order", "before": at}}, *TWO)
    after, other = build({"last": {"event": "Order", "after": at}}, *TWO)
    assert verdicts(before, state, 20) == verdicts(after, other, 20) == [False]
    first, state = build({"first": {"event": "Order", "before": at}}, *TWO)
    assert verdicts(first, state, 20) == [True]


def test_what_was_never_seen_passes_nothing() -> None:
    for setting in ({"within": "1s"}, {"older_than": "1s"}, {"before": "2030-01-01"}, {"after": "2000-01-01"}):
        condition, state = build({"last": {"event": "Order", **setting}})
        assert verdicts(condition, state, 0) == [False]


def test_it_is_explained_with_the_instant() -> None:
    condition, state = build({"last": {"event": "Order", "older_than": "30s", "after": "2027-01-01"}}, *TWO)
    assert condition.explain(state, T_US + 10 * S_US) == (
        "last Order older than 30s and after 2027-01-01T00:00:00Z: no (at 2027-01-15T08:00:10Z)"
    )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "says nothing about when"),
        ({"within": "2d", "older_than": "2d"}, "can never hold: `within` is not longer than `older_than`"),
        ({"before": "2027-01-01", "after": "2027-01-01"}, "can never hold"),
        ({"before": 7}, "first.before: no date; got 7"),
        ({"at_least": 2}, "unknown setting; got 'at_least'"),
    ],
)
def test_what_is_wrong_is_named(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(DefinitionError) as problem:
        build({"first": {"event": "Order", **settings}})
    assert says in str(problem.value)
