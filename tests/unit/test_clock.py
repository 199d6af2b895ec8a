"""Spans and instants: exact microseconds, written and read without loss."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidings.clock import (
    DAY_US,
    HOUR_US,
    MAX_SPAN_US,
    MINUTE_US,
    SECOND_US,
    ManualClock,
    SystemClock,
    format_duration,
    iso,
    parse_duration,
    parse_instant,
)


@pytest.mark.parametrize(
    ("text", "span_us"),
    [
        ("500ms", 500_000),
        ("30s", 30 * SECOND_US),
        ("1.5h", 90 * MINUTE_US),
        (" 90d ", 90 * DAY_US),
        ("1 w", 7 * DAY_US),
        ("0.000001s", 1),
        ("0.1s", 100_000),
    ],
)
def test_a_span_is_a_number_and_a_unit(text: str, span_us: int) -> None:
    assert parse_duration(text) == span_us


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5 minutes", "1e3s", "5m\n6m", "٣m", None, 5, ["5m"]])
def test_what_is_no_span_is_named_with_what_was_wanted(text: object) -> None:
    with pytest.raises(ValueError, match=r"not a duration: got .*, wanted a number and a unit such as 30s"):
        parse_duration(text)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["0s", "0w", "0.0001ms"])
def test_no_time_at_all_is_no_span(text: str) -> None:
    with pytest.raises(ValueError, match="longer than nothing"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["999999999w", "36501d"])
def test_a_span_is_at_most_a_hundred_years_so_that_every_timer_fits_its_64_bits(text: str) -> None:
    with pytest.raises(ValueError, match="at most 36500d"):
        parse_duration(text)
    assert parse_duration("36500d") == MAX_SPAN_US


@given(st.integers(1, MAX_SPAN_US) | st.integers(1, 50_000).map(lambda n: n * HOUR_US))
def test_a_span_that_is_written_reads_the_same(span_us: int) -> None:
    assert parse_duration(format_duration(span_us)) == span_us


@pytest.mark.parametrize(
    ("span_us", "text"), [(5 * MINUTE_US, "5m"), (7 * DAY_US, "1w"), (1_001, "1.001ms"), (0, "0s")]
)
def test_a_span_is_written_the_shortest_way(span_us: int, text: str) -> None:
    assert format_duration(span_us) == text


@given(st.datetimes(timezones=st.just(UTC)))
def test_an_instant_that_is_written_reads_the_same(moment: datetime) -> None:
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    at_us = (delta.days * 86_400 + delta.seconds) * SECOND_US + delta.microseconds
    assert parse_instant(iso(at_us)) == at_us


def test_an_instant_shows_only_the_digits_it_needs() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(1_500_000) == "1970-01-01T00:00:01.5Z"
    assert iso(-1) == "1969-12-31T23:59:59.999999Z"


def test_an_instant_without_a_zone_is_utc_and_one_with_a_zone_is_that_zones() -> None:
    assert parse_instant("2026-03-29T02:30:00") == parse_instant("2026-03-29T04:30:00+02:00")


def test_the_manual_clock_moves_only_when_told_and_backwards_too() -> None:
    clock = ManualClock(5)
    clock.advance(3)
    assert clock.now_us() == 8
    clock.set(1)
    assert clock.now_us() == 1


def test_the_system_clock_tells_microseconds() -> None:
    before = datetime.now(UTC).timestamp()
    assert before - 1 < SystemClock().now_us() / SECOND_US < before + 5
