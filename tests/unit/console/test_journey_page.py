"""A journey's page: every kind of step drawn, lanes as branches that meet again, and who is held out."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.console.build import RETAIL, World
from tests.unit.console.web import Visitor
from tidings.clock import DAY_US, MINUTE_US, ManualClock
from tidings.console.app import create_app
from tidings.console.journeys import graph
from tidings.workspace import load

START_US = 1_800_000_000_000_000
ALL_KINDS = """
journey: everything
description: One step of each kind that branches, forks, waits or reaches further.
entry: {event: Everything Begun}
holdout: 20
steps:
  - {id: test_group, split: {her_hour: 50, both: 50}}
  - {id: her_hour, send_time: {within: 24h}}
  - {id: half, holdout: 30}
  - {id: both, parallel: {paths: {write: letter, wait: quiet}, join: met}}
  - {id: letter, send: {template: welcome, category: marketing}}
  - {id: inner, parallel: {paths: {short: an_hour, long: a_day}, join: inner_met, until: any}}
  - {id: an_hour, wait: 1h}
  - {id: hour_over, exit: the hour is over}
  - {id: a_day, wait_until: {message: letter, is: clicked, timeout: 1d, on_event: inner_met}}
  - {id: day_over, exit: the day is over}
  - {id: inner_met, start: {journey: abandoned_cart}}
  - {id: begun, exit: other begun}
  - {id: quiet, wait: 2h}
  - {id: quiet_over, exit: quiet over}
  - {id: met, branch: {of: letter, ways: {clicked: clicked, opened: clicked, "suppressed:holdout": held}, else: silent}}
  - {id: clicked, exit: clicked}
  - {id: held, exit: held out}
  - {id: silent, exit: silent}
"""


def with_everything(folder: Path) -> World:
    """Forty people in a journey of all kinds."""
    source = folder / "source"
    shutil.copytree(RETAIL, source)
    (source / "journeys" / "everything.yml").write_text(ALL_KINDS, "utf-8")
    world = World(folder, START_US, source)
    for number in range(40):
        who = {"userId": f"u{number}"}
        world.tell("identify", who, traits={"email": f"u{number}@x.example"})
        world.track(who, "Consent Given", purpose="marketing", method="checkbox", wording="yes")
        world.track(who, "Everything Begun")
    world.clock.set(START_US + MINUTE_US)
    world.run()
    return world


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = with_everything(tmp_path_factory.mktemp("everything"))
    yield world
    world.close()


def test_steps_on_a_path_lie_within_it(everything: World) -> None:
    nodes = {node.id: node for node in graph(load(everything.config.workspace).journeys["everything"]).nodes}
    assert nodes["letter"].within == ["write"]
    assert nodes["an_hour"].within == ["write", "short"]
    assert nodes["quiet"].within == ["wait"]
    assert nodes["met"].within == []
    assert ("all have arrived", "met") in nodes["both"].jumps


def test_the_page_shows_lanes_that_wait_and_who_is_held_out(everything: World) -> None:
    visitor = Visitor(create_app(everything.config, clock=ManualClock(everything.clock.now_us())))
    page = visitor.get("/journeys/everything")
    assert page.status == 200
    for words in ("path write", "Held out", "Holds out 20 %", "the hour of the day", "Start journey abandoned_cart"):
        assert words in page.said, words
    waiting = re.search(r'data-n="at:everything:quiet:active">(\d+)<', page.text)
    assert waiting
    assert 10 < int(waiting[1]) < 40


def test_lanes_are_no_runs_of_their_own(everything: World) -> None:
    visitor = Visitor(create_app(everything.config, clock=ManualClock(everything.clock.now_us())))
    assert 'data-n="entered:everything">40<' in visitor.get("/journeys").text
    everything.clock.set(everything.clock.now_us() + 3 * DAY_US)
    everything.run()
    ended = visitor.get("/journeys/everything").said
    assert "silent" in ended
    assert 'data-n="ended:everything">40<' in visitor.get("/journeys").text
