"""Changes of definitions that the log tells, as the driver follows them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.core import World, write
from tidings import workspace
from tidings.domain.control import Change, record_of
from tidings.hosts.changes import InForce
from tidings.hosts.simulator import Simulator

GREET = """
    entry: {{event: Go}}
    reentry: always
    steps:
      - {{id: pause, wait: {wait}}}
      - {{id: mail, send: {{template: hello}}}}
"""


class Changing(World):
    """A world whose definitions are changed by its log: from ``a`` to ``b``, both written beforehand."""

    def __init__(self, folder: Path, a: dict[str, str], b: dict[str, str]) -> None:
        self.folders = {name: write(folder / name, **files) for name, files in (("a", a), ("b", b))}
        super().__init__(workspace.load(self.folders["a"]))
        self.simulator = Simulator(workspace.load(self.folders["a"]), versions=self.folders)

    def in_force(self) -> InForce:
        assert self.simulator.driver._changes is not None
        return self.simulator.driver._changes.in_force

    def prepare(self, at_s: float, *, to: str = "b") -> int:
        offset = self.simulator.log.head()
        self.take([record_of(Change(phase="prepare", version=to, parent=self.in_force().running))], at_s)
        return offset

    def switch(
        self, at_s: float, prepared: int, *, to: str = "b", enter: bool = False, more: Sequence[Any] = ()
    ) -> None:
        """Switch; `more` is taken by the log in the same block, just after."""
        running = self.in_force().running
        change = Change(phase="switch", version=to, parent=running, prepared_offset=prepared, enter=enter)
        self.take([record_of(change), *more], at_s)


def decided_by(world: World) -> list[tuple[str, str]]:
    """(journey version, definitions) of each message, in the order of their decisions."""
    return [(intent.journey_version, intent.definitions) for intent in world.sends()]


@pytest.fixture
def greeting(tmp_path: Path) -> Changing:
    return Changing(tmp_path, {"greet": GREET.format(wait="10s")}, {"greet": GREET.format(wait="20s")})


def test_a_message_names_the_version_that_decided_it(greeting: Changing) -> None:
    world = greeting
    old, new = (next(iter(workspace.load(world.folders[name]).journeys.values())).version for name in ("a", "b"))
    world.track(0, "Go", user="ann")  # her mail is decided at 10, before anything changes
    world.track(12, "Go", user="bob")  # at 22, while the change is prepared
    prepared = world.prepare(20)
    world.track(30, "Go", user="cid")  # at 40, the instant of the switch: what is due by then goes first
    world.track(35, "Go", user="dan")  # at 45, by the journey's version in which he walks, and the definitions that run
    world.switch(40, prepared, more=[world.record("track", 40, "Go", user="eve")])  # hers at 60
    world.until(100)
    assert decided_by(world) == [(old, "a"), (old, "a"), (old, "a"), (old, "b"), (new, "b")]


def test_after_a_restart_too(greeting: Changing) -> None:
    world = greeting
    world.track(0, "Go")
    world.switch(5, world.prepare(3))
    world.simulator.restart()
    world.until(100)
    assert [definitions for _, definitions in decided_by(world)] == ["b"]
