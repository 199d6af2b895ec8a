"""The main path: what one event, one timer or one merge does to one person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.core import World, definitions

GREET = """
    entry: {event: Go}
    steps:
      - id: greet
        send: {template: welcome, category: transactional}
"""


@pytest.mark.parametrize("given", ["abc", 7, [1, 2], [{"a": 1}], {"item_id": "x"}])
def test_a_trait_that_somebody_calls_cart_is_not_the_cart(given: Any, tmp_path: Path) -> None:
    world = World(definitions(tmp_path, greet=GREET))
    world.identify(0, email="ann@x.example", cart=given)
    world.track(1, "Go")
    (intent,) = world.sends()
    assert intent.values["cart"] == intent.seeds == intent.exclude == []


def test_a_computed_trait_of_another_kind_may_be_called_cart(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, greet=GREET, traits="cart: {count: {event: Go}}"))
    world.track(1, "Go")
    (intent,) = world.sends()
    assert intent.values["cart"] == []
    assert intent.values["person"]["cart"] == 1


@pytest.mark.parametrize("ends", [2**62, "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_branch_on_an_instant_that_no_calendar_knows_says_no_and_stops_nothing(ends: Any, tmp_path: Path) -> None:
    ask = """
        entry: {event: Go}
        steps:
          - id: soon
            branch: {if: {trait: ends, within: 3d}, then: "yes", else: "no"}
          - id: "yes"
            exit: "yes"
          - id: "no"
            exit: "no"
    """
    world = World(definitions(tmp_path, ask=ask))
    world.identify(0, ends=ends)
    world.track(1, "Go")
    assert world.ends() == [("ask", "no")]
