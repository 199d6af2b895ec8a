"""Sliding windows: right at every instant, and they say when what is read can change."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.accumulate.events import event, fold
from tidings.accumulate import kinds
from tidings.domain import compare

S_US = 1_000_000
EVENTS = [event(i, at_us=at * S_US, n=n) for i, (at, n) in enumerate([(0, 4), (2, "x"), (2, 1), (5, 1), (5, True)])]


def window(kind: str, **more: Any) -> Any:
    return kinds.parse({kind: {"event": "Added", "within": "5s", **more}}, "t")


@pytest.mark.parametrize(
    ("accumulator", "at_5", "at_7", "at_10"),
    [
        (window("count"), 4, 2, 0),
        (window("sum", property="n"), 2.0, 1.0, 0.0),
        (window("average", property="n"), 1.0, 1.0, None),
        (window("minimum", property="n"), 1.0, 1.0, None),
        (window("maximum", property="n"), 1.0, 1.0, None),
        (window("distinct", property="n"), 3, 2, 0),
        (window("top", property="n"), "1", "1", None),
        (window("top", property="n", k=5), ["1", "True", "x"], ["1", "True"], []),
    ],
    ids=str,
)
def test_what_lies_in_the_window_counts(accumulator: Any, at_5: Any, at_7: Any, at_10: Any) -> None:
    value = fold(accumulator, EVENTS)
    assert [accumulator.read_at(value, at * S_US) for at in (5, 7, 10)] == [at_5, at_7, at_10]
    assert accumulator.read(None) == at_10
    assert list(accumulator.changes_us(value, 5 * S_US)) == [7 * S_US, 10 * S_US]


def test_it_wakes_when_a_test_turns_and_not_before() -> None:
    accumulator = window("maximum", property="n")
    value = fold(accumulator, EVENTS)
    some = compare.parse({"at_least": 1}, "t")
    assert accumulator.next_us(value, 5 * S_US, some) == 10 * S_US
    assert accumulator.next_us(value, 10 * S_US, some) == 0


def test_windows_of_one_property_share_their_memory() -> None:
    kinds_of_it = [
        kinds.parse({kind: {"event": "Added", "property": "n", "within": f"{days}d"}}, "t")
        for kind, days in (("sum", 1), ("average", 30), ("maximum", 90))
    ]
    assert len({one.key for one in kinds_of_it}) == 1
    assert window("distinct", property="n").key != kinds_of_it[0].key
