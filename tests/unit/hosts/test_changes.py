"""Changes of definitions that the log tells, as the driver follows them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.core import START_US, World, write
from tidings import workspace
from tidings.domain.control import Change, record_of
from tidings.errors import CorruptData
from tidings.hosts.simulator import Simulator
from tidings.versions.in_force import InForce

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


OFFICE = {"segments": 'office: {rule: {local_time: {from: "09:00", to: "17:30"}}}'}


@pytest.fixture
def moving(tmp_path: Path) -> Changing:
    """From London to Tokyo, on a winter's day from 8 in the morning in London: 17 in Tokyo."""
    for name, zone in (("a", "Europe/London"), ("b", "Asia/Tokyo")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "settings.yml").write_text(f"timezone: {zone}")
    return Changing(tmp_path, OFFICE, OFFICE)


def test_another_default_zone_alone_brings_everybody_over_at_the_switch(moving: Changing) -> None:
    world = moving
    world.identify(0, user="ann", email="ann@x.example")
    world.identify(0, user="bob", timezone="Europe/London")  # who has a zone of his own stays in it
    prepared = world.prepare(10)
    world.until(11)
    assert world.simulator.members("office") == set()
    world.switch(20, prepared)
    world.until(2_000)
    entered, left = (world.facts(kind) for kind in ("segment_entered", "segment_left"))
    cause = f"definitions:b@{world.in_force().since_offset}"
    half_past_five = START_US + 1_800_000_000  # in Tokyo; nothing but the new zone can have set her alarm for it
    assert [(one.profile_id, one.known_us, one.cause) for one in entered] == [
        (ann(world), START_US + 20_000_000, cause)
    ]
    assert [(one.profile_id, one.occurred_us) for one in left] == [(ann(world), half_past_five)]
    assert world.person("bob").alarms["office"][0] == START_US + 3_600_000_000  # 9 in London


def ann(world: World) -> str:
    return world.person("ann").profile_id


def test_a_version_that_is_lost_stops_processing_until_it_is_back(greeting: Changing) -> None:
    world = greeting
    world.track(0, "Go")
    lost = world.folders.pop("b")
    with pytest.raises(CorruptData, match="version b"):
        world.prepare(5)
    stands_at = world.simulator.driver.offset
    with pytest.raises(CorruptData, match="version b"):
        world.track(6, "Go", user="bob")
    assert world.simulator.driver.offset == stands_at
    world.folders["b"] = lost
    world.simulator.restart()
    world.until(7)
    assert world.in_force().prepared is not None
    assert world.person("bob").runs


def test_a_change_to_what_cannot_run_is_refused_and_processing_goes_on(greeting: Changing) -> None:
    world = greeting
    (world.folders["b"] / "segments.yml").write_text("odd: {rule: {in_segment: nobody}}")
    world.prepare(5)
    world.track(6, "Go")
    assert (world.in_force().running, world.in_force().prepared) == ("a", None)
    assert world.person().runs


def test_each_version_is_read_once_for_each_record(greeting: Changing, monkeypatch: pytest.MonkeyPatch) -> None:
    world, read, load = greeting, [], workspace.load

    def counted(folder: Path, **more: Any) -> workspace.Definitions:
        read.append(folder.name)
        return load(folder, **more)

    monkeypatch.setattr(workspace, "load", counted)
    prepared = world.prepare(5)
    assert read == ["b"]
    for second in range(10, 30):
        world.track(second, "Go", user=f"u{second}")
    world.switch(30, prepared)
    assert read == ["b"]
    world.until(50)
    assert read == ["b"]
