"""A broadcast: who gets it, when, and what pausing, going on and giving up do to those who wait."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.core import START_US, World, write
from tidings import workspace
from tidings.clock import SECOND_US, iso
from tidings.domain.everybody import Asked, Cancel, Pause, Resume, Start, record_of
from tidings.errors import DefinitionError
from tidings.versions.standing import Broadcasting

GOLD = "gold: {rule: {trait: plan, equals: gold}}"
MAIL = "template: news\nsegment: gold"
DAY = datetime.fromtimestamp(START_US // SECOND_US, UTC).date()  # 2027-01-15, from 08:00 UTC on


class Sent(World):
    """A world with one broadcast in it."""

    def __init__(self, folder: Path, broadcast: str = MAIL, **more: Any) -> None:
        write(folder, segments=GOLD)
        (folder / "broadcasts").mkdir()
        (folder / "broadcasts" / "news.yml").write_text(f"broadcast: news\n{broadcast}\n", "utf-8")
        self.what = workspace.load(folder)
        super().__init__(self.what, **more)

    def people(self, names: str, at_s: float = 0, plan: str = "gold", **traits: Any) -> None:
        for name in names.split():
            self.identify(at_s, user=name, email=f"{name}@x.example", plan=plan, **traits)

    def ask(self, at_s: float, asked: Asked) -> None:
        self.take([record_of(asked)], at_s)

    def start(self, at_s: float, *, audience: int = 0, start: str = "one", again: bool = False) -> None:
        version = self.what.broadcasts["news"].version
        self.ask(
            at_s, Start(broadcast="news", version=version, start=start, audience=audience, again=again, who="operator")
        )

    def stands(self) -> Broadcasting:
        return self.simulator.driver._everybody.standing.broadcasts["news"]

    def got(self) -> dict[str, float]:
        """Address to seconds from the start, for each message to be sent."""
        return {
            one.address.partition("@")[0]: (one.decided_us - START_US) / SECOND_US
            for one in self.sends()
            if not one.suppressed
        }


def test_members_as_of_the_instant_get_it_once(tmp_path: Path) -> None:
    world = Sent(tmp_path)
    world.people("ann bob", 1)
    world.people("cid", 1, plan="free")
    world.start(10)
    world.people("dan", 20)
    world.until(3_600)
    assert world.got() == {"ann": 10, "bob": 10}
    assert [one.bulk for one in world.sends()] == [True, True]
    assert {fact.cause for fact in world.facts("run_started")} == {"broadcast:news@3"}


def test_whoever_is_reached_by_an_event_heard_it_before(tmp_path: Path) -> None:
    world = Sent(tmp_path)
    world.people("ann bob", 1)
    world.simulator.take(
        [record_of(Start(broadcast="news", version=world.what.broadcasts["news"].version, start="a"))],
        START_US + 10 * SECOND_US,
    )
    world.simulator.driver.run_batch()
    world.people("ann", 20, plan="free")  # a member at the instant; reached when she is none any more
    world.until(60)
    assert world.got() == {"ann": 10, "bob": 10}


def test_it_is_spread_by_the_rate_and_the_audience(tmp_path: Path) -> None:
    world = Sent(tmp_path, f"{MAIL}\nrate: 60/h")
    names = [f"p{number}" for number in range(60)]
    world.people(" ".join(names), 1)
    world.start(10, audience=60)
    world.until(10 + 1_800)
    assert 15 <= len(world.got()) <= 45
    world.until(10 + 3_600)
    assert set(world.got()) == set(names)
    assert max(world.got().values()) > 3_000


def test_whoever_left_the_segment_before_her_turn_does_not_get_it(tmp_path: Path) -> None:
    world = Sent(tmp_path, f"{MAIL}\nover: 1h")
    world.people("ann bob", 1)
    world.start(10)
    world.people("ann", 11, plan="free")
    world.until(4_000)
    assert set(world.got()) == {"bob"}
    assert ("news", "no longer in gold") in world.ends()


def at(clock: str, more: str = "") -> str:
    return f"{MAIL}\nat: {DAY.isoformat()} {clock}\nrate: 1000000/s\n{more}"


def test_at_an_instant_members_are_those_of_then(tmp_path: Path) -> None:
    world = Sent(tmp_path, at("10:00"))
    world.people("ann", 1)
    world.start(10)
    assert world.stands().state == "scheduled"
    world.people("bob", 20)
    world.until(2 * 3_600 - 1)
    assert world.got() == {}
    world.until(2 * 3_600 + 1)
    assert world.got() == {"ann": 7_200, "bob": 7_200}
    assert world.stands().state == "running"


@pytest.mark.parametrize(("passed", "tokyo"), [("next_day", 17), ("now", 0), ("skip", None)])
def test_at_a_local_time_each_by_her_own_clock(passed: str, tokyo: int | None, tmp_path: Path) -> None:
    world = Sent(tmp_path, at("10:00", f"local: true\npassed: {passed}"))
    zones = {"berlin": "Europe/Berlin", "york": "America/New_York", "tokyo": "Asia/Tokyo", "bad": "Mars/Base"}
    for name, zone in zones.items():
        world.people(name, 1, timezone=zone)
    world.people("nowhere", 1)
    world.start(10)
    world.until(30 * 3_600)
    hours = {name: round(at_s / 3_600) for name, at_s in world.got().items()}
    expected = {"berlin": 1, "york": 7, "nowhere": 2, "bad": 2}
    assert hours == expected | ({"tokyo": tokyo} if tokyo is not None else {})
    skipped = [outcome for _, outcome in world.ends() if outcome == "10:00 in Asia/Tokyo had passed"]
    assert len(skipped) == (passed == "skip")


def test_a_pause_holds_and_shifts_nobody_is_skipped_or_doubled(tmp_path: Path) -> None:
    straight = Sent(tmp_path / "a", f"{MAIL}\nover: 1h")
    paused = Sent(tmp_path / "b", f"{MAIL}\nover: 1h")
    names = " ".join(f"p{number}" for number in range(40))
    for world in (straight, paused):
        world.people(names, 1)
        world.start(10)
    paused.ask(1_000, Pause(broadcast="news"))
    paused.until(50_000)
    straight.until(5_000)
    before = {name: at_s for name, at_s in straight.got().items() if at_s <= 1_000}
    assert paused.got() == before
    assert 0 < len(before) < 40
    paused.ask(51_000, Resume(broadcast="news"))
    paused.until(60_000)
    shifted = {name: at_s if at_s <= 1_000 else at_s + 50_000 for name, at_s in straight.got().items()}
    assert paused.got() == pytest.approx(shifted)


def test_by_her_own_clock_an_instant_to_come_is_kept_through_a_pause(tmp_path: Path) -> None:
    world = Sent(tmp_path, at("10:00", "local: true"))
    world.people("ann", 1, timezone="America/New_York")
    world.people("bob", 1, timezone="Europe/Berlin")
    world.start(10)
    world.ask(1_800, Pause(broadcast="news"))
    world.ask(3_600 + 1_800, Resume(broadcast="news"))
    world.until(30 * 3_600)
    assert world.got() == {"ann": 7 * 3_600, "bob": 2 * 3_600}


def test_given_up_it_goes_to_nobody_any_more(tmp_path: Path) -> None:
    world = Sent(tmp_path, f"{MAIL}\nover: 1h")
    world.people("ann bob cid", 1)
    world.start(10)
    world.ask(11, Cancel(broadcast="news"))
    world.until(10_000)
    assert len(world.got()) == 0
    assert world.ends() == [("news", "cancelled")] * 3
    assert [one.state for one in world.simulator.sink.holds] == ["open", "cancelled"]


def test_given_up_before_its_instant_nobody_hears_of_it(tmp_path: Path) -> None:
    world = Sent(tmp_path, at("10:00"))
    world.people("ann", 1)
    world.start(10)
    world.ask(11, Cancel(broadcast="news"))
    world.until(100_000)
    assert (world.got(), world.facts("run_started"), world.stands().state) == ({}, [], "cancelled")


def test_the_same_start_twice_or_a_second_one_unasked_starts_nothing(tmp_path: Path) -> None:
    world = Sent(tmp_path)
    world.people("ann", 1)
    world.start(10)
    world.start(11)
    world.start(12, start="two")
    world.until(20)
    assert len(world.sends()) == 1
    world.start(30, start="two", again=True)
    world.start(31, start="two", again=True)
    world.until(40)
    assert [one.decided_us for one in world.sends()] == [START_US + 10 * SECOND_US, START_US + 30 * SECOND_US]


def test_whoever_asked_is_told_even_when_nothing_changes(tmp_path: Path) -> None:
    world, told = Sent(tmp_path), []
    everybody = world.simulator.driver._everybody
    everybody._tell = lambda now: told.append((now.offset, sorted(now.broadcasts)))
    world.people("ann", 1)
    world.ask(10, Pause(broadcast="news"))
    assert told == [(2, [])]
    world.start(20)
    assert told[1] == (3, ["news"])


def test_two_who_turn_out_to_be_one_get_it_once(tmp_path: Path) -> None:
    world = Sent(tmp_path, f"{MAIL}\nover: 1h")
    world.people("ann bob", 1)
    world.start(10)
    first, second = sorted(
        (run.timer_us, user) for user in ("ann", "bob") for run in world.person(user).runs if run.timer_us
    )
    between_s = ((first[0] + second[0]) // 2 - START_US) / SECOND_US
    world.alias(between_s, previous=first[1], user=second[1])
    world.until(10_000)
    assert len(world.sends()) == 1


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("template: news", "either `segment` or `rule`"),
        ("segment: silver\ntemplate: news", "unknown segment"),
        (f"{MAIL}\ncategory: sms", "unknown category"),
        (f"{MAIL}\nat: tomorrow", "is no instant"),
        (f"{MAIL}\nat: 2027-02-30 10:00", "day"),
        (f"{MAIL}\nlocal: true", "needs a day and a time"),
        (f"{MAIL}\nover: 2h\nrate: 10/s", "not both"),
        (f"{MAIL}\nrate: 0/s", "is no rate"),
        (f"{MAIL}\nat: 2027-01-01 10:00\npassed: later", "unknown"),
        (f"{MAIL}\nspeed: 1", "unknown setting"),
    ],
)
def test_what_is_wrong_with_one_is_said_with_file_and_line(text: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=problem) as raised:
        Sent(tmp_path, text)
    assert str(raised.value).startswith("broadcasts/news.yml:")


@pytest.mark.parametrize(
    ("at", "turn"),
    [
        ("2027-03-28 02:30", "2027-03-28T01:30:00Z"),  # skipped: as much later, 03:30 on the clock
        ("2027-10-31 02:30", "2027-10-31T00:30:00Z"),  # shown twice: the first time
        ("2027-07-01 00:00", "2027-06-30T22:00:00Z"),
    ],
)
def test_a_local_time_that_a_clock_skips_or_shows_twice(at: str, turn: str, tmp_path: Path) -> None:
    world = Sent(tmp_path, f"{MAIL}\nat: {at}\nlocal: true\nrate: 1000000/s")
    world.people("ann", 1, timezone="Europe/Berlin")
    world.start(10)
    world.until(400 * 86_400)
    assert [iso(one.decided_us) for one in world.sends()] == [turn]
