"""The main path: what one event, one timer or one merge does to one person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.core import START_US, World, definitions

GREET = """
    entry: {event: Go}
    steps:
      - id: greet
        send: {template: welcome, category: transactional}
"""


@pytest.mark.parametrize("given", ["abc", 7, [1, 2], [{"a": 1}], {"item_id": "x"}])
def test_a_trait_that_somebody_calls_cart_is_not_the_cart(given: Any, tmp_path: Path) -> None:
    world = World(definitions(tmp_path, greet=GREET))
    world.identify(0, email="ann@x.example", cart=given)
    world.track(1, "Go")
    (intent,) = world.sends()
    assert intent.values["cart"] == intent.seeds == intent.exclude == []


def test_a_computed_trait_of_another_kind_may_be_called_cart(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, greet=GREET, traits="cart: {count: {event: Go}}"))
    world.track(1, "Go")
    (intent,) = world.sends()
    assert intent.values["cart"] == []
    assert intent.values["person"]["cart"] == 1


@pytest.mark.parametrize("ends", [2**62, "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_branch_on_an_instant_that_no_calendar_knows_says_no_and_stops_nothing(ends: Any, tmp_path: Path) -> None:
    ask = """
        entry: {event: Go}
        steps:
          - id: soon
            branch: {if: {trait: ends, within: 3d}, then: "yes", else: "no"}
          - id: "yes"
            exit: "yes"
          - id: "no"
            exit: "no"
    """
    world = World(definitions(tmp_path, ask=ask))
    world.identify(0, ends=ends)
    world.track(1, "Go")
    assert world.ends() == [("ask", "no")]


LAPSED = "lapsed: {rule: {all: [{did: {event: Order}}, {did_not: {event: Order, within: 90d}}]}}"
WIN_BACK = """
    entry: {segment: lapsed}
    steps:
      - id: come_back
        send: {template: welcome, category: transactional}
"""
DAY_S = 86_400


def test_loaded_history_enters_no_journey_by_way_of_a_segment_either(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, segments=LAPSED, win_back=WIN_BACK))
    world.loaded(-400 * DAY_S, "Order", received_s=0)
    assert "lapsed" in world.person().segments
    world.until(DAY_S)
    assert world.facts("run_started") == []


def test_what_loaded_history_makes_true_later_is_news_and_enters(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, segments=LAPSED, win_back=WIN_BACK))
    world.loaded(-89 * DAY_S, "Order", received_s=0)
    world.until(2 * DAY_S)
    (fact,) = world.facts("run_started")
    assert fact.occurred_us == fact.known_us == START_US + DAY_S * 1_000_000


def test_a_late_event_that_shows_she_had_lapsed_enters_at_once_and_acts_just_after(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, segments=LAPSED, win_back=WIN_BACK))
    world.track(-100 * DAY_S, "Order", received_s=0)
    (fact,) = world.facts("run_started")
    assert (fact.occurred_us, fact.known_us) == (START_US - 10 * DAY_S * 1_000_000, START_US)
    assert world.sends() == []
    world.until(1)
    assert [intent.decided_us for intent in world.sends()] == [START_US + 1]


WEEKENDS = "weekend: {rule: {local_time: {weekdays: [sat, sun]}}}"
LONG_AGO_S = -30 * 365 * DAY_S
"""More than a thousand weekends."""


def at_weekends(entry: str) -> str:
    return f"""
    entry: {{segment: {entry}}}
    reentry: {{after: 1h}}
    steps:
      - id: done
        exit: done
    """


def test_history_of_decades_enters_no_journey_however_often_a_segment_turned_in_it(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, segments=WEEKENDS, saturday=at_weekends("weekend")))
    world.loaded(LONG_AGO_S, "Order", received_s=0)
    assert world.person().alarms["weekend"][0] > START_US, "all that was due has rung"
    world.until(DAY_S / 4)
    assert world.facts("run_started") == []


def test_before_an_event_all_timers_have_fired_however_many(tmp_path: Path) -> None:
    what = definitions(
        tmp_path, segments=f"{WEEKENDS}\nbuyers: {{rule: {{all: [did Order, {{in_segment: weekend}}]}}}}"
    )
    together, apart = World(what), World(what)
    together.take([together.record("track", at_s, "Order", user="ann") for at_s in (LONG_AGO_S, 0)], 0)
    for at_s in (LONG_AGO_S, 0):
        apart.track(at_s, "Order", received_s=0)
    turns = [
        [(one.kind, one.occurred_us) for one in world.facts("segment_entered", "segment_left")]
        for world in (together, apart)
    ]
    assert turns[0] == turns[1] == sorted(turns[0], key=lambda one: one[1])
    assert len(turns[0]) > 3_000


@pytest.mark.parametrize("ends", ["9999-12-30", "9990-01-01", "0001-01-01", "0001-01-01T00:00+13:00", 2**62, -(2**62)])
@pytest.mark.parametrize("shift", ["before", "after"])
def test_a_wait_for_a_date_that_no_calendar_shows_stops_nothing(ends: Any, shift: str, tmp_path: Path) -> None:
    later = f"""
    entry: {{event: Go}}
    steps:
      - id: pause
        wait: {{until_trait: ends, {shift}: 36500d}}
      - id: done
        exit: done
    """
    world = World(definitions(tmp_path, later=later))
    world.identify(0, ends=ends)
    world.track(1, "Go")
    assert len(world.facts("run_started")) == 1
