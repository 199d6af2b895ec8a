"""Bids: what a run keeps, and the order in which those go whose turn comes at one instant."""

from __future__ import annotations

import math
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from tidings.decide import bids
from tidings.decide.bids import Bid
from tidings.domain.profile import Run

T_US = 1_800_000_000_000_000


def run(run_id: str, *, priority: str = "", value: float = 1.0, asked_us: int = T_US) -> Run:
    made = Run(run_id, "j", "v", "s", 0, 0, 0, 0, 0, "event:1", {}, [])
    if priority:
        made.bid = bids.kept(Bid(asked_us=asked_us, closes_us=0, priority=priority, value=value, rounds=0))
    return made


def test_those_that_ask_for_nothing_come_first_then_by_priority_value_and_who_asked_first() -> None:
    in_order = [
        run("f"),
        run("e", priority="high", value=-5),
        run("d", priority="normal", value=2.000001),
        run("b", priority="normal", value=2),
        run("c", priority="normal", value=2),
        run("a", priority="normal", value=2, asked_us=T_US + 1),
        run("9", priority="low", value=1e9),
    ]
    for shuffled in permutations(in_order[1:5]):
        assert sorted([in_order[0], *shuffled, *in_order[5:]], key=bids.order) == in_order


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@given(NUMBERS, NUMBERS)
def test_any_number_has_its_place(one: float, other: float) -> None:
    first, second = (run("a", priority="normal", value=bids.millionths(each) / bids.UNIT) for each in (one, other))
    asked = [bids.millionths(each) for each in (one, other)]
    assert (bids.order(first) < bids.order(second)) == (asked[0] > asked[1])


def test_what_is_no_number_is_worth_nothing_and_the_largest_is_bounded() -> None:
    assert bids.millionths(math.nan) == 0
    assert bids.millionths(math.inf) == bids.millionths(1e30) == bids.MAX_VALUE * bids.UNIT
    assert bids.millionths(-math.inf) == -bids.MAX_VALUE * bids.UNIT


def test_a_bid_is_read_as_it_was_kept() -> None:
    bid = Bid(asked_us=T_US, closes_us=T_US + 5, priority="low", value=2.5, rounds=3)
    made = run("a")
    made.bid = bids.kept(bid)
    assert bids.of(made) == bid
    assert (bids.closes_us(made), bids.closes_us(run("b"))) == (T_US + 5, 0)
