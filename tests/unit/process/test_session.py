"""Sessions by GA4's rule: 30 minutes of silence end one, midnight does not; late events join what they lie between."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tidings.clock import DAY_US, MINUTE_US, SECOND_US, parse_instant
from tidings.process import session
from tidings.process.session import GAP_US, LATENESS_US

START_US = parse_instant("2026-03-28T23:50:00Z")


def fold(minutes: list[float]) -> list[Any]:
    value: list[Any] = []
    for minute in minutes:
        value = session.fold(value, START_US + int(minute * MINUTE_US))
    return value


def test_a_pause_of_exactly_thirty_minutes_goes_on_and_a_microsecond_more_does_not() -> None:
    assert session.count(fold([0, 30])) == 1
    value = session.fold(fold([0]), START_US + GAP_US + 1)
    assert session.count(value) == 2


def test_midnight_and_the_change_to_summer_time_cut_nothing() -> None:
    value = fold([0, 20, 40, 60, 80])
    assert session.count(value) == 1
    assert session.duration_us(value) == 80 * MINUTE_US


def test_a_late_event_joins_the_two_sessions_it_lies_between() -> None:
    value = fold([0, 50])
    assert session.count(value) == 2
    value = session.fold(value, START_US + 25 * MINUTE_US)
    assert session.count(value) == 1


def test_an_event_later_than_the_window_is_counted_and_changes_nothing() -> None:
    value = fold([0])
    value = session.fold(value, START_US + LATENESS_US + DAY_US)
    before = (session.count(value), session.duration_us(value))
    value = session.fold(value, START_US + SECOND_US)
    assert (session.count(value), session.duration_us(value)) == before
    assert value[2] == 1


def test_old_sessions_become_totals_so_that_state_stays_small() -> None:
    value: list[Any] = []
    for day in range(400):
        value = session.fold(value, START_US + day * DAY_US)
        value = session.fold(value, START_US + day * DAY_US + 10 * MINUTE_US)
    assert session.count(value) == 400
    assert session.duration_us(value) == 400 * 10 * MINUTE_US
    assert len(value[4]) <= 9


@given(
    st.lists(st.integers(0, 7 * 24 * 60 - 1), min_size=1, max_size=40),
    st.randoms(use_true_random=False),
    st.integers(0, 40),
)
def test_order_and_splits_do_not_matter_within_the_window(minutes: list[int], rng: Any, cut: int) -> None:
    shuffled = list(minutes)
    rng.shuffle(shuffled)
    merged = session.merge(fold(list(shuffled[:cut])), fold(list(shuffled[cut:])))
    assert fold(list(shuffled)) == fold(sorted(minutes)) == merged
