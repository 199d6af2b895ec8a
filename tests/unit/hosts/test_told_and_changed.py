"""Definitions that change while a broadcast is under way: what was started goes by the version that it was started with."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core import START_US
from tests.unit.hosts.test_changes import Changing
from tidings import workspace
from tidings.clock import SECOND_US
from tidings.domain.everybody import Pause, Resume, Start, record_of
from tidings.domain.record import LogRecord

GOLD = {"segments": "gold: {rule: {trait: plan, equals: gold}}"}
NEWS = "broadcast: news\nsegment: gold\ntemplate: {template}\n{when}\n"
DROP = "entry: {item: {change: price_drop}, who: {did: Seen}}\nsteps: [{id: s, send: {template: cheaper}}]"


def changing(folder: Path, when: str, after: dict[str, str], *, kept: bool = True) -> Changing:
    world = Changing(folder, GOLD, after)
    for name, template in (("a", "old"), ("b", "new")):
        (folder / name / "broadcasts").mkdir()
        if kept or name == "a":
            text = NEWS.format(template=template, when=when)
            (folder / name / "broadcasts" / "news.yml").write_text(text)
    world.simulator.restart()
    for user in ("ann", "bob", "cid"):
        world.identify(0, user=user, email=f"{user}@x.example", plan="gold")
        world.track(1, "Seen", {"product_id": "mug"}, user=user)
    return world


def start(world: Changing, at_s: float) -> None:
    version = workspace.load(world.folders["a"]).broadcasts["news"].version
    world.take([record_of(Start(broadcast="news", version=version, start="s"))], at_s)


@pytest.mark.parametrize("kept", [True, False], ids=["another text", "no file any more"])
def test_one_whose_instant_comes_after_the_change(kept: bool, tmp_path: Path) -> None:
    world = changing(tmp_path, "at: 2027-01-15 10:00\nover: 1h", GOLD, kept=kept)
    start(world, 5)
    world.switch(20, world.prepare(10))
    world.until(4 * 3_600)
    assert [(one.template, one.definitions) for one in world.sends()] == [("old", "b")] * 3


def test_one_that_is_paused_over_the_change(tmp_path: Path) -> None:
    world = changing(tmp_path, "over: 1h", GOLD)
    start(world, 5)
    world.take([record_of(Pause(broadcast="news"))], 10)
    early = len(world.sends())
    world.switch(20, world.prepare(15))
    world.simulator.restart()
    world.until(7_200)
    assert len(world.sends()) == early
    world.take([record_of(Resume(broadcast="news"))], 7_210)
    world.until(20_000)
    assert [one.template for one in world.sends()] == ["old"] * 3
    assert len({one.profile_id for one in world.sends()}) == 3


def test_a_segment_that_is_gone_has_no_members_any_more(tmp_path: Path) -> None:
    world = changing(tmp_path, "over: 1h", {}, kept=False)
    start(world, 5)
    world.switch(20, world.prepare(10))
    world.until(7_200)
    assert {outcome for _, outcome in world.ends()} == {"no longer in gold"}


def test_a_journey_about_items_that_comes_anew_knows_who_looked_before(tmp_path: Path) -> None:
    world = changing(tmp_path, "over: 1h", {**GOLD, "cheaper": DROP})
    world.take([item(10)], 5)
    world.switch(20, world.prepare(10))
    world.take([item(8)], 21)
    world.until(30)
    drops = [one for one in world.sends() if one.journey == "cheaper"]
    assert [one.decided_us for one in drops] == [START_US + 21 * SECOND_US] * 3


def item(price: float) -> LogRecord:
    return LogRecord("items", "item", 0, b'{"product_id": "mug", "price": %d}' % price)
