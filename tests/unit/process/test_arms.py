"""Splits and holdouts: draws that hold over runs, weights and merges; messages that are held back are recorded."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

import pytest

from tests.unit.core import World, definitions, write
from tidings import workspace
from tidings.domain import profile as profiles
from tidings.domain.profile import ProfileState
from tidings.errors import DefinitionError
from tidings.process import arms

POLICY = "marketing: {consent: not_needed, cap: {at_most: 1, per: 24h}}\ntransactional: {consent: not_needed}"
HALF = """
    entry: {event: Go}
    steps:
      - {id: half, holdout: 50}
      - {id: news, send: {template: welcome, category: marketing}}
      - {id: receipt, send: {template: welcome, category: transactional}}
      - {id: how, branch: {of: half, is: held, then: held, else: treated}}
      - {id: held, exit: held}
      - {id: treated, exit: treated}
"""


def world(tmp_path: Path, journey: str = HALF, policy: str = POLICY, people: int = 0) -> World:
    one = World(definitions(tmp_path, policy=policy, ask=journey))
    for number in range(people):
        one.identify(number, user=f"u{number}", email=f"u{number}@x.example")
        one.track(number, "Go", user=f"u{number}")
    return one


def test_who_is_held_out_walks_on_and_gets_only_what_is_exempt(tmp_path: Path) -> None:
    one = world(tmp_path, people=200)
    held = {fact.profile_id for fact in one.facts("run_ended") if fact.data["outcome"] == "held"}
    assert 60 < len(held) < 140
    news = [intent for intent in one.sends() if intent.category == "marketing"]
    assert {intent.profile_id for intent in news if intent.suppressed == "holdout"} == held
    assert {intent.suppressed for intent in news if intent.profile_id not in held} == {""}
    assert {intent.suppressed for intent in one.sends() if intent.category == "transactional"} == {""}
    (draw,) = news[0].why["draws"]
    assert draw["what"] == "holdout"
    assert (draw["arm"] == "held") is (draw["drawn"] < 50) is (news[0].profile_id in held)


@pytest.mark.parametrize("how", ["journey", "policy"])
def test_a_whole_journey_and_all_journeys_may_hold_out(how: str, tmp_path: Path) -> None:
    plain = "entry: {event: Go}\nsteps:\n  - {id: news, send: {template: welcome, category: marketing}}\n"
    if how == "journey":
        one = world(tmp_path, f"holdout: 30\n{plain}", people=300)
    else:
        one = world(tmp_path, plain, f"{POLICY}\nholdout: {{percent: 30}}", people=300)
    ghosts = [intent for intent in one.sends() if intent.suppressed == "holdout"]
    assert 60 < len(ghosts) < 120
    assert len(one.sends()) == 300
    assert {one.simulator.person("user_id", f"u{number}").arms != {} for number in range(300)} == {True}  # type: ignore[union-attr]


def test_the_draw_for_all_journeys_is_not_forgotten() -> None:
    state = profiles.new("ann", "", 0)
    for number, key in enumerate([arms.EVERYWHERE, *(f"j/{number}" for number in range(2 * arms.MAX_ARMS))]):
        arms.keep(state, arms.Draw(key, "held", 1.0, "holdout"), number)
    assert len(state.arms) == arms.MAX_ARMS
    assert arms.EVERYWHERE in state.arms


def test_a_ghost_send_is_not_counted_by_a_cap_and_other_reasons_come_first(tmp_path: Path) -> None:
    one = world(tmp_path, people=100)
    for number in range(100):
        one.track(1_000 + number, "Go", user=f"u{number}")
    reasons: dict[str, list[str]] = {}
    for intent in one.sends():
        if intent.category == "marketing":
            reasons.setdefault(intent.profile_id, []).append(intent.suppressed)
    assert {tuple(found) for found in reasons.values()} == {("holdout", "holdout"), ("", "frequency_cap")}
    one.track(3_000, "Go", user="nobody")
    assert one.sends()[-1].suppressed == "no_address"


SPLIT = """
    entry: {event: Go}
    steps:
      - {id: chance, split: {a: 50, b: 50}}
      - {id: a, exit: went a}
      - {id: b, exit: went b}
"""


def test_after_a_merge_she_stays_where_she_drew_first(tmp_path: Path) -> None:
    """For pairs whose own draws differ, whichever profile survives."""
    seen = set()
    for number in range(40):
        one = world(tmp_path, SPLIT)
        one.track(1, "Go", user="", anonymous=f"d{number}")
        one.track(2, "Go", user=f"u{number}")
        first = one.facts("run_ended")[0].data["outcome"]
        second = one.facts("run_ended")[1].data["outcome"]
        one.identify(3, user=f"u{number}", anonymous=f"d{number}")
        one.track(4, "Go", user=f"u{number}")
        assert one.facts("run_ended")[2].data["outcome"] == first
        assert [fact.data["outcome"][:10] for fact in one.facts("run_step")][4] == "stays with"
        seen.add(first == second)
    assert seen == {True, False}


def test_of_two_draws_at_one_instant_the_word_decides_and_either_way_round(tmp_path: Path) -> None:
    one = world(tmp_path, SPLIT)
    one.track(1, "Go")
    mine = one.person()
    (key,) = mine.arms
    known_us = mine.arms[key][1]
    for first, second in (("a", "b"), ("b", "a")):
        mine.arms[key] = [first, known_us, 1.0, "split"]
        other = one.person()
        arms.absorb(mine, _with(other, {key: [second, known_us, 2.0, "split"]}))
        assert mine.arms[key][0] == "a"


def _with(state: ProfileState, found: dict[str, list[Any]]) -> ProfileState:
    other = copy(state)
    other.arms = found
    return other


def test_new_weights_are_for_those_who_come_new(tmp_path: Path) -> None:
    one = world(tmp_path, HALF.replace("50", "1"), people=100)
    before = {state.profile_id: state.arms["ask/half"][0] for state in one.simulator.people()}
    assert "treated" in before.values()
    for state in one.simulator.people():
        assert (
            arms.drawn(state, "holdout", "ask", "half", (("held", 90), ("treated", 10))).word
            == before[state.profile_id]
        )


def test_draws_are_bounded_and_the_oldest_go(tmp_path: Path) -> None:
    one = world(tmp_path, SPLIT)
    one.track(1, "Go")
    state = one.person()
    for number in range(200):
        arms.keep(state, arms.Draw(f"j{number}/s", "a", 1.0, "split"), 10**18 + number)
    assert len(state.arms) == arms.MAX_ARMS
    assert "ask/chance" not in state.arms


def test_no_two_steps_share_a_key(tmp_path: Path) -> None:
    state = world(tmp_path, SPLIT, people=1).person("u0")
    shares = (("a", 50), ("b", 50))
    keys = {arms.drawn(state, "split", *names, shares).key for names in (("a/b", "c"), ("a", "b/c"), ("a%2Fb", "c"))}
    assert len(keys) == 3


@pytest.mark.parametrize("percent", ["0", "91", "5.5", "true", "{percent: 5}"])
def test_a_share_that_is_none_is_told(percent: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as problem:
        workspace.load(write(tmp_path, ask=HALF.replace("50", percent)))
    assert "no share to hold out" in str(problem.value)
    with pytest.raises(DefinitionError):
        workspace.load(write(tmp_path, policy=f"marketing: {{}}\nholdout: {{percent: {percent}}}"))
