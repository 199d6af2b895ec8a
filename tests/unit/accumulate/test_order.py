"""Every kind of accumulator: folding in any order, or merging any split, gives the same value, within its bound."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.accumulate.events import event, fold
from tidings.accumulate import kinds
from tidings.accumulate.average import Average
from tidings.accumulate.base import Accumulator
from tidings.accumulate.count import Count
from tidings.accumulate.decayed_sum import DecayedSum
from tidings.accumulate.distinct import EXACT_UP_TO, Distinct
from tidings.accumulate.latest import Latest
from tidings.accumulate.recent import MAX_ENTRIES, Recent
from tidings.accumulate.since import Since
from tidings.accumulate.sum import Sum
from tidings.accumulate.top import MAX_VALUES, Top
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter

NAMES = ["Added", "Removed", "Ordered"]
EVERY: dict[str, Accumulator] = {
    "count": kinds.parse({"count": {"event": NAMES}}, "t"),
    "sum": kinds.parse({"sum": {"event": NAMES, "property": "n"}}, "t"),
    "first": kinds.parse({"first": {"event": NAMES, "property": "product_id"}}, "t"),
    "first instant": kinds.parse({"first": {"event": NAMES}}, "t"),
    "last": kinds.parse({"last": {"event": NAMES, "property": "product_id"}}, "t"),
    "distinct": kinds.parse({"distinct": {"event": NAMES, "property": "n"}}, "t"),
    "top": kinds.parse({"top": {"event": NAMES, "property": "n"}}, "t"),
    "average": kinds.parse({"average": {"event": NAMES, "property": "n"}}, "t"),
    "minimum": kinds.parse({"minimum": {"event": NAMES, "property": "n"}}, "t"),
    "maximum": kinds.parse({"maximum": {"event": NAMES, "property": "n"}}, "t"),
    "decayed_sum": DecayedSum(EventFilter(tuple(NAMES)), "n", 3),
    "decayed_sum that forgets": DecayedSum(EventFilter(("Added",)), "n", 1, kept=4),
    "since": Since(Sum(EventFilter(tuple(NAMES)), "n"), 4),
    "top 2": kinds.parse({"top": {"event": NAMES, "property": "n", "k": 2}}, "t"),
    **{
        f"{kind} within": Recent(make(EventFilter(tuple(NAMES)), "n"), 5)
        for kind, make in {"sum": Sum, "average": Average, "distinct": Distinct, "top": Top}.items()
    },
    "count within": Recent(Count(EventFilter(tuple(NAMES))), 5),
    "cart": kinds.parse({"cart": {"added": "Added", "removed": "Removed", "emptied": "Ordered"}}, "t"),
    "latest": Latest(EventFilter(tuple(NAMES)), 3),
}


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    rows = draw(
        st.lists(
            st.tuples(
                st.sampled_from(NAMES),
                st.integers(0, 8),
                st.sampled_from("pqr"),
                st.sampled_from([0.1, 0.2, 7, "3.3", None]),
            ),
            max_size=25,
        )
    )
    return [event(i, name, at, product_id=item, n=n, quantity=2) for i, (name, at, item, n) in enumerate(rows)]


@pytest.mark.parametrize("kind", EVERY)
@settings(max_examples=150, deadline=None)
@given(events=histories(), rng=st.randoms(use_true_random=False), cut=st.integers(0, 25))
def test_order_and_splits_do_not_matter(kind: str, events: list[Event], rng: Any, cut: int) -> None:
    accumulator = EVERY[kind]
    in_order = fold(accumulator, events)
    shuffled = list(events)
    rng.shuffle(shuffled)
    one, other = fold(accumulator, shuffled[:cut]), fold(accumulator, shuffled[cut:])
    merged = other if one is None else one if other is None else accumulator.merge(deepcopy(one), deepcopy(other))
    expected = msgspec.json.encode(in_order, order="sorted")
    assert msgspec.json.encode(fold(accumulator, shuffled), order="sorted") == expected
    assert msgspec.json.encode(merged, order="sorted") == expected


@settings(max_examples=20, deadline=None)
@given(rng=st.randoms(use_true_random=False), cut=st.integers(0, 700))
def test_beyond_its_bound_a_window_keeps_the_latest_in_any_order(rng: Any, cut: int) -> None:
    accumulator = EVERY["sum within"]
    events = [event(i, at_us=i // 3, n=i % 7) for i in range(MAX_ENTRIES + 200)]
    expected = fold(accumulator, events)
    assert len(expected) == MAX_ENTRIES
    rng.shuffle(events)
    assert fold(accumulator, events) == expected
    assert accumulator.merge(fold(accumulator, events[:cut]) or [], fold(accumulator, events[cut:]) or []) == expected


def test_a_sum_of_tenths_is_exact() -> None:
    accumulator = EVERY["sum"]
    assert accumulator.read(fold(accumulator, [event(i, n=0.1) for i in range(10)])) == 1.0


def test_distinct_is_exact_up_to_its_bound_and_close_above_it() -> None:
    accumulator = EVERY["distinct"]
    exact = fold(accumulator, [event(i, n=i) for i in range(EXACT_UP_TO - 1)] * 2)
    assert accumulator.read(exact) == EXACT_UP_TO - 1
    many = fold(accumulator, [event(i, n=i) for i in range(20_000)])
    assert len(many) == EXACT_UP_TO
    assert abs(accumulator.read(many) - 20_000) < 20_000 * 0.2  # four standard errors


def test_top_beyond_its_bound_is_the_most_frequent_of_a_fair_sample() -> None:
    accumulator = EVERY["top"]
    events = [event(i, n=i % 500) for i in range(2_000)]
    value = fold(accumulator, events)
    assert len(value[2]) == MAX_VALUES
    assert set(value[2].values()) == {4}
    assert fold(accumulator, events[::-1])[2] == value[2]


def test_the_cart_is_what_the_instants_say_whatever_came_first() -> None:
    accumulator = EVERY["cart"]
    order, late_add, new_add = (
        event(1, "Ordered", 10),
        event(2, "Added", 5, product_id="p"),
        event(3, "Added", 11, product_id="q"),
    )
    cart = accumulator.read(fold(accumulator, [order, late_add, new_add]))
    assert [item["item_id"] for item in cart] == ["q"]


def test_a_removal_takes_what_was_added_before_it_only() -> None:
    accumulator = EVERY["cart"]
    added, removed, again = (
        event(1, "Added", 1, product_id="p", quantity=5),
        event(2, "Removed", 2, product_id="p"),
        event(3, "Added", 3, product_id="p"),
    )
    (item,) = accumulator.read(fold(accumulator, [again, added, removed]))
    assert item["quantity"] == 1
