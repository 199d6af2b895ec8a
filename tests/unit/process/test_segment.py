"""Segments: who is judged for which, and by which clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core import START_US, World, definitions
from tidings.process import segment as segments
from tidings.process.segment import Turn, turn

NEVER_BOUGHT = "never_bought: {rule: {did_not: {event: Order}}}"


def test_somebody_seen_for_the_first_time_is_judged_for_what_holds_of_anybody(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, segments=NEVER_BOUGHT))
    world.track(0, "Page")
    assert [fact.occurred_us for fact in world.facts("segment_entered")] == [START_US]
    world.track(10, "Order")
    assert [fact.occurred_us for fact in world.facts("segment_left")] == [START_US + 10_000_000]


def test_her_first_event_is_judged_as_any_other(tmp_path: Path) -> None:
    segments = f"{NEVER_BOUGHT}\nbought: {{rule: {{did: {{event: Order, within: 1h}}}}}}"
    world = World(definitions(tmp_path, segments=segments))
    world.track(0, "Order")
    assert sorted(world.person().segments) == ["bought"]


def test_only_those_that_may_hold_of_anybody_are_judged_without_cause(tmp_path: Path) -> None:
    segments = "\n".join(f"s{n}: {{rule: {{did: {{event: E{n}}}}}}}" for n in range(50))
    what = definitions(tmp_path, segments=f"{NEVER_BOUGHT}\n{segments}")
    looked = what.segments.first_look((), len(what.layout.accumulators))
    assert [one.name for one in looked] == ["never_bought"]


def test_a_rule_with_a_list_is_judged_when_a_given_trait_changes(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, segments="gold: {rule: {trait: plan, in: [gold, platinum]}}"))
    world.identify(0, plan="silver")
    world.identify(1, plan="gold")
    assert list(world.person().segments) == ["gold"]


def test_a_look_in_vain_leaves_no_mark_on_what_comes_late(tmp_path: Path) -> None:
    """At 60 s the window is looked at and nothing changes; so what occurred at 50 s and comes late is judged at 50 s."""
    vain = "a: {rule: {any: [{did: {event: A, within: 60s}}, {did: {event: A}}]}}"
    world = World(definitions(tmp_path, segments=f"{vain}\nb: {{rule: {{did: {{event: B, within: 5s}}}}}}"))
    world.track(0, "A")
    world.until(100)
    world.track(50, "B", received_s=100)
    facts = world.facts("segment_entered", "segment_left")
    assert [(fact.kind, fact.occurred_us - START_US) for fact in facts if fact.subject == "b"] == [
        ("segment_entered", 50_000_000),
        ("segment_left", 55_000_000),
    ]


WINDOWS = """
  recent: {rule: {did: {event: Order, within: 60s}}}
  lapsed: {rule: {all: [{did: {event: Order}}, {did_not: {event: Order, within: 60s}}]}}
  bought: {rule: {did: {event: Order}}}
  twice: {rule: {any: [{did: {event: Order, within: 30s}}, {did: {event: Order, within: 60s}}]}}
"""


def test_what_changes_next_by_time_alone_is_what_then_happens(tmp_path: Path) -> None:
    what = definitions(tmp_path, segments=WINDOWS)
    world = World(what)
    world.track(0, "Order")
    said = {one.name: turn(world.person(), one, START_US + 10_000_000) for one in what.segments.all()}
    assert said == {
        "recent": Turn(START_US + 60_000_000, enters=False),
        "lapsed": Turn(START_US + 60_000_000, enters=True),
        "bought": None,
        "twice": Turn(START_US + 60_000_000, enters=False),  # at 30 s it could turn, but does not
    }
    world.until(100)
    later = [fact for fact in world.facts("segment_entered", "segment_left") if fact.occurred_us > START_US]
    happened = {fact.subject: Turn(fact.occurred_us, fact.kind == "segment_entered") for fact in later}
    assert happened == {name: one for name, one in said.items() if one is not None}


def test_how_far_ahead_is_looked_has_a_bound_and_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two = "{any: [{did: {event: Order, within: 30s}}, {did: {event: Order, within: 60s}}]}"
    what = definitions(tmp_path, segments=f"twice: {{rule: {two}}}")
    world = World(what)
    world.track(0, "Order")
    (segment,) = what.segments.all()
    monkeypatch.setattr(segments, "MAX_LOOKS", 1)
    assert turn(world.person(), segment, START_US) == Turn(START_US + 30_000_000, None)
