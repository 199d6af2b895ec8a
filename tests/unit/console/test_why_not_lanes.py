"""Why not: a run whose parallel paths are under way stands at its fork, whatever step a path took last."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.unit.console.build import RETAIL, World
from tests.unit.console.web import Visitor
from tidings.clock import MINUTE_US, ManualClock
from tidings.console.app import create_app

START_US = 1_800_000_000_000_000
JOURNEY = """
journey: lanes
entry: {event: Hello}
steps:
  - {id: both, parallel: {paths: {later: a_day, now: write}, join: exit}}
  - {id: a_day, wait: 1d}
  - {id: waited, exit: waited}
  - {id: write, send: {template: welcome, category: transactional}}
  - {id: written, exit: written}
"""


def test_the_run_goes_on_at_its_fork(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(RETAIL, source)
    (source / "journeys" / "lanes.yml").write_text(JOURNEY, "utf-8")
    world = World(tmp_path, START_US, source)
    world.tell("identify", {"userId": "ann"}, traits={"email": "ann@shop.example"})
    world.track({"userId": "ann"}, "Hello")
    world.clock.set(START_US + MINUTE_US)
    world.run()
    world.deliver()
    visitor = Visitor(create_app(world.config, clock=ManualClock(world.clock.now_us())))
    (person,) = {link for link in visitor.get("/people").text.split('"') if link.startswith("/people/")}
    page = visitor.get(f"{person}/why-not/lanes").said
    world.close()
    assert "The run goes on at step both." in page
