"""touched: the latest items are a function of the set of events, in any order and however people are merged."""

from __future__ import annotations

from random import Random

import pytest

from tidings.accumulate.touched import MAX_ITEMS, Touched
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter

VIEWED = Touched(EventFilter(("Product Viewed",)))


def viewed(number: int, at_us: int, **properties: object) -> Event:
    return Event(
        event_id=f"e{number}",
        kind="track",
        name="Product Viewed",
        occurred_us=at_us,
        received_us=at_us,
        offset=number,
        properties=properties,
    )


def folded(events: list[Event]) -> dict[str, int] | None:
    value: dict[str, int] | None = None
    for event in events:
        value = VIEWED.fold(value, event)
    return value


@pytest.mark.parametrize("seed", range(20))
def test_any_order_and_any_merge_keep_the_same(seed: int) -> None:
    rng = Random(seed)
    events = [viewed(n, rng.randrange(1, 500), product_id=f"p{rng.randrange(2 * MAX_ITEMS)}") for n in range(600)]
    whole = folded(sorted(events, key=lambda one: one.occurred_us))
    rng.shuffle(events)
    cut = rng.randrange(1, len(events) - 1)
    one, other = folded(events[:cut]), folded(events[cut:])
    assert folded(events) == whole
    assert one is not None
    assert other is not None
    assert VIEWED.merge(one, other) == whole
    assert whole is not None
    assert len(whole) == MAX_ITEMS


def test_what_names_no_item_is_left_out() -> None:
    odd: list[dict[str, object]] = [
        {},
        {"product_id": ""},
        {"product_id": ["x"]},
        {"product_id": True},
        {"sku": "y" * 201},
    ]
    assert folded([viewed(n, n + 1, **properties) for n, properties in enumerate(odd)]) is None
    assert folded([viewed(1, 5, product_id=7), viewed(2, 6, sku="s")]) == {"7": 5, "s": 6}
    assert VIEWED.read({"a": 1, "b": 3, "c": 2}) == ["b", "c", "a"]
