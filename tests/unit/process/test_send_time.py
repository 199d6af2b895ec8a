"""send_time: the hour at which she engages most, on her own clock, with the evidence; everybody's hours when hers are too few."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core import START_US, World, definitions, write
from tidings import workspace
from tidings.clock import DAY_US, HOUR_US, iso, parse_instant
from tidings.errors import DefinitionError
from tidings.rules.send_times import HALF_LIFE_US, WHOLE, weight

JOURNEY = """
    entry: {event: Go}
    steps:
      - {id: hour, send_time: {SETTINGS}}
      - {id: mail, send: {template: welcome, category: transactional}}
      - {id: how, branch: {of: hour, ways: {own: own, everybody: everybody}, else: fallback}}
      - {id: own, exit: own}
      - {id: everybody, exit: everybody}
      - {id: fallback, exit: fallback}
"""
GO = "2027-03-01T12:20:00Z"
"""A Monday."""


def at_s(at: str) -> float:
    return (parse_instant(at) - START_US) / 1_000_000


def world(folder: Path, settings: str = "within: 24h", zone: str = "", everybody: str = "") -> World:
    folder.mkdir(exist_ok=True)
    (folder / "send_times.yml").write_text(everybody, "utf-8")
    one = World(definitions(folder, greet=JOURNEY.replace("SETTINGS", settings)))
    one.identify(0, email="ann@x.example", **({"timezone": zone} if zone else {}))
    return one


def engage(one: World, *instants: str, name: str = "Email Opened", **more: object) -> None:
    for at in instants:
        one.track(at_s(at), name, dict(more))


def go(one: World) -> tuple[str, str, str]:
    """Until when she waits and why, and what decided."""
    one.track(at_s(GO), "Go")
    one.until(at_s(GO) + 8 * 86_400)
    outcome = one.facts("run_step")[0].data["outcome"]
    return iso(one.sends()[0].occurred_us)[:16], outcome, one.ends()[0][1]


EVENINGS = [f"2027-02-{day:02}T18:{minute}:00Z" for day in range(1, 13) for minute in ("05",)]
MORNINGS = [f"2027-02-{day:02}T07:30:00Z" for day in range(1, 9)]


@pytest.mark.parametrize(
    ("zone", "told", "shown"),
    [
        ("Europe/London", "2027-03-01T18:00", "opens or clicks 12 of 20 at 18h in Europe/London"),
        ("America/New_York", "2027-03-01T18:00", "opens or clicks 12 of 20 at 13h in America/New_York"),
        ("Mars/Olympus", "2027-03-01T18:00", "opens or clicks 12 of 20 at 18h in UTC"),
        ("Asia/Kolkata", "2027-03-01T17:30", "opens or clicks 12 of 20 at 23h in Asia/Kolkata"),
    ],
)
def test_her_own_hour_with_the_evidence(zone: str, told: str, shown: str, tmp_path: Path) -> None:
    one = world(tmp_path, zone=zone)
    engage(one, *sorted([*EVENINGS, *MORNINGS]))
    sent, outcome, decided = go(one)
    assert (sent, decided) == (told, "own")
    assert shown in outcome


def test_the_hour_that_is_now_is_not_waited_for(tmp_path: Path) -> None:
    one = world(tmp_path)
    engage(one, *(f"2027-02-{day:02}T12:59:00Z" for day in range(1, 9)))
    sent, outcome, _ = go(one)
    assert sent == GO[:16]
    assert outcome.startswith("goes on now")


def test_never_later_than_within(tmp_path: Path) -> None:
    one = world(tmp_path, "within: 3h")
    engage(one, *EVENINGS, "2027-02-20T14:00:00Z")
    sent, _, _ = go(one)
    assert sent == "2027-03-01T14:00", "the best of the hours that are near"


def test_what_a_machine_opens_and_what_is_too_little_say_nothing(tmp_path: Path) -> None:
    one = world(tmp_path)
    engage(one, *EVENINGS, machine=True)
    engage(one, *MORNINGS[:4], name="Email Link Clicked")
    sent, outcome, decided = go(one)
    assert (sent, decided) == ("2027-03-02T10:00", "fallback")
    assert "nothing is known of her hours: 10:00 in UTC" in outcome


WEEK = "\n".join(
    f"{day}: [{', '.join('90' if hour == best else '1' for hour in range(24))}]"
    for day, best in zip(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), (8, 8, 8, 8, 8, 21, 21), strict=True)
)


def test_everybody_s_hours_stand_in_for_hers(tmp_path: Path) -> None:
    one = world(tmp_path, zone="Europe/Berlin", everybody=WEEK)
    engage(one, *EVENINGS[:2])
    sent, outcome, decided = go(one)
    assert (sent, decided) == ("2027-03-02T07:00", "everybody")
    assert "2 of her own are too few; 452 of 791 of everybody's are at 8h, in Europe/Berlin" in outcome


def test_few_of_hers_do_not_yet_outweigh_everybody_and_many_do(tmp_path: Path) -> None:
    few, many = world(tmp_path / "few", everybody=WEEK), world(tmp_path / "many", everybody=WEEK)
    spread = [f"2027-02-1{day}T{hour}:00:00Z" for day, hour in enumerate(("01", "03", "05", "15", "19"))]
    engage(few, *spread)
    engage(many, *sorted([*spread, *EVENINGS]))
    assert go(few)[0] == "2027-03-02T08:00"
    assert go(many)[0] == "2027-03-01T18:00"


def test_with_weekdays_the_week_is_looked_at(tmp_path: Path) -> None:
    one = world(tmp_path, "weekdays: true")
    engage(one, *(f"2027-02-{day:02}T20:10:00Z" for day in (6, 13, 20, 27)), *MORNINGS[:3], "2027-02-27T20:20:00Z")
    sent, outcome, _ = go(one)
    assert sent == "2027-03-06T20:00"
    assert "5 of 8 at sat 20h" in outcome


def test_what_lies_back_counts_less(tmp_path: Path) -> None:
    one = world(tmp_path)
    engage(one, *(f"2027-01-{day:02}T20:05:00Z" for day in range(20, 28)), *EVENINGS[:6])
    assert go(one)[0] == "2027-03-01T18:00", "six of this month are more than eight of the last"
    assert [weight(age) for age in (0, HALF_LIFE_US - 1, HALF_LIFE_US, 12 * HALF_LIFE_US, 13 * HALF_LIFE_US)] == [
        WHOLE, WHOLE, WHOLE // 2, 1, 0
    ]  # fmt: skip


def test_the_order_in_which_they_arrive_does_not_matter(tmp_path: Path) -> None:
    outcomes = set()
    for backwards in (False, True):
        one = world(tmp_path / str(backwards))
        for at in sorted([*EVENINGS, *MORNINGS], reverse=backwards):
            one.track(at_s(at), "Email Opened", {}, received_s=at_s("2027-02-28T00:00:00Z"))
        outcomes.add(go(one))
    assert len(outcomes) == 1


def test_what_lies_beyond_within_is_not_waited_for_as_fallback(tmp_path: Path) -> None:
    one = world(tmp_path, 'within: 2h, fallback: "10:00"')
    sent, outcome, _ = go(one)
    assert sent == GO[:16]
    assert "too far ahead" in outcome


def test_clocks_that_are_put_forward_skip_no_day(tmp_path: Path) -> None:
    one = world(tmp_path, zone="Europe/London")
    engage(one, *(f"2027-03-{day:02}T01:30:00Z" for day in range(10, 20)))
    one.track(at_s("2027-03-27T12:00:00Z"), "Go")  # at 01:00 the next night it is 02:00
    one.until(at_s("2027-03-27T12:00:00Z") + DAY_US / 1_000_000 + HOUR_US / 1_000_000)
    assert len(one.sends()) == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("within: 30m", "out of range; got '30m'; wanted 1h to 7d"),
        ("within: 8d", "out of range"),
        ('fallback: "25:00"', "no time of day"),
        ("weekdays: [mon]", "needs true or false"),
        ("after: 1h", "unknown setting"),
    ],
)
def test_a_wrong_setting_is_told(settings: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as problem:
        workspace.load(write(tmp_path, greet=JOURNEY.replace("SETTINGS", settings)))
    assert says in str(problem.value)


@pytest.mark.parametrize("raw", ["- 3", "mon: [1, 2]", WEEK + "\ncolor: 3", WEEK.replace("90", "-1")])
def test_wrong_counts_are_told_with_the_remedy(raw: str, tmp_path: Path) -> None:
    folder = write(tmp_path, greet=JOURNEY.replace("SETTINGS", "within: 24h"))
    (folder / "send_times.yml").write_text(raw, "utf-8")
    with pytest.raises(DefinitionError) as problem:
        workspace.load(folder)
    assert "send_times.yml" in str(problem.value)


def test_nobody_pays_for_it_who_does_not_use_it(tmp_path: Path) -> None:
    plain = definitions(tmp_path, plain="entry: {event: Go}\nsteps:\n  - {id: x, wait: 1d}\n")
    assert "Email Opened" not in plain.layout.feeds()
