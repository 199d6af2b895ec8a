"""Steps: waiting for a time on her own clock or for a date of hers, and splitting by chance that is no chance."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.unit.core import START_US, World, definitions, write
from tidings import workspace
from tidings.clock import DAY_US, HOUR_US, iso, parse_instant
from tidings.domain.profile import ProfileState
from tidings.errors import DefinitionError
from tidings.hosts.check import check_workspace

SEND = "- {id: tell, send: {template: welcome, category: transactional}}"
MORNING = f"""
entry: {{event: Hello}}
steps:
  - {{id: morning, wait: {{until: "09:00"}}}}
  {SEND}
"""


def world(folder: Path, journey: str, **files: str) -> World:
    return World(definitions(folder, greet=journey, **files))


def told_at(one: World) -> list[str]:
    return [iso(intent.occurred_us) for intent in one.sends()]


def hello(one: World, at: str, **traits: object) -> None:
    at_s = (parse_instant(at) - START_US) // 1_000_000
    one.identify(at_s, email="ann@x.example", **traits)
    one.track(at_s, "Hello")


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("Europe/London", "2027-03-28T08:00:00Z"),  # the clocks went forward that night
        ("America/New_York", "2027-03-28T13:00:00Z"),
        ("Asia/Kolkata", "2027-03-28T03:30:00Z"),
        ("Mars/Olympus", "2027-03-28T07:00:00Z"),  # no such zone: the workspace's
        (7, "2027-03-28T07:00:00Z"),
    ],
)
def test_a_time_of_day_goes_by_her_own_clock(zone: object, told: str, tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("timezone: Europe/Berlin\n")
    one = world(tmp_path, MORNING)
    hello(one, "2027-03-28T00:30:00Z" if zone != "America/New_York" else "2027-03-28T05:00:00Z", timezone=zone)
    one.until((parse_instant("2027-03-30") - START_US) / 1_000_000)
    assert [at[:19] for at in told_at(one)] == [told[:19]]


def test_a_time_that_is_now_is_not_waited_for_until_tomorrow(tmp_path: Path) -> None:
    one = world(tmp_path, MORNING)
    hello(one, "2027-03-01T09:00:00Z")
    one.until((parse_instant("2027-03-01T09:00:01Z") - START_US) / 1_000_000)
    assert len(told_at(one)) == 1


def test_only_on_some_days(tmp_path: Path) -> None:
    one = world(tmp_path, MORNING.replace('"09:00"', '"09:00", weekdays: [mon, wed]'))
    hello(one, "2027-03-05T12:00:00Z")  # a Friday
    one.until((parse_instant("2027-03-20") - START_US) / 1_000_000)
    assert [at[:16] for at in told_at(one)] == ["2027-03-08T09:00"]


def test_a_time_that_the_clocks_skip_is_later_that_day(tmp_path: Path) -> None:
    one = world(tmp_path, MORNING.replace("09:00", "01:30"))
    hello(one, "2027-03-28T00:15:00Z", timezone="Europe/London")  # 01:00 to 02:00 does not exist there
    one.until((parse_instant("2027-03-30") - START_US) / 1_000_000)
    (at,) = told_at(one)
    assert parse_instant(at) == parse_instant("2027-03-28T01:30:00Z")
    assert datetime.fromtimestamp(parse_instant(at) // 1_000_000, ZoneInfo("Europe/London")).hour == 2


RENEWAL = f"""
entry: {{event: Hello}}
steps:
  - {{id: near, wait: {{until_trait: renews_at, before: 3d}}}}
  {SEND}
"""


@pytest.mark.parametrize(
    ("renews_at", "told", "why"),
    [
        ("2027-03-20", "2027-03-17T00:00", "it is 3d before renews_at"),
        ("2027-03-02", "2027-03-01T12:00", "is past: does not wait"),
        ("soon", "2027-03-01T12:00", "renews_at is no date: does not wait"),
    ],
)
def test_a_date_of_hers(renews_at: str, told: str, why: str, tmp_path: Path) -> None:
    one = world(tmp_path, RENEWAL)
    hello(one, "2027-03-01T12:00:00Z", renews_at=renews_at)
    one.until((parse_instant("2027-04-01") - START_US) / 1_000_000)
    assert [at[:16] for at in told_at(one)] == [told]
    outcomes = [fact.data["outcome"] for fact in one.facts("run_step")]
    assert any(why in outcome for outcome in outcomes), outcomes


SPLIT = """
entry: {event: Hello}
steps:
  - {id: chance, split: {a: 70, b: 20, exit: 10}}
  - {id: a, exit: went a}
  - {id: b, exit: went b}
"""


def test_a_split_shares_by_its_weights_and_she_keeps_her_way(tmp_path: Path) -> None:
    one = world(tmp_path, SPLIT)
    for number in range(2_000):
        one.track(number, "Hello", user=f"u{number}")
    for number in range(0, 2_000, 20):
        one.track(3_000 + number, "Hello", user=f"u{number}")
    ways: dict[str, list[str]] = {}
    for fact in one.facts("run_step"):
        if fact.data["step"] == "chance":
            ways.setdefault(fact.profile_id, []).append(fact.data["next"])
    assert all(len(set(mine)) == 1 for mine in ways.values()), "the next run goes the same way"
    counts = {way: sum(mine[0] == way for mine in ways.values()) for way in ("a", "b", "exit")}
    for way, share in {"a": 0.7, "b": 0.2, "exit": 0.1}.items():
        spread = 4 * (2_000 * share * (1 - share)) ** 0.5  # four standard deviations
        assert abs(counts[way] - 2_000 * share) < spread, counts
    drawn = next(fact.data["outcome"] for fact in one.facts("run_step") if fact.data["step"] == "chance")
    assert drawn.startswith("drew ")


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("split: {a: 50, b: 40}", "the weights do not make 100; got 90; for the same proportions write {a: 56, b: 44}"),
        ("split: {a: 2, b: 1, exit: 1}", "write {a: 50, b: 25, exit: 25}"),
        ("split: {a: 500, b: 1}", "got 501; make them 100"),
        (
            "sned: {template: welcome}",
            "exactly one kind; got {'id': 'one', 'sned': {'template': 'welcome'}}; wanted one of",
        ),
        ("sned: {template: welcome}", "; did you mean send?"),
        ("wait_until: {event: Bought}", "needs `timeout`; wanted how long to wait at most"),
        ("wait_until: {event: Bought, timeout: soon}", "timeout: not a duration"),
        ("split: {a: 100}", "needs 2 to 20 step ids"),
        ("split: {a: 50, c: 50}", "unknown step; got 'c'"),
        ("split: {a: 50.5, b: 49.5}", "no weight; got 50.5"),
        ('wait: {until: "25:00"}', "no time of day"),
        ('wait: {until: "09:00", weekdays: [someday]}', "no days of the week"),
        ("wait: {until_trait: x, before: 1d, after: 1d}", "use `before` or `after`, not both"),
        ("wait: {before: 1d}", "needs a span, `until`, `until_trait` or `until_date`"),
        ("wait: soon", "not a duration"),
    ],
)
def test_a_wrong_step_is_told_with_its_line(step: str, says: str, tmp_path: Path) -> None:
    text = f"entry: {{event: Hello}}\nsteps:\n  - {{id: one, {step}}}\n  - {{id: a, exit: a}}\n  - {{id: b, exit: b}}\n"
    with pytest.raises(DefinitionError) as problem:
        workspace.load(write(tmp_path, greet=text))
    assert says in str(problem.value)
    assert str(problem.value).startswith("journeys/greet.yml:")


def test_everybody_waits_for_something(tmp_path: Path) -> None:
    """Whatever her zone, a run that waits has a timer, and it is no further than the day after next week."""
    one = world(tmp_path, MORNING.replace('"09:00"', '"09:00", weekdays: [sun]'))
    for number, name in enumerate(
        ["Pacific/Apia", "Pacific/Kiritimati", "America/Sao_Paulo", "Australia/Lord_Howe", ""]
    ):
        one.identify(number, user=f"u{number}", timezone=name)
        one.track(number, "Hello", user=f"u{number}")
        state: ProfileState = one.person(f"u{number}")
        assert START_US < state.next_due_us < START_US + 8 * DAY_US + HOUR_US


def test_a_trait_that_is_waited_for_is_one_of_those_that_are_listed(tmp_path: Path) -> None:
    (tmp_path / "given.yml").write_text("traits: [renews_on, email]\n")
    with pytest.raises(DefinitionError, match="unknown trait; got 'renews_at'; did you mean renews_on"):
        workspace.load(write(tmp_path, greet=RENEWAL))


def test_an_instant_that_is_the_same_for_everyone(tmp_path: Path) -> None:
    one = world(tmp_path, RENEWAL.replace("until_trait: renews_at, before: 3d", "until_date: 2027-03-20"))
    hello(one, "2027-03-01T12:00:00Z")
    one.until((parse_instant("2027-04-01") - START_US) / 1_000_000)
    assert [at[:16] for at in told_at(one)] == ["2027-03-20T00:00"]


def test_a_wait_that_is_past_is_refused_in_new_files(tmp_path: Path) -> None:
    folder = write(tmp_path, greet=RENEWAL.replace("until_trait: renews_at, before: 3d", "until_date: 2020-03-20"))
    (folder / "templates").mkdir()
    (folder / "templates/welcome.mjml").write_text("<mjml><mj-body></mj-body></mjml>", "utf-8")
    loaded = workspace.load(folder)
    with pytest.raises(DefinitionError, match=r"journeys/greet.yml:5: steps\[0\].wait.until_date: the wait is past"):
        check_workspace(folder, loaded)
