"""Caps: what counts at an instant, when there is room again; by spans and by the calendar of a zone."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tidings.clock import DAY_US, HOUR_US, iso, parse_instant
from tidings.decide import caps
from tidings.decide.caps import Cap
from tidings.domain.profile import Sent

T_US = 1_800_000_000_000_000


def cap(at_most: int, per: str, *categories: str) -> Cap:
    raw: dict[str, Any] = {"at_most": at_most, "per": per}
    return caps.parse([{**raw, "categories": list(categories or ["m"])}], ["m", "n"], [], "policy.yml")[0]


def sent(*instants_us: int, category: str = "m") -> list[Sent]:
    return [Sent(at_us, category, f"id{at_us}") for at_us in instants_us]


def full(one: Cap, sends: list[Sent], at_us: int, zone: str = "UTC") -> bool:
    return caps.reached(one, sends, zone, at_us).full


def test_a_message_exactly_a_span_ago_no_longer_counts() -> None:
    assert full(cap(2, "24h"), sent(T_US, T_US), T_US + DAY_US - 1)
    assert not full(cap(2, "24h"), sent(T_US, T_US), T_US + DAY_US)


def test_there_is_room_again_when_enough_of_those_that_count_are_a_span_ago() -> None:
    sends = sent(T_US, T_US + HOUR_US, T_US + 2 * HOUR_US)
    found = caps.reached(cap(2, "24h"), sends, "UTC", T_US + 3 * HOUR_US)
    assert found.free_us() == T_US + HOUR_US + DAY_US
    assert not full(cap(2, "24h"), sends, found.free_us())
    assert full(cap(2, "24h"), sends, found.free_us() - 1)


def test_categories_count_together_and_others_do_not() -> None:
    sends = sorted([*sent(T_US), *sent(T_US + 1, category="n"), *sent(T_US + 2, category="o")])
    assert [one.category for one in caps.reached(cap(5, "1d", "m", "n"), sends, "UTC", T_US + 9).counted] == ["m", "n"]


@pytest.mark.parametrize(
    ("per", "begins", "ends"),
    [
        ("day", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),  # a day of 23 hours
        ("week", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z"),
        ("month", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"),
    ],
)
def test_the_calendar_is_that_of_her_zone(per: str, begins: str, ends: str) -> None:
    at_us, zone = parse_instant("2026-03-29T12:00:00Z"), "Europe/Berlin"
    first, last = parse_instant(begins), parse_instant(ends)
    assert caps.begin_us(per, at_us, zone) == first
    assert caps.next_us(per, at_us, zone) == last
    found = caps.reached(cap(1, per), sent(first - 1, first), zone, at_us)
    assert [iso(one.decided_us) for one in found.counted] == [begins]
    assert iso(found.free_us()) == ends
    assert full(cap(1, per), sent(first), last - 1, zone)
    assert not full(cap(1, per), sent(first), last, zone)


def test_a_day_that_begins_without_a_midnight_or_with_two() -> None:
    cairo = parse_instant("2024-04-26T12:00:00Z")  # clocks are put forward at midnight: it begins at one
    shown = datetime.fromtimestamp(caps.begin_us("day", cairo, "Africa/Cairo") // 1_000_000, ZoneInfo("Africa/Cairo"))
    assert (shown.day, shown.hour) == (26, 1)
    havana = parse_instant("2024-11-03T12:00:00Z")  # put back from one to midnight: it begins the first time
    assert iso(caps.begin_us("day", havana, "America/Havana")) == "2024-11-03T04:00:00Z"


def test_the_next_day_is_always_ahead_even_where_the_day_before_comes_again() -> None:
    zone = "America/St_Johns"  # until 2011 clocks were put back at 00:01: the evening before came twice
    again = parse_instant("2010-11-07T03:00:00Z")
    assert datetime.fromtimestamp(again // 1_000_000, ZoneInfo(zone)).day == 6
    assert caps.next_us("day", again, zone) > again


def test_the_evidence_names_the_latest_that_counted() -> None:
    sends = sent(*(T_US + n for n in range(20)))
    said = caps.reached(cap(20, "1d"), sends, "UTC", T_US + 30).evidence()
    assert said["counted"] == 20
    assert said["messages"] == [f"id{T_US + n}" for n in range(10, 20)]
    assert caps.shown(said) == "20 of at most 20 m messages in the 1d before this one."


def test_evidence_of_older_messages_is_shown_too() -> None:
    said = {"at_most": 2, "per_us": DAY_US, "counted": 1}
    assert caps.shown(said) == "1 of at most 2 messages in the 1d before this one."
