"""A journey's page: each step that sends has the mails of its own."""

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
journey: two_mails
entry: {event: Hello}
steps:
  - {id: first, send: {template: welcome, category: transactional}}
  - {id: a_day, wait: 1d}
  - {id: second, send: {template: welcome, category: transactional}}
"""


def test_two_mails_are_counted_apart(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(RETAIL, source)
    (source / "journeys" / "two_mails.yml").write_text(JOURNEY, "utf-8")
    world = World(tmp_path, START_US, source)
    for number in range(3):
        world.tell("identify", {"userId": f"u{number}"}, traits={"email": f"u{number}@shop.example"})
        world.track({"userId": f"u{number}"}, "Hello")
    world.clock.set(START_US + MINUTE_US)
    world.run()
    world.deliver()
    visitor = Visitor(create_app(world.config, clock=ManualClock(world.clock.now_us())))
    page = visitor.get("/journeys/two_mails").said
    world.close()
    assert sent(page) == {"First": "3", "Second": "0"}


def sent(page: str) -> dict[str, str]:
    """What stands at each step that sends."""
    nodes = re.findall(r'<div class="node send">.*?<b>(\w+).*?<b class="num"[^>]*>([\d,]+)</b><small>sent', page, re.S)
    return dict(nodes)
