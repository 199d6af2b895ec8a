"""A journey's page: what ends its runs, and how many reached the goal."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tests.unit.console.build import RETAIL, World
from tests.unit.console.web import Visitor
from tidings.clock import MINUTE_US, ManualClock
from tidings.console.app import create_app

START_US = 1_800_000_000_000_000
JOURNEY = """
journey: nudge
entry: {event: Nudged}
per: product_id
limit: {at_most: 3, per: 30d}
goal: {event: Order Completed, where: {revenue: {at_least: 20}}}
exit_if: {trait: plan, equals: gold}
steps:
  - {id: a_day, wait: 1d}
"""


def test_the_goal_is_counted_and_what_ends_runs_is_said(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(RETAIL, source)
    (source / "journeys" / "nudge.yml").write_text(JOURNEY, "utf-8")
    world = World(tmp_path, START_US, source)
    for number in range(4):
        world.track({"userId": f"u{number}"}, "Nudged", product_id="p")
    world.track({"userId": "u0"}, "Order Completed", revenue=30)
    world.tell("identify", {"userId": "u1"}, traits={"plan": "gold"})
    world.clock.set(START_US + MINUTE_US)
    world.run()
    visitor = Visitor(create_app(world.config, clock=ManualClock(world.clock.now_us())))
    page = visitor.get("/journeys/nudge").said
    world.close()
    assert "again and again, at most 3 in 30d, one at a time per product_id" in page
    assert re.search(r"Reached the goal</dt><dd><b [^>]*>1</b> <small [^>]*>50.0% of those that ended<", page)
    assert "Goal: Order Completed with revenue" in page
    assert re.search("Leaves at once: plan is (&#39;|')gold", page)
