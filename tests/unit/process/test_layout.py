"""Stored people and changed definitions: what was remembered stays, what the new ones say is true from the next touch."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core import START_US, World, definitions, write
from tidings import workspace
from tidings.errors import CorruptData
from tidings.pipeline import Pipeline
from tidings.workspace import Definitions

SPENT = "spent: {sum: {event: Order, property: revenue}}"
BIG = "big: {rule: {trait: spent, at_least: 100}}"
WAITS = """
    entry: {event: Go}
    steps:
      - id: pause
        wait: 1h
      - id: done
        exit: waited
"""


def changed(folder: Path, before: Definitions, **files: str) -> Definitions:
    """New definitions over stored state, loaded as the process role loads them."""
    return workspace.load(write(folder, **files), earlier=before.sources, layouts=before.layout.known)


def restart(world: World, now: Definitions) -> None:
    world.simulator._definitions = now
    world.simulator.restart()


def test_a_rule_that_changed_is_judged_anew_at_the_next_event(tmp_path: Path) -> None:
    before = definitions(tmp_path, traits=SPENT, segments=BIG)
    world = World(before)
    world.track(0, "Order", {"revenue": 500})
    restart(world, changed(tmp_path, before, traits=SPENT, segments=BIG.replace("100", "1000")))
    world.track(10, "Something Else")
    assert world.person().segments == {}
    (left,) = world.facts("segment_left")
    assert (left.subject, left.known_us, left.cause) == ("big", START_US + 10_000_000, "definitions")


def test_a_segment_that_is_gone_is_left_and_its_alarm_goes(tmp_path: Path) -> None:
    before = definitions(tmp_path, segments="recent: {rule: {did: {event: Order, within: 30d}}}")
    world = World(before)
    world.track(0, "Order")
    assert "recent" in world.person().alarms
    restart(world, changed(tmp_path, before))
    world.track(10, "Something Else")
    assert world.person().segments == world.person().alarms == {}
    assert world.person().next_due_us == 0


def test_an_alarm_of_a_segment_that_is_gone_rings_once_and_does_nothing_worse(tmp_path: Path) -> None:
    before = definitions(tmp_path, segments="recent: {rule: {did: {event: Order, within: 1h}}}")
    world = World(before)
    world.track(0, "Order")
    restart(world, changed(tmp_path, before))
    world.until(7_200)
    assert [fact.cause for fact in world.facts("segment_left")] == ["definitions"]
    assert world.person().segments == {}


def test_what_was_remembered_stays_and_new_memories_start_empty(tmp_path: Path) -> None:
    before = definitions(tmp_path, traits=SPENT)
    world = World(before)
    world.track(0, "Order", {"revenue": 500})
    now = changed(tmp_path, before, traits=f"orders: {{count: {{event: Order}}}}\n{SPENT}")
    restart(world, now)
    world.track(10, "Order", {"revenue": 1})
    values = {name: one.read(world.person().values, 0) for name, one in now.layout.traits()}
    assert values == {"orders": 1, "spent": 501.0}


def test_a_new_segment_holds_from_the_next_event_for_what_was_remembered(tmp_path: Path) -> None:
    before = definitions(tmp_path, traits=SPENT)
    world = World(before)
    world.track(0, "Order", {"revenue": 500})
    win = "entry: {segment: big}\nsteps:\n  - id: s\n    exit: x\n"
    restart(world, changed(tmp_path, before, traits=SPENT, segments=BIG, win=win))
    world.track(10, "Something Else")
    assert "big" in world.person().segments
    assert world.facts("run_started") == []  # a definition that is new is no news of a person


def test_a_run_keeps_its_version_when_the_journey_changes(tmp_path: Path) -> None:
    before = definitions(tmp_path, jny=WAITS)
    world = World(before)
    world.track(0, "Go")
    restart(world, changed(tmp_path, before, jny=WAITS.replace("waited", "waited anew")))
    world.until(3_600)
    world.track(3_700, "Go")
    world.until(8_000)
    assert world.ends() == [("jny", "waited"), ("jny", "waited anew")]


def test_a_run_whose_journey_is_deleted_goes_on_to_its_end(tmp_path: Path) -> None:
    before = definitions(tmp_path, jny=WAITS)
    world = World(before)
    world.track(0, "Go")
    restart(world, changed(tmp_path, before))
    world.track(10, "Go")
    world.until(7_200)
    assert world.ends() == [("jny", "waited")]


def test_a_run_whose_version_nobody_kept_ends_and_says_why(tmp_path: Path) -> None:
    before = definitions(tmp_path, jny=WAITS)
    world = World(before)
    world.track(0, "Go")
    restart(world, workspace.load(write(tmp_path), layouts=before.layout.known))
    world.track(10, "Go")
    world.until(7_200)
    assert world.ends() == [("jny", "its definition is gone")]
    assert world.person().runs == []


def test_a_state_in_a_layout_that_nobody_described_is_never_emptied_silently(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, traits=SPENT))
    world.track(0, "Order", {"revenue": 500})
    state = world.person()
    stranger = definitions(tmp_path, traits="orders: {count: {event: Order}}")
    with pytest.raises(CorruptData, match=r"profile .* follows layout .*restore"):
        Pipeline(stranger).adopt(state, START_US)


def test_the_same_definitions_have_the_same_layout_and_others_another(tmp_path: Path) -> None:
    one = definitions(tmp_path, traits=SPENT, segments=BIG).layout.layout_id
    assert definitions(tmp_path, traits=SPENT, segments=BIG).layout.layout_id == one
    assert definitions(tmp_path, traits=SPENT, segments=BIG.replace("big", "large")).layout.layout_id != one
    assert definitions(tmp_path, traits=SPENT, segments=BIG.replace("100", "99")).layout.layout_id != one
