"""Parallel paths: lanes that are walked at once, and meet again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core import World, definitions, write
from tidings import workspace
from tidings.errors import DefinitionError
from tidings.process.admission import MAX_RUNS

TWO = """
    entry: {event: Go}
    exit_on: Stop
    steps:
      - id: both
        parallel: {paths: {a: a_pause, b: b_wait}, join: after, until: UNTIL}
      - {id: a_pause, wait: 1h}
      - {id: a_send, send: {template: welcome, category: transactional}}
      - {id: a_done, branch: {if: {trait: x, exists: true}, then: after, else: after}}
      - {id: b_wait, wait_until: {event: Order, timeout: 2h, on_event: after}}
      - {id: b_late, exit: too late}
      - {id: after, exit: done}
"""
HOUR_S = 3_600
DAY_S = 24 * HOUR_S


def world(tmp_path: Path, until: str = "all", journey: str = TWO, **more: str) -> World:
    one = World(definitions(tmp_path, two=journey.replace("UNTIL", until), **more))
    one.identify(0, email="ann@x.example")
    one.track(1, "Go")
    return one


def where(one: World) -> dict[str, str]:
    return {run.lane: run.step for run in one.person().runs}


def test_each_path_has_its_lane_and_the_run_waits_for_them(tmp_path: Path) -> None:
    one = world(tmp_path)
    assert where(one) == {"": "both", "a": "a_pause", "b": "b_wait"}
    one.until(HOUR_S + 1)
    assert where(one) == {"": "both", "b": "b_wait"}
    assert len(one.sends()) == 1
    one.track(HOUR_S + 60, "Order")
    assert one.ends() == [("two", "done")]
    assert one.person().runs == []


def test_a_lane_that_ends_has_arrived(tmp_path: Path) -> None:
    one = world(tmp_path)
    one.until(2 * HOUR_S + 1)
    assert one.ends() == [("two", "done")]


def test_the_first_may_be_enough_and_ends_the_others(tmp_path: Path) -> None:
    one = world(tmp_path, "any")
    one.track(60, "Order")
    assert one.ends() == [("two", "done")]
    one.until(3 * HOUR_S)
    assert one.sends() == []
    assert sorted(fact.data["outcome"] for fact in one.facts("lane_ended")) == ["arrived", "b arrived first"]


def test_what_ends_the_run_ends_its_lanes(tmp_path: Path) -> None:
    one = world(tmp_path)
    one.track(60, "Stop")
    assert one.ends() == [("two", "did Stop")]
    assert one.person().runs == []
    assert len(one.facts("lane_ended")) == 2
    one.until(3 * HOUR_S)
    assert one.sends() == []


def test_an_event_that_two_lanes_wait_for_moves_both(tmp_path: Path) -> None:
    both = TWO.replace("wait: 1h", "wait_until: {event: Order, timeout: 1h, on_event: a_send}")
    one = world(tmp_path, journey=both)
    one.track(60, "Order")
    assert one.ends() == [("two", "done")]
    assert len(one.sends()) == 1


def test_lanes_that_need_no_wait_join_at_once(tmp_path: Path) -> None:
    quick = """
        entry: {event: Go}
        steps:
          - {id: both, parallel: {paths: {a: one, b: two}, join: after, until: UNTIL}}
          - {id: one, send: {template: welcome, category: transactional}}
          - {id: to_end, branch: {if: {trait: x, exists: true}, then: after, else: after}}
          - {id: two, send: {template: welcome, category: transactional}}
          - {id: after, branch: {of: both, ways: WAYS, else: other}}
          - {id: fine, exit: fine}
          - {id: other, exit: other}
    """
    one = world(tmp_path, journey=quick.replace("WAYS", "{all: fine}"))
    assert (one.ends(), len(one.sends())) == ([("two", "fine")], 2)
    one = world(tmp_path, "any", journey=quick.replace("WAYS", "{a: fine}"))
    assert (one.ends(), len(one.sends())) == ([("two", "fine")], 1)


def test_what_lanes_know_is_known_after_they_meet(tmp_path: Path) -> None:
    known = """
        entry: {event: Go}
        steps:
          - {id: both, parallel: {paths: {a: mail, b: pause}, join: after}}
          - {id: mail, send: {template: welcome, category: transactional}}
          - {id: to_end, branch: {if: {trait: x, exists: true}, then: after, else: after}}
          - {id: pause, wait: 1h}
          - {id: after, branch: {of: mail, ways: {opened: opened}, else: silent}}
          - {id: opened, exit: opened}
          - {id: silent, exit: silent}
    """
    one = world(tmp_path, journey=known)
    one.track(60, "Email Opened", {"message_id": one.sends()[0].message_id})
    one.until(2 * HOUR_S)
    assert one.ends() == [("two", "opened")]


NESTED = """
    entry: {event: Go}
    exit_on: Stop
    steps:
      - {id: outer, parallel: {paths: {a: inner, b: hour}, join: after}}
      - {id: inner, parallel: {paths: {c: minute, d: two_minutes}, join: met}}
      - {id: minute, wait: 1m}
      - {id: c_end, exit: c}
      - {id: two_minutes, wait: 2m}
      - {id: d_end, exit: d}
      - {id: met, send: {template: welcome, category: transactional}}
      - {id: met_end, exit: met}
      - {id: hour, wait: 1h}
      - {id: after, exit: done}
"""


def test_paths_may_lie_in_paths(tmp_path: Path) -> None:
    one = world(tmp_path, journey=NESTED)
    assert where(one) == {"": "outer", "a": "inner", "b": "hour", "c": "minute", "d": "two_minutes"}
    one.until(121)
    assert where(one) == {"": "outer", "b": "hour"}
    (intent,) = one.sends()
    steps = [entry[0] for entry in intent.why["steps"]]
    assert steps[:2] == ["outer", "inner"]
    assert {"c_end", "d_end"} < set(steps)
    one.until(HOUR_S + 2)
    assert one.ends() == [("two", "done")]


def test_all_that_is_below_ends_with_the_run(tmp_path: Path) -> None:
    one = world(tmp_path, journey=NESTED)
    one.track(30, "Stop")
    assert one.person().runs == []
    assert len(one.facts("lane_ended")) == 4
    assert {fact.data["whole"] for fact in one.facts("lane_ended")} == {one.facts("run_ended")[0].data["run_id"]}


def test_of_two_families_one_goes_on_after_a_merge_and_the_other_ends_whole(tmp_path: Path) -> None:
    one = world(tmp_path)
    one.track(60, "Go", user="", anonymous="phone")
    one.identify(120, anonymous="phone")
    assert where(one) == {"": "both", "a": "a_pause", "b": "b_wait"}
    assert len({run.parent for run in one.person().runs}) == 2
    assert one.person().runs[0].entered_us - one.person().first_us == 60_000_000
    one.until(3 * HOUR_S)
    assert [how for _, how in one.ends()] == ["merged with the other run of the same person", "done"]


def test_a_lane_that_goes_round_has_new_ids_each_time(tmp_path: Path) -> None:
    again = """
        entry: {event: Go}
        steps:
          - {id: both, parallel: {paths: {a: mail, b: pause}, join: again}}
          - {id: mail, send: {template: welcome, category: transactional}}
          - {id: mail_end, exit: mailed}
          - {id: pause, wait_until: {event: Order, timeout: 1h, on_event: again}}
          - {id: pause_end, exit: over}
          - {id: again, branch: {if: {did: {event: Order, at_least: 3}}, then: exit, else: both}}
    """
    one = world(tmp_path, journey=again)
    one.take([one.record("track", 10, "Order", user="ann") for _ in range(3)], 10)
    assert len({intent.message_id for intent in one.sends()}) == len(one.sends()) == 3
    assert len(one.ends()) == 1


def test_a_time_of_day_in_a_path_is_waited_for_anew_each_round(tmp_path: Path) -> None:
    journey = """
        entry: {event: Go}
        exit_on: Stop
        steps:
          - id: both
            parallel: {paths: {a: out, b: morning}, join: again}
          - {id: out, exit: done}
          - {id: morning, wait: {until: "09:00"}}
          - {id: again, branch: {if: {trait: x, exists: true}, then: exit, else: both}}
    """
    one = world(tmp_path, journey=journey)
    one.until(3 * DAY_S)
    came = [fact for fact in one.facts("run_step") if fact.data["outcome"] == "it is 09:00"]
    assert len(came) == 3
    assert len({fact.occurred_us for fact in came}) == 3


def test_beyond_the_bound_of_runs_paths_are_not_taken(tmp_path: Path) -> None:
    ten = ", ".join(f"p{number}: pause" for number in range(10))
    many = f"""
        entry: {{event: Go}}
        steps:
          - {{id: fork, parallel: {{paths: {{{ten}}}, join: after}}}}
          - {{id: pause, wait: 1h}}
          - {{id: after, exit: done}}
    """
    journeys = {f"j{number}": many for number in range(7)}
    one = World(definitions(tmp_path, **journeys))
    one.track(1, "Go")
    assert len(one.person().runs) == MAX_RUNS
    one.until(2 * HOUR_S)
    assert one.person().runs == []
    assert {how for _, how in one.ends()} == {"done"}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("{paths: {a: x}, join: x}", "needs 2 to 10 names"),
        ("{paths: {a: x, b: y}}", "needs `join`"),
        ("{paths: {a: x, b: gone}, join: x}", "unknown step; got 'gone'"),
        ("{paths: {a: x, b: y}, join: x, until: some}", "unknown; got 'some'; wanted all or any"),
        ("{paths: {a: x, b: 3}, join: x}", "needs `b`"),
    ],
)
def test_wrong_paths_are_told(settings: str, says: str, tmp_path: Path) -> None:
    journey = f"""
        entry: {{event: Go}}
        steps:
          - {{id: both, parallel: {settings}}}
          - {{id: x, wait: 1h}}
          - {{id: y, wait: 1h}}
    """
    with pytest.raises(DefinitionError) as problem:
        workspace.load(write(tmp_path, two=journey))
    assert says in str(problem.value)
