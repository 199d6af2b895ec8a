"""Several messages want one person: the best goes, the others wait for the end of the window or are recorded as lost."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from tests.unit.core import START_US, World, definitions

HOUR_S = 3_600


def policy(text: str = "", *, offers: str = "", **rules: str) -> str:
    said = {"window": "1h", **rules}
    settings = ", ".join(f"{name}: {value}" for name, value in said.items())
    category = f"offers: {{consent: not_needed{', ' if offers else ''}{offers}}}"
    return f"arbitration: {{{settings}}}\n{category}\nbills: {{exempt: true, consent: not_needed}}\n{text}"


def journey(event: str, value: Any = 1, *, priority: str = "normal", category: str = "offers") -> str:
    send = f"{{template: t, category: {category}, value: {value}}}"
    return f"entry: {{event: {event}}}\npriority: {priority}\nsteps:\n  - id: s\n    send: {send}\n"


def world(folder: Path, rules: str, **journeys: str) -> World:
    found = World(definitions(folder, policy=rules, **journeys))
    found.identify(0, email="ann@x.example")
    return found


def decided(one: World) -> list[tuple[str, float, str]]:
    """(journey, seconds from the start, why not) of every decision."""
    return [(sent.journey, (sent.decided_us - START_US) / 1e6, sent.suppressed) for sent in one.sends()]


def rounded(one: World) -> list[tuple[str, int, str]]:
    return [(name, int(at_s), reason) for name, at_s, reason in decided(one)]


THREE = {"low": journey("A", 1), "best": journey("A", 9), "middle": journey("A", 5)}


def test_of_those_that_ask_at_one_instant_the_best_goes_and_the_others_follow_an_hour_apart(tmp_path: Path) -> None:
    one = world(tmp_path, policy(), **THREE)
    one.track(10, "A")
    one.until(4 * HOUR_S)
    assert rounded(one) == [("best", 10, ""), ("middle", 10 + HOUR_S, ""), ("low", 10 + 2 * HOUR_S, "")]
    gaps = [sent.decided_us for sent in one.sends()]
    assert [later - before for before, later in itertools.pairwise(gaps)] == [HOUR_S * 1_000_000] * 2


def test_a_round_is_held_open_for_a_better_one(tmp_path: Path) -> None:
    one = world(tmp_path, policy(hold="10m"), early=journey("A", 1), late=journey("B", 2), too_late=journey("C", 3))
    one.track(10, "A")
    one.track(300, "B")
    one.track(700, "C")
    one.until(4 * HOUR_S)
    assert decided(one) == [("late", 610.0, ""), ("too_late", 610.0 + HOUR_S, ""), ("early", 610.0 + 2 * HOUR_S, "")]


def test_losers_are_recorded_at_once_when_they_are_dropped(tmp_path: Path) -> None:
    one = world(tmp_path, policy(hold="10m", losers="drop"), **THREE, other=journey("B", 100))
    one.track(10, "A")
    one.track(900, "B")
    one.until(2 * HOUR_S)
    lost = "lost_arbitration"
    assert sorted(decided(one)) == [
        ("best", 610.0, ""),
        ("low", 610.0, lost),
        ("middle", 610.0, lost),
        ("other", 900.0, lost),
    ]
    other = next(sent for sent in one.sends() if sent.journey == "other")
    best = next(sent for sent in one.sends() if sent.journey == "best")
    assert other.why["arbitration"]["winner"]["message_id"] == best.message_id
    assert other.why["arbitration"]["winner"]["value"] == 9.0
    assert [(sent["journey"], sent["value"]) for sent in best.why["arbitration"]["others"]] == [
        ("middle", 5.0),
        ("low", 1.0),
    ]


def test_who_could_not_go_within_its_time_has_lost(tmp_path: Path) -> None:
    one = world(tmp_path, policy(retry_for="90m"), **THREE)
    one.track(10, "A")
    one.until(4 * HOUR_S)
    assert [(name, reason) for name, _, reason in decided(one)] == [
        ("best", ""),
        ("middle", ""),
        ("low", "lost_arbitration"),
    ]
    low = one.sends()[-1]
    assert low.why["arbitration"]["rounds"] == 1
    outcomes = [entry[3] for entry in low.why["steps"]]
    assert outcomes[0].startswith("competes until 2027-01-15T08:00:10.000001Z (value 1, priority normal)")
    assert "best was first (value 9)" in outcomes[2]


def test_priority_goes_before_value_and_the_earlier_before_the_later(tmp_path: Path) -> None:
    journeys = {
        "worth": journey("A", 1_000, priority="low"),
        "late": journey("B", 1),
        "early": journey("A", 1),
        "urgent": journey("B", 0, priority="high"),
    }
    one = world(tmp_path, policy(hold="10m"), **journeys)
    one.track(10, "A")
    one.track(11, "B")
    one.until(5 * HOUR_S)
    assert [name for name, _, _ in decided(one)] == ["urgent", "early", "late", "worth"]


def test_a_value_may_be_predicted_by_a_trait_and_no_number_is_worth_nothing(tmp_path: Path) -> None:
    traits = "orders: {count: {event: Order}}\n"
    journeys = {
        "given": journey("A", "{trait: predicted, times: 2}"),
        "computed": journey("A", "{trait: orders}"),
        "none": journey("A", "{trait: nothing}"),
    }
    one = World(definitions(tmp_path, policy=policy(), traits=traits, **journeys))
    one.identify(0, email="ann@x.example", predicted=2.25)
    for n in range(5):
        one.track(1 + n, "Order")
    one.track(10, "A")
    one.until(4 * HOUR_S)
    assert [(sent.journey, sent.why["arbitration"]["value"]) for sent in one.sends()] == [
        ("computed", 5.0),
        ("given", 4.5),
        ("none", 0.0),
    ]


def test_the_best_that_may_not_go_leaves_its_place_to_the_next(tmp_path: Path) -> None:
    rules = policy("news: {consent: required}")
    one = world(tmp_path, rules, best=journey("A", 9, category="news"), next=journey("A", 1))
    one.track(10, "A")
    one.until(HOUR_S)
    assert [(name, reason) for name, _, reason in decided(one)] == [("best", "no_consent"), ("next", "")]


def test_an_exempt_message_neither_waits_nor_takes_the_window(tmp_path: Path) -> None:
    one = world(tmp_path, policy(hold="10m"), bill=journey("A", 0, category="bills"), offer=journey("B"))
    one.track(10, "A")
    one.track(11, "B")
    one.track(12, "A")
    one.until(HOUR_S)
    assert decided(one) == [("bill", 10.0, ""), ("bill", 12.0, ""), ("offer", 611.0, "")]


def test_a_run_that_ends_while_it_competes_leaves_the_round(tmp_path: Path) -> None:
    leaving = f"exit_on: Bought\n{journey('A', 9)}"
    one = world(tmp_path, policy(hold="10m"), leaving=leaving, staying=journey("A", 1))
    one.track(10, "A")
    one.track(300, "Bought")
    one.until(HOUR_S)
    assert decided(one) == [("staying", 610.0, "")]
    assert one.ends()[0] == ("leaving", "did Bought")


def test_rounds_of_two_people_who_are_one_end_as_they_would_have(tmp_path: Path) -> None:
    one = World(definitions(tmp_path, policy=policy(hold="10m"), first=journey("A", 1), second=journey("B", 9)))
    one.identify(0, user="ann", email="ann@x.example")
    one.take([one.record("identify", 1, anonymous="d", traits={"email": "ann@x.example"})], 1)
    one.track(10, "A")
    one.take([one.record("track", 20, "B", anonymous="d")], 20)
    one.identify(30, user="ann", anonymous="d")
    one.until(3 * HOUR_S)
    assert decided(one) == [("first", 610.0, ""), ("second", 610.0 + HOUR_S, "")]


def test_a_held_message_asks_for_permission_when_its_turn_comes(tmp_path: Path) -> None:
    one = world(tmp_path, policy(hold="10m"), a=journey("A"))
    one.track(10, "A")
    one.track(20, "Unsubscribed", {"category": "offers"})
    one.until(HOUR_S)
    assert decided(one) == [("a", 610.0, "consent_withdrawn")]
