"""Quiet hours: when they cover an instant and where they end, on any clock, also on the nights when clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tidings.clock import iso, parse_instant
from tidings.decide import quiet
from tidings.decide.quiet import Quiet

NIGHT = {"from": "21:00", "to": "08:00"}


def hours(raw: Any) -> Quiet:
    found = quiet.parse(raw, "policy.yml")
    assert found is not None
    return found


def end(raw: Any, zone: str, at: str) -> str:
    return iso(quiet.end_us(hours(raw).times, zone, parse_instant(at)))


@pytest.mark.parametrize(
    ("at", "ends"),
    [
        ("2026-06-10T18:59:59.999999Z", "2026-06-10T18:59:59.999999Z"),  # not yet
        ("2026-06-10T19:00:00Z", "2026-06-11T06:00:00Z"),
        ("2026-06-11T05:59:59.999999Z", "2026-06-11T06:00:00Z"),
        ("2026-06-11T06:00:00Z", "2026-06-11T06:00:00Z"),
        ("2026-03-28T22:00:00Z", "2026-03-29T06:00:00Z"),  # this night has ten hours
        ("2026-10-24T19:30:00Z", "2026-10-25T07:00:00Z"),  # and this one twelve
    ],
)
def test_the_night_ends_at_eight_on_her_clock(at: str, ends: str) -> None:
    assert end(NIGHT, "Europe/Berlin", at) == ends


def test_an_end_that_the_clock_skips_is_when_it_is_put_forward() -> None:
    assert end({"from": "22:00", "to": "02:30"}, "Europe/Berlin", "2026-03-29T00:30:00Z") == "2026-03-29T01:00:00Z"


def test_an_hour_that_comes_twice_is_quiet_twice() -> None:
    raw = {"from": "02:00", "to": "02:30"}
    assert end(raw, "Europe/Berlin", "2026-10-25T00:10:00Z") == "2026-10-25T00:30:00Z"
    assert end(raw, "Europe/Berlin", "2026-10-25T01:10:00Z") == "2026-10-25T01:30:00Z"


def test_stretches_that_follow_each_other_are_one() -> None:
    raw = [NIGHT, {"from": "00:00", "to": "24:00", "weekdays": ["sat", "sun"]}]
    assert end(raw, "UTC", "2026-06-12T22:00:00Z") == "2026-06-15T08:00:00Z"  # from friday night to monday morning


def test_a_stretch_that_drops_goes_before_one_that_waits() -> None:
    found = hours([NIGHT, {"from": "00:00", "to": "05:00", "then": "drop"}])
    one = quiet.covering(found, "UTC", parse_instant("2026-06-12T03:00:00Z"))
    assert one is not None
    assert not one.waits
    one = quiet.covering(found, "UTC", parse_instant("2026-06-12T05:00:00Z"))
    assert one is not None
    assert one.waits


def covered(local: datetime) -> bool:
    return local.hour >= 21 or local.hour < 8


@pytest.mark.parametrize(
    "zone", ["Europe/London", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"]
)
def test_every_quarter_of_an_hour_of_a_year_is_as_the_clock_shows_it(zone: str) -> None:
    found, name = hours(NIGHT), ZoneInfo(zone)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    instants = [start + timedelta(minutes=15 * n) for n in range(365 * 96)]
    inside = [covered(one.astimezone(name)) for one in instants]
    following = len(instants)
    for n in range(len(instants) - 1, -1, -1):
        if not inside[n]:
            following = n
        at_us = int(instants[n].timestamp()) * 1_000_000
        if n % 7 == 0 and following < len(instants):
            assert quiet.end_us(found.times, zone, at_us) == int(instants[following].timestamp()) * 1_000_000
            assert (quiet.covering(found, zone, at_us) is not None) == inside[n]


def test_false_means_none() -> None:
    assert quiet.parse(False, "policy.yml") is None
