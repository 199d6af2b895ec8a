"""The translations in the "coming from" pages mean what they say: told to the simulator, person by person and day by day."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks_of
from tests.unit.core import write
from tidings import workspace
from tidings.clock import DAY_US, iso
from tidings.hosts.simulator import Simulator
from tidings.testing.histories import call

START_US = 1_780_000_000_000_000
PAGES = {one: ROOT / f"docs/how-to/coming-from-{one}.md" for one in ("segment", "customer-io", "klaviyo", "braze")}
Act = tuple[float, str, dict[str, object]]
"""Day, event, properties; `Identify` gives traits."""


@cache
def rules(page: str) -> tuple[str, str]:
    """(traits, segments) of a page."""
    found = list(blocks_of(PAGES[page]))
    return tuple("".join(one.text for one in found if one.info == info) for info in ("yaml traits", "yaml segments"))


def members(page: str, days: float, acts: list[Act], folder: Path) -> set[str]:
    """The page's segments that somebody who did these is in, so many days after the start."""
    traits, segments = rules(page)
    simulator = Simulator(workspace.load(write(folder, traits=traits, segments=segments)), start_us=START_US)
    for number, (at, name, given) in enumerate(sorted(acts, key=lambda one: one[0])):
        at_us = START_US + int(at * DAY_US)
        known = {key: iso(START_US) if value == "start" else value for key, value in given.items()}
        if name == "Identify":
            record = call("identify", f"e{number}", at_us, user="ann", traits=known)
        else:
            record = call("track", f"e{number}", at_us, user="ann", event=name, properties=known)
        simulator.take([record], at_us)
    simulator.advance_to(START_US + int(days * DAY_US))
    (ann,) = simulator.people()
    return set(ann.segments)


ORDER: Act = (0, "Order Completed", {"revenue": 50})
PLACED = [(float(day), "Placed Order", {"value": 100}) for day in range(5)]

CASES = [
    ("segment", "good_shoes_lately", [(0, "Shoes Bought", {"price": 100})], [0, 6.99], [7]),
    ("segment", "good_shoes_lately", [(0, "Shoes Bought", {"price": 99})], [], [0, 1]),
    ("segment", "left_the_checkout", [(0, "Checkout Started", {})], [1, 6.99], [0.99, 7]),
    ("segment", "left_the_checkout", [(0, "Checkout Started", {}), (0.5, "Order Completed", {})], [], [0.6, 1, 2]),
    ("segment", "slipping_away", [ORDER], [30, 89.99], [0, 29.99, 90]),
    ("segment", "slipping_away", [ORDER, (40, "Order Completed", {})], [70], [41, 60, 69]),
    ("segment", "bought_30_to_90_days_ago", [ORDER], [30, 89.99], [0, 29.99, 90]),
    ("segment", "bought_30_to_90_days_ago", [ORDER, (40, "Order Completed", {})], [41, 60, 89, 100], [29, 131]),
    ("customer-io", "no_purchase_for_a_week", [(0, "Identify", {"created_at": "start"})], [0, 7, 20], []),
    ("customer-io", "no_purchase_and_known_for_a_week", [(0, "Identify", {"created_at": "start"})], [7, 20], [0, 6.99]),
    ("customer-io", "no_purchase_and_known_for_a_week", [(0, "purchase", {}), (9, "purchase", {})], [8, 17], [1, 10]),
    ("customer-io", "young_pop_fans",
     [(0, "Identify", {"age": 20, "favorite_music_type": "pop", "created_at": "start"})], [7, 90], [6.99]),
    ("customer-io", "clicked_the_offer_and_did_not_buy",
     [(0, "Email Link Clicked", {"template": "win_back"}), (2, "purchase", {})], [1], [3, 15]),
    ("customer-io", "trial_ends_soon", [(0, "Identify", {"trial_ends_at": iso(START_US + 5 * DAY_US)})], [2, 4.9], [0, 1.9, 5]),
    ("klaviyo", "vip", PLACED, [4, 1000], [3.9]),
    ("klaviyo", "win_back", [PLACED[0], (1, "Consent Given", {"purpose": "marketing"})], [180, 999], [1, 179.9]),
    ("klaviyo", "win_back", PLACED[:1], [], [1, 180, 999]),
    ("klaviyo", "engaged_30_days",
     [(0, "Consent Given", {"purpose": "marketing"}), (5, "Email Opened", {}), (40, "Email Opened", {"machine": True})],
     [5, 34.9], [0, 35, 41]),
    ("braze", "more_than_three_in_a_week", [(float(day), "watched", {}) for day in range(4)], [3, 6.9], [2.9, 7]),
    ("braze", "red_shoes_twice",
     [(float(day), "Product Purchased", {"product_id": "SHOE-1", "colour": "red"}) for day in (0, 400)],
     [400, 729.9], [399, 730]),
]  # fmt: skip


@pytest.mark.parametrize(("page", "segment", "acts", "inside", "outside"), CASES)
def test_a_translation_holds_when_it_should_and_only_then(
    page: str, segment: str, acts: list[Act], inside: list[float], outside: list[float], tmp_path: Path
) -> None:
    found = {day: segment in members(page, day, [one for one in acts if one[0] <= day], tmp_path / f"{day}")
             for day in [*inside, *outside]}  # fmt: skip
    assert found == dict.fromkeys(inside, True) | dict.fromkeys(outside, False)
