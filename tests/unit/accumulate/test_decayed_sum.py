"""decayed_sum: half after a half-life, in any order, and the exact instant at which it falls below a number."""

from __future__ import annotations

import pytest

from tests.unit.accumulate.events import event, fold
from tidings.accumulate import kinds
from tidings.accumulate.decayed_sum import KEPT
from tidings.clock import DAY_US
from tidings.domain import compare
from tidings.domain.instants import END_US

T_US = 20_000 * DAY_US


def decayed(half_life: str = "1d"):  # type: ignore[no-untyped-def]
    return kinds.parse({"decayed_sum": {"event": "Added", "property": "n", "half_life": half_life}}, "t")


@pytest.mark.parametrize(("days", "value"), [(0, 80.0), (1, 40.0), (2, 20.0), (4, 5.0), (30, 0.0)])
def test_it_halves_with_every_half_life(days: int, value: float) -> None:
    one = decayed()
    read = one.read_at(fold(one, [event(1, at_us=T_US + DAY_US // 3, n=80)]), T_US + DAY_US // 3 + days * DAY_US)
    assert read == pytest.approx(value, abs=1e-6)


def test_it_adds_what_is_left_of_each() -> None:
    one = decayed()
    value = fold(one, [event(i, at_us=T_US + i * DAY_US, n=8) for i in range(4)])
    assert one.read_at(value, T_US + 3 * DAY_US) == 8 + 4 + 2 + 1


@pytest.mark.parametrize(
    "wanted", [{"at_least": 33.3}, {"more_than": 33.3}, {"at_most": 33.3}, {"between": [-1, 33.3]}]
)
def test_it_says_the_microsecond_at_which_it_falls_below(wanted: dict[str, float]) -> None:
    """At most two wakes: when it comes to the number, and when it goes below."""
    one = decayed()
    value = fold(one, [event(1, at_us=T_US, n=80)])
    tests = compare.parse(wanted, "t")
    at_us = one.next_us(value, T_US, tests)
    if tests[0].test(one.read_at(value, at_us)) == tests[0].test(one.read_at(value, T_US)):
        at_us = one.next_us(value, at_us, tests)
    before, after = (tests[0].test(one.read_at(value, at_us + by)) for by in (-1, 0))
    assert (before, after) == (tests[0].test(80.0), not tests[0].test(80.0))


def test_a_negative_total_rises_to_nothing() -> None:
    one = decayed()
    value = fold(one, [event(1, at_us=T_US, n=-80)])
    tests = compare.parse({"more_than": -40}, "t")
    at_us = one.next_us(value, T_US, tests)
    assert [one.read_at(value, us) for us in (at_us - 1, at_us)] == [pytest.approx(-40, abs=1e-5)] * 2


def test_in_the_end_it_is_nothing() -> None:
    one = decayed()
    value = fold(one, [event(1, at_us=T_US, n=1)])
    next_us = one.next_us(value, T_US, compare.parse({"more_than": 0}, "t"))
    assert one.read_at(value, next_us) == 0.0 < one.read_at(value, next_us - 1)
    assert one.next_us(value, next_us, compare.parse({"more_than": 0}, "t")) == 0


def test_a_change_beyond_the_calendar_is_none() -> None:
    one = decayed("36500d")
    value = fold(one, [event(1, at_us=END_US - DAY_US, n=1_000)])
    assert one.next_us(value, END_US - DAY_US, compare.parse({"at_least": 1}, "t")) == 0


def test_its_memory_is_bounded() -> None:
    one = decayed()
    value = fold(one, [event(i, at_us=T_US + i * DAY_US, n=1e12) for i in range(3 * KEPT)])
    assert len(value) == KEPT
