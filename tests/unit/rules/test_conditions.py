"""Conditions: what holds at an instant, when that can next change, and what is said about a wrong definition."""

from __future__ import annotations

from typing import Any

import pytest

from tidings.accumulate import kinds
from tidings.clock import DAY_US, HOUR_US, iso, parse_instant
from tidings.domain import profile as profiles
from tidings.domain.event import Event
from tidings.domain.profile import ProfileState, TraitValue
from tidings.errors import DefinitionError
from tidings.process.layout import Layout
from tidings.rules import parse as rule_parse
from tidings.rules.base import NEVER, NO, Condition, Verdict

T_US = 1_800_000_000_000_000


def build(raw: Any, *events: tuple[str, int], **traits: Any) -> tuple[Condition, ProfileState]:
    layout = Layout()
    layout.name("orders", kinds.parse({"count": {"event": "Order"}}, "t"))
    layout.name("first_order", kinds.parse({"first": {"event": "Order"}}, "t"))
    condition = rule_parse.parse(raw, layout, "segments.yml: s.rule")
    layout.seal()
    state = profiles.new("p", layout.layout_id, len(layout.accumulators))
    state.traits = {name: TraitValue(value, T_US, "e") for name, value in traits.items()}
    for number, (name, at_us) in enumerate(events):
        layout.fold(
            state.values,
            Event(event_id=f"e{number}", kind="track", name=name, occurred_us=at_us, received_us=at_us, offset=number),
        )
    return condition, state


def test_an_event_counts_within_a_window_up_to_but_not_at_its_end() -> None:
    condition, state = build({"did": {"event": "Order", "within": "30d"}}, ("Order", T_US))
    assert condition.judge(state, T_US).holds
    verdict = condition.judge(state, T_US + 30 * DAY_US - 1)
    assert (verdict.holds, verdict.next_us) == (True, T_US + 30 * DAY_US)
    assert condition.judge(state, T_US + 30 * DAY_US) == condition.judge(state, T_US + 99 * DAY_US)
    assert not condition.judge(state, T_US + 30 * DAY_US).holds


def test_at_least_three_holds_until_the_third_latest_drops_out() -> None:
    events = [("View", T_US + hour * HOUR_US) for hour in (0, 1, 2, 3)]
    condition, state = build({"did": {"event": "View", "at_least": 3, "within": "5h"}}, *events)
    verdict = condition.judge(state, T_US + 3 * HOUR_US)
    assert (verdict.holds, verdict.next_us) == (True, T_US + 6 * HOUR_US)


def test_did_ever_never_changes_by_time() -> None:
    condition, state = build({"did": {"event": "Order"}}, ("Order", T_US))
    assert condition.judge(state, T_US).next_us == NEVER


def test_all_wakes_at_the_earliest_of_its_parts() -> None:
    raw = {"all": [{"did": {"event": "Order", "within": "2d"}}, {"not": {"did": {"event": "View", "within": "1d"}}}]}
    condition, state = build(raw, ("Order", T_US), ("View", T_US))
    verdict = condition.judge(state, T_US)
    assert (verdict.holds, verdict.next_us) == (False, T_US + DAY_US)
    assert condition.judge(state, T_US + DAY_US).holds
    assert not condition.judge(state, T_US + 2 * DAY_US).holds


def test_a_trait_within_and_older_than_exclude_each_other_at_every_instant() -> None:
    within, state = build({"trait": "first_order", "within": "30d"}, ("Order", T_US))
    older, _ = build({"trait": "first_order", "older_than": "30d"})
    for at_us in (T_US, T_US + 30 * DAY_US - 1, T_US + 30 * DAY_US, T_US + 31 * DAY_US):
        assert within.judge(state, at_us).holds != older.judge(state, at_us).holds
    assert older.judge(state, T_US).next_us == T_US + 30 * DAY_US


def test_a_trait_between_two_spans_turns_at_both_of_their_ends() -> None:
    past, state = build({"trait": "first_order", "within": "30d", "older_than": "10d"}, ("Order", T_US))
    assert past.judge(state, T_US) == Verdict(False, T_US + 10 * DAY_US)
    assert past.judge(state, T_US + 10 * DAY_US) == Verdict(True, T_US + 30 * DAY_US)
    assert past.judge(state, T_US + 30 * DAY_US) == NO
    assert past.words() == "first_order is within 30d and older than 10d"
    ahead, state = build({"trait": "ends", "in_next": "30d", "further_than": "10d"}, ends=iso(T_US + 40 * DAY_US))
    assert ahead.judge(state, T_US) == Verdict(False, T_US + 10 * DAY_US)
    assert ahead.judge(state, T_US + 10 * DAY_US) == Verdict(True, T_US + 30 * DAY_US)
    assert ahead.judge(state, T_US + 30 * DAY_US) == NO
    assert ahead.words() == "ends is in the next 30d and further than 10d ahead"


@pytest.mark.parametrize(
    ("raw", "value", "holds"),
    [
        ({"equals": "gold"}, "gold", True),
        ({"equals": 1}, True, False),
        ({"at_least": 3}, "5", False),
        ({"at_least": 3, "less_than": 5}, 4, True),
        ({"in": ["a", "b"]}, "b", True),
        ({"contains": "ol"}, "gold", True),
        ({"contains": "x"}, ["x"], True),
        ({"starts_with": "g"}, 7, False),
        ({"exists": False}, None, True),
        ({"empty": False}, [], False),
        ({"not_equals": "gold"}, None, True),
    ],
)
def test_comparisons_never_raise_and_mind_types(raw: dict[str, Any], value: Any, holds: bool) -> None:
    traits = {} if value is None else {"plan": value}
    condition, state = build({"trait": "plan", **raw}, **traits)
    assert condition.judge(state, T_US).holds is holds


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({}, "exactly one kind"),
        ({"dance": {}}, "exactly one kind"),
        ({"did": {"event": "x"}, "extra": 1}, "unknown setting beside `did`; got 'extra'"),
        ({"did": {"event": []}}, "`event` needs a name or a list of names"),
        ({"did": {"event": "x", "at_least": 0}}, "`at_least` is out of range; got 0"),
        ({"did": {"event": "x", "within": "soon"}}, "did.within: not a duration: got 'soon'"),
        ({"did": {"event": "x", "wihtin": "3d"}}, "unknown setting; got 'wihtin'"),
        ({"trait": "a", "is": 3}, "unknown comparison; got 'is'"),
        ({"trait": "orders", "within": "30d"}, "s.rule.within: does not fit: orders is a number; got '30d'"),
        ({"trait": "orders", "starts_with": "3"}, "s.rule.starts_with: does not fit: orders is a number"),
        ({"trait": "orders", "at_least": "3"}, "s.rule.at_least: does not fit: orders is a number; got '3'"),
        ({"trait": "orders", "version_at_least": "3"}, "does not fit: orders is a number"),
        ({"trait": "first_order", "in_next": "3d"}, "s.rule.in_next: can never hold: first_order is never ahead"),
        ({"anniversary": {"of": "orders"}}, "s.rule.anniversary.of: does not fit: it is a number, and no date"),
        (
            {"trait": "a", "within": "1d", "older_than": "2d"},
            "can never hold: `within` is not longer than `older_than`",
        ),
        (
            {"trait": "a", "in_next": "1d", "further_than": "1d"},
            "can never hold: `in_next` is not longer than `further_than`",
        ),
        ({"trait": "a", "in_next": "1d", "older_than": "2d"}, "can never hold: no instant is past and ahead"),
        ({"all": []}, "needs a list of 1 to 100 conditions"),
        ({"not": [1]}, "not: a condition needs exactly one kind; got [1]"),
    ],
)
def test_a_wrong_condition_is_named_by_file_path_and_value(raw: Any, says: str) -> None:
    with pytest.raises(DefinitionError) as problem:
        build(raw)
    assert str(problem.value).startswith("segments.yml: s.rule")
    assert says in str(problem.value)


def test_nesting_is_bounded() -> None:
    raw: Any = {"trait": "a", "equals": 1}
    for _ in range(20):
        raw = {"not": raw}
    with pytest.raises(DefinitionError, match="nested deeper than 16"):
        build(raw)


def test_an_explanation_has_the_persons_own_values() -> None:
    condition, state = build(
        {"all": [{"trait": "orders", "at_least": 2}, {"did": {"event": "Order", "within": "1d"}}]}, ("Order", T_US)
    )
    words = condition.explain(state, T_US)
    assert "orders is at least 2: no (1)" in words
    assert "yes (last at 2027-01-15T08:00:00Z, until 2027-01-16T08:00:00Z)" in words


@pytest.mark.parametrize("setting", ["within", "older_than", "in_next", "further_than"])
@pytest.mark.parametrize("value", ["9999-12-30", "9990-01-01", "0001-01-01", "0001-01-01T00:00+13:00"])
def test_whatever_turns_does_so_at_an_instant_that_a_calendar_can_show(value: str, setting: str) -> None:
    condition, state = build({"trait": "ends", setting: "36500d"}, ends=value)
    for at_us in (0, T_US, parse_instant("9990-01-01")):
        next_us = condition.judge(state, at_us).next_us
        assert not next_us or iso(next_us) > iso(at_us)


@pytest.mark.parametrize(
    "value",
    [
        2**62,
        2**63 - 1,
        -(2**63),
        True,
        "soon",
        "",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        [1],
        {"a": 1},
        1e300,
    ],
)
@pytest.mark.parametrize("setting", ["within", "older_than"])
def test_a_trait_that_is_no_instant_is_neither_recent_nor_old_and_can_be_explained(value: Any, setting: str) -> None:
    condition, state = build({"trait": "ends", setting: "3d"}, ends=value)
    assert condition.judge(state, T_US) == condition.judge(state, T_US + 99 * DAY_US)
    assert not condition.judge(state, T_US).holds
    assert ": no (" in condition.explain(state, T_US)
