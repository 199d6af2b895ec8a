"""sequence: events in order, each within its time, and perhaps one that does not follow."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.rules.build import S_US, T_US, build, next_s, verdicts
from tidings.errors import DefinitionError
from tidings.rules.sequence import KEPT

A_THEN_B = {"sequence": {"steps": [{"event": "A"}, {"event": "B", "within": "10s"}]}}
NOT_C = {"sequence": {"steps": [{"event": "A"}, {"event": "B"}, {"not": {"event": "C"}, "within": "10s"}]}}


@pytest.mark.parametrize(
    ("events", "holds"),
    [
        ([("A", 0), ("B", 9)], True),
        ([("A", 0), ("B", 10)], False),
        ([("A", 0), ("B", 0)], False),
        ([("B", 0), ("A", 1)], False),
        ([("A", 0), ("A", 5), ("B", 12)], True),
    ],
)
def test_each_comes_strictly_after_the_one_before_and_before_its_time_is_over(events: list[Any], holds: bool) -> None:
    condition, state = build(A_THEN_B, *events)
    assert verdicts(condition, state, 20) == [holds]
    assert next_s(condition, state, 20) is None


def test_the_outer_window_slides_over_the_first_step_of_the_best_chain() -> None:
    raw = {"sequence": {**A_THEN_B["sequence"], "within": "30s"}}
    condition, state = build(raw, ("A", 0), ("A", 5), ("B", 7), ("A", 20))
    assert verdicts(condition, state, 7, 34.999999, 35) == [True, True, False]
    assert next_s(condition, state, 7) == 35


def test_what_must_not_follow_is_decided_when_its_time_is_over() -> None:
    condition, state = build(NOT_C, ("A", 0), ("B", 5))
    assert verdicts(condition, state, 5, 14.999999, 15) == [False, False, True]
    assert next_s(condition, state, 5) == 15


@pytest.mark.parametrize(("at_s", "holds"), [(5, True), (6, False), (14, False), (15, True)])
def test_what_came_at_the_very_ends_of_that_time_does_not_count(at_s: int, holds: bool) -> None:
    condition, state = build(NOT_C, ("A", 0), ("B", 5), ("C", at_s))
    assert verdicts(condition, state, 20) == [holds]


def test_without_a_time_it_holds_until_the_other_comes() -> None:
    raw = {"sequence": {"steps": [{"event": "A"}, {"not": {"event": "C"}}]}}
    assert verdicts(*build(raw, ("A", 0)), 5) == [True]
    assert verdicts(*build(raw, ("A", 0), ("C", 3)), 5) == [False]
    assert verdicts(*build(raw, ("A", 0), ("C", 3), ("A", 4)), 5) == [True]


def test_only_the_latest_of_each_step_are_looked_at() -> None:
    condition, state = build(A_THEN_B, ("B", 3), *[("A", 20 + second) for second in range(KEPT)], ("A", 0))
    assert verdicts(condition, state, 100) == [False]


def test_it_is_explained_step_by_step() -> None:
    condition, state = build(NOT_C, ("A", 0), ("B", 5))
    assert condition.explain(state, T_US + 6 * S_US) == (
        "did A, then B, then not C within 10s: no (A last at 2027-01-15T08:00:00Z, B last at 2027-01-15T08:00:05Z, "
        "C never seen; can change at 2027-01-15T08:00:15Z)"
    )


def test_a_window_that_is_over_before_it_is_decided_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"sequence\.within: can never hold; got '10s'; wanted more than 10s"):
        build({"sequence": {**NOT_C["sequence"], "within": "10s"}})


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ([{"event": "A"}], "needs a list of 2 to 10 events"),
        ([{"event": "A"}] * 11, "needs a list of 2 to 10 events"),
        ([{"event": "A", "within": "1s"}, {"event": "B"}], "the first step follows nothing"),
        ([{"event": "A"}, {"not": {"event": "B"}}, {"event": "C"}], "`not` may only be the last step"),
        ([{"not": {"event": "A"}}, {"event": "C"}], "`not` may only be the last step"),
        ([{"event": "A"}, {"event": "B", "within": "soon"}], "steps[1].within: not a duration"),
        ([{"event": "A"}, {"event": "B", "withn": "1s"}], "steps[1]: unknown setting; got 'withn'"),
    ],
)
def test_what_is_wrong_is_named(steps: Any, says: str) -> None:
    with pytest.raises(DefinitionError) as problem:
        build({"sequence": {"steps": steps}})
    assert says in str(problem.value)
