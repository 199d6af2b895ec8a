"""Entries that go by time: at which instant whom, and what is not entered."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.unit.core import START_US, World, definitions, write
from tidings import workspace
from tidings.clock import SECOND_US, iso, parse_instant
from tidings.domain.control import Change, record_of
from tidings.domain.record import BACKFILL, LogRecord
from tidings.errors import DefinitionError
from tidings.hosts.simulator import Simulator
from tidings.process import timetable
from tidings.process.entries.schedule import Days
from tidings.process.journey import words
from tidings.testing.histories import call

STEPS = "steps: [{id: greet, send: {template: welcome, category: marketing}}]"
SEGMENTS = """
    fans: {rule: {did: {event: Liked, within: 2d}}}
    away: {rule: {not: {did: {event: Liked, within: 2d}}}}
"""
DAY = "2027-03-01"


def world(folder: Path, entry: str, *, segments: str = SEGMENTS, more: str = "") -> World:
    return World(definitions(folder, segments=segments, jny=f"entry: {entry}\n{more}\n{STEPS}"))


def at(text: str) -> float:
    """Seconds from the start of an instant: ``03-01 09:00``."""
    return (parse_instant(f"2027-{text}") - START_US) / SECOND_US


def begun(one: World) -> list[str]:
    """Instants of the runs that began."""
    return [iso(fact.occurred_us)[5:16].replace("T", " ") for fact in one.facts("run_started")]


def test_a_schedule_enters_whoever_is_in_the_segment_at_that_instant_and_not_who_joins_a_minute_later(
    tmp_path: Path,
) -> None:
    one = world(tmp_path, '{schedule: {at: "09:00", segment: fans}}')
    one.track(at("03-01 08:59"), "Liked", user="ann")
    one.track(at("03-01 09:01"), "Liked", user="bob")
    one.until(at("03-01 12:00"))
    assert begun(one) == ["03-01 09:00"]
    one.until(at("03-09 12:00"))  # two days later both have left it
    assert begun(one) == ["03-01 09:00", "03-02 09:00", "03-02 09:00", "03-03 09:00"]


def test_an_event_that_came_late_enters_nobody_for_what_was_over_when_we_learned_of_it(tmp_path: Path) -> None:
    one = world(tmp_path, '{schedule: {at: "09:00", segment: fans}}')
    one.track(at("03-01 08:00"), "Liked", received_s=at("03-01 10:00"))
    one.until(at("03-03 08:00"))
    assert begun(one) == ["03-02 09:00"]


def test_a_segment_that_is_entered_by_time_alone_has_its_people_at_the_next_instant(tmp_path: Path) -> None:
    one = world(tmp_path, '{schedule: {at: "09:00", weekdays: [mon], segment: away}}')
    one.track(at("03-01 09:30"), "Liked")  # a Monday; away from Wednesday 09:30 on
    one.until(at("03-15 08:00"))
    assert begun(one) == ["03-08 09:00"]


def test_membership_that_begins_or_ends_at_the_very_instant_counts_as_it_is_then(tmp_path: Path) -> None:
    one = world(tmp_path, '[{schedule: {at: "09:00", segment: fans}}]')
    one.track(at("03-01 09:00"), "Liked")  # known at the instant: the timer was first
    one.until(at("03-05 00:00"))
    assert begun(one) == ["03-02 09:00"]  # and at 09:00 of the third she has left


def test_every_person_goes_by_her_own_clock_unless_a_zone_is_named(tmp_path: Path) -> None:
    for more, wanted in (
        ("", ["03-01 14:00", "03-01 03:30", "03-01 09:00"]),
        (", zone: Asia/Tokyo", ["03-02 00:00"] * 3),
    ):
        one = world(tmp_path / (more[-5:] or "own"), f'{{schedule: {{at: "09:00"{more}, segment: away}}}}')
        for user, zone in (("ann", "America/New_York"), ("bob", "Asia/Kolkata"), ("cid", "Nowhere/Land")):
            one.identify(at("03-01 01:00"), user=user, timezone=zone)
        one.until(at("03-02 00:30"))
        assert sorted(begun(one)) == sorted(wanted)


def test_who_travels_neither_misses_a_day_nor_has_it_twice(tmp_path: Path) -> None:
    one = world(tmp_path, '{schedule: {at: "09:00", segment: away}}')
    one.identify(at("03-01 01:00"), timezone="America/New_York")
    one.identify(at("03-02 12:00"), timezone="Asia/Tokyo")  # nine o'clock of the second is over there
    one.until(at("03-02 20:00"))
    assert begun(one) == ["03-01 14:00", "03-02 12:00"]
    one.identify(at("03-03 01:00"), timezone="America/New_York")  # where nine o'clock of the third is yet to come
    one.until(at("03-03 20:00"))
    assert begun(one)[2:] == ["03-03 00:00"]


def test_a_birthday_learned_after_it_passed_is_that_of_next_year(tmp_path: Path) -> None:
    one = world(tmp_path, '{date: {trait: birthday, every: year, at: "09:00"}}')
    one.identify(at("03-01 09:01"), birthday="1990-03-01")
    one.until(at("12-31 00:00"))
    assert begun(one) == []
    one.simulator.advance_to(parse_instant("2028-03-02"))
    assert begun(one) == ["03-01 09:00"]


def test_the_29th_of_february_is_kept_on_the_28th(tmp_path: Path) -> None:
    one = world(tmp_path, '{date: {trait: birthday, every: year, at: "09:00", before: 1d}}')
    one.identify(at("02-01 00:00"), birthday="1992-02-29")
    one.simulator.advance_to(parse_instant("2028-12-01"))
    assert begun(one) == ["02-27 09:00", "02-28 09:00"]


def test_a_date_without_a_time_of_day_is_the_very_instant_and_comes_once(tmp_path: Path) -> None:
    one = world(tmp_path, "{date: {trait: renewal_at, before: 3d}}")
    one.identify(at("03-01 00:00"), renewal_at="2027-03-10T17:45:10Z")
    one.until(at("03-20 00:00"))
    one.identify(at("03-20 00:00"), renewal_at="2027-03-21T17:45:10Z")  # three days before that is over
    one.identify(at("03-21 00:00"), renewal_at="2027-04-10T17:45:10Z")
    one.until(at("05-01 00:00"))
    assert begun(one) == ["03-07 17:45", "04-07 17:45"]


def test_a_date_may_be_a_computed_trait(tmp_path: Path) -> None:
    traits = "first_like: {first: {event: Liked}}"
    text = f'entry: {{date: {{trait: first_like, after: 30d, at: "10:00"}}}}\n{STEPS}'
    one = World(definitions(tmp_path, traits=traits, jny=text))
    one.track(at("03-01 15:00"), "Liked")
    one.track(at("03-05 15:00"), "Liked")
    one.until(at("06-01 00:00"))
    assert begun(one) == ["03-31 10:00"]


def test_a_rule_says_for_whom_a_date_is(tmp_path: Path) -> None:
    one = world(tmp_path, '{date: {trait: birthday, every: year, at: "09:00", segment: fans}}')
    for user in ("ann", "bob"):
        one.identify(at("02-01 00:00"), user=user, birthday="1990-03-01")
    one.track(at("02-28 00:00"), "Liked", user="ann")
    one.until(at("03-05 00:00"))
    assert begun(one) == ["03-01 09:00"]


@pytest.mark.parametrize("value", ["soon", "9999-12-30", 2**62, True, "1990-02-30", None])
def test_what_is_no_date_begins_nothing_and_stops_nothing(value: object, tmp_path: Path) -> None:
    entries = '[{date: {trait: birthday, every: year, at: "09:00"}}, {date: {trait: birthday, after: 30d}}]'
    one = world(tmp_path, entries)
    one.identify(at("03-01 00:00"), birthday=value)
    one.until(at("12-01 00:00"))
    assert begun(one) == []
    assert one.person().alarms.keys() <= {"fans", "away"}


def test_loaded_history_enters_nobody_and_sets_what_is_to_come(tmp_path: Path) -> None:
    one = world(tmp_path, '{date: {trait: birthday, every: year, at: "09:00"}}')
    record = call("identify", "old", parse_instant("2020-01-01"), user="ann", traits={"birthday": "1990-03-01"})
    one.take([LogRecord(record.source, "", 0, record.body, BACKFILL)], at("02-01 00:00"))
    assert begun(one) == []
    one.until(at("03-02 00:00"))
    assert begun(one) == ["03-01 09:00"]


def test_an_outage_delays_nothing_but_the_knowing(tmp_path: Path) -> None:
    one = world(tmp_path, '{schedule: {at: "09:00", segment: fans}}')
    one.track(at("03-01 08:00"), "Liked")
    one.simulator.restart()
    one.until(at("03-02 08:00"))
    assert [fact.known_us for fact in one.facts("run_started")] == [parse_instant("2027-03-01T09:00Z")]


def test_a_run_that_ends_at_that_instant_does_not_keep_her_out(tmp_path: Path) -> None:
    steps = "steps: [{id: s, wait: 24h}]"
    one = World(
        definitions(tmp_path, segments=SEGMENTS, jny=f'entry: {{schedule: {{at: "09:00", segment: away}}}}\n{steps}')
    )
    one.identify(at("03-01 00:00"), a=1)
    one.until(at("03-03 10:00"))
    assert begun(one) == ["03-01 09:00", "03-02 09:00", "03-03 09:00"]


def test_the_merged_person_has_an_occasion_once(tmp_path: Path) -> None:
    one = world(tmp_path, '{schedule: {at: "09:00", segment: away}}')
    one.identify(at("02-28 20:00"), user="ann", timezone="America/New_York")
    device = one.record("identify", at("02-28 23:00"), anonymous="device", traits={"timezone": "Asia/Tokyo"})
    one.take([device], at("02-28 23:00"))
    one.until(at("03-01 01:00"))  # the device had its first of March; she waits for hers
    one.take([one.record("track", at("03-01 02:00"), "Looked", user="ann", anonymous="device")], at("03-01 02:00"))
    one.until(at("03-02 01:00"))
    assert begun(one) == ["03-01 00:00", "03-02 00:00"]


def versions(folder: Path, before: str, after: str) -> Simulator:
    """A change of definitions in the log at noon of the first of March."""
    found = {
        name: write(folder / name, segments=SEGMENTS, jny=f"entry: {entry}\n{STEPS}")
        for name, entry in (("a", before), ("b", after))
    }
    one = Simulator(workspace.load(found["a"]), versions=found)
    for user in ("ann", "bob"):
        one.take(
            [call("identify", user, parse_instant(f"{DAY}T00:00Z"), user=user, traits={"birthday": "1990-03-01"})],
            parse_instant(f"{DAY}T00:00Z"),
        )
    one.advance_to(parse_instant(f"{DAY}T12:00Z"))
    one.take([record_of(Change(phase="prepare", version="b", parent="a"))], parse_instant(f"{DAY}T12:00Z"))
    offset = one.log.head() - 1
    one.take(
        [record_of(Change(phase="switch", version="b", parent="a", prepared_offset=offset))],
        parse_instant(f"{DAY}T12:00Z"),
    )
    one.take(
        [call("track", "x", parse_instant(f"{DAY}T12:10Z"), user="ann", event="Looked")], parse_instant(f"{DAY}T12:10Z")
    )
    return one


def test_a_change_of_definitions_sets_everybodys_next_occasion_and_enters_nobody_for_the_past(tmp_path: Path) -> None:
    one = versions(
        tmp_path,
        "{event: Nothing}",
        '[{date: {trait: birthday, every: year, at: "09:00"}}, {schedule: {at: "09:00", segment: away}}]',
    )
    one.advance_to(parse_instant("2027-03-01T20:00Z"))
    assert [fact for fact in one.sink.facts if fact.kind == "run_started"] == []
    one.advance_to(parse_instant("2027-03-02T20:00Z"))
    assert sum(1 for fact in one.sink.facts if fact.kind == "run_started") == 2


def test_another_time_of_day_comes_the_next_day_for_whom_it_came_today(tmp_path: Path) -> None:
    one = versions(tmp_path, '{schedule: {at: "09:00", segment: away}}', '{schedule: {at: "15:00", segment: away}}')
    one.advance_to(parse_instant("2027-03-02T20:00Z"))
    found = [iso(fact.occurred_us) for fact in one.sink.facts if fact.kind == "run_started"]
    assert found == ["2027-03-01T09:00:00Z"] * 2 + ["2027-03-02T15:00:00Z"] * 2


def test_alarms_of_what_is_gone_go(tmp_path: Path) -> None:
    one = versions(tmp_path, '{schedule: {at: "09:00", segment: away}}', "{event: Nothing}")
    one.advance_to(parse_instant("2027-03-02T20:00Z"))
    for state in one.people():
        assert [key for key in state.alarms if key.startswith(timetable.MARK)] == []
        assert state.occasions == {}


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ('{schedule: {at: "09:00", weekdays: [mon, thu], segment: fans}}', "is in segment fans at 09:00 where the person is, on mon, thu"),
        ('{schedule: {at: "09:00", day_of_month: last, zone: Europe/London, rule: {did: {event: A}}}}', "meets the rule (did A) at 09:00 in Europe/London, on the last of the month"),
        ('{schedule: {at: "00:00", every: 2w, from: 2027-03-01, segment: fans}}', "is in segment fans at 00:00 where the person is, every 2w from 2027-03-01 on"),
        ('{date: {trait: birthday, every: year, at: "09:00", before: 3d}}', "comes to 3d before birthday, every year, at 09:00 where the person is"),
        ("{date: {trait: renewal_at, after: 36h, segment: fans}}", "comes to 36h after renewal_at, and is in segment fans then"),
    ],
)  # fmt: skip
def test_they_are_said_in_words(entry: str, says: str, tmp_path: Path) -> None:
    journey = definitions(tmp_path, segments=SEGMENTS, jny=f"entry: {entry}\n{STEPS}").journeys["jny"]
    assert words(journey)[0] == f"Entry: {says} (again and again)"


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ("{schedule: {segment: fans}}", "entry.schedule.at: no time of day; wanted hours and minutes"),
        ('{schedule: {at: "09:00"}}', "entry.schedule: needs `segment` or `rule`: for whom it is"),
        ('{schedule: {at: "09:00", segment: nobody}}', "unknown segment; got 'nobody'"),
        ('{schedule: {at: "09:00", segment: fans, rule: {did: {event: A}}}}', "use `segment` or `rule`, not both"),
        ('{schedule: {at: "09:00", segment: fans, weekdays: [mon], day_of_month: 1}}', "use one of `weekdays`, `day_of_month` and `every`"),
        ('{schedule: {at: "09:00", segment: fans, day_of_month: 32}}', "no day of a month; got 32; wanted 1 to 31, or last"),
        ('{schedule: {at: "09:00", segment: fans, every: 2d}}', "needs both `every` and `from`"),
        ('{schedule: {at: "09:00", segment: fans, every: 36h, from: 2027-01-01}}', "needs whole days; got '36h'"),
        ('{schedule: {at: "09:00", segment: fans, zone: Europe/Lundon}}', "unknown time zone; got 'Europe/Lundon'; did you mean Europe/London?"),
        ("{date: {every: year}}", "entry.date: `trait` needs the name of a trait"),
        ("{date: {trait: birthday, every: year}}", "needs `at`: a time of that day"),
        ('{date: {trait: birthday, every: month, at: "09:00"}}', "entry.date.every: unknown; got 'month'; wanted year"),
        ("{date: {trait: d, before: 1d, after: 1d}}", "use `before` or `after`, not both"),
        ('{date: {trait: d, before: 36h, at: "09:00"}}', "needs whole days beside `at`; got '36h'"),
        ('{date: {trait: d, every: year, before: 500d, at: "09:00"}}', "is too long; got '500d'; wanted 366d"),
        ("{date: 3}", "needs settings; got 3"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said(entry: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as problem:
        world(tmp_path, entry)
    assert says in str(problem.value)


def test_a_segment_may_not_be_named_like_an_alarm_of_an_entry(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="no name of a segment may begin with ~t:"):
        definitions(tmp_path, segments='"~t:jny": {rule: {did: {event: A}}}')


def test_a_month_without_such_a_day_has_its_last() -> None:
    days = Days(day_of_month=31).after(date(2027, 1, 31))
    assert [str(next(days)) for _ in range(3)] == ["2027-02-28", "2027-03-31", "2027-04-30"]
