"""Item changes: who hears that a price dropped or that something is back, once, with what she did to it before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.core import START_US, World, definitions
from tidings.clock import SECOND_US, iso
from tidings.domain.record import LogRecord
from tidings.errors import DefinitionError
from tidings.process.journey import entry_words

DROP = """
entry:
  item: {change: price_drop, by: 10%}
  who: {did: [Product Viewed, Product Added to Wishlist], within: 60d}
reentry: {after: 7d}
steps: [{id: tell, send: {template: cheaper}}]
"""
BACK = """
entry: {item: {change: back_in_stock}, who: {did: Product Viewed}}
reentry: {after: 1d}
steps: [{id: tell, send: {template: back}}]
"""
DAY_S = 86_400


class Shop(World):
    """A world in which items are known."""

    def item(self, at_s: float, *said: dict[str, Any], occurred_s: float | None = None) -> None:
        at_us = START_US + int((at_s if occurred_s is None else occurred_s) * SECOND_US)
        records = [LogRecord("items", "item", 0, msgspec.json.encode({"timestamp": iso(at_us), **one})) for one in said]
        self.take(records, at_s)

    def got(self) -> list[tuple[str, str, float]]:
        """(address, item, seconds from the start) of each message."""
        return [
            (one.address.partition("@")[0], one.values["event"]["product_id"], (one.decided_us - START_US) / SECOND_US)
            for one in self.sends()
        ]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    world = Shop(definitions(tmp_path, drop=DROP, back=BACK))
    for name in ("ann", "bob", "cid"):
        world.identify(1, user=name, email=f"{name}@x.example")
    world.track(2, "Product Viewed", {"product_id": "mug"}, user="ann")
    world.track(3, "Product Added to Wishlist", {"product_id": "lamp"}, user="bob")
    world.item(5, {"product_id": "mug", "price": 10, "stock": 0}, {"product_id": "lamp", "price": 100})
    return world


def test_its_words_say_what_she_did_and_what_became_of_it(tmp_path: Path) -> None:
    journeys = definitions(tmp_path, drop=DROP, back=BACK).journeys
    drop, back = (entry_words(journeys[name]) for name in ("drop", "back"))
    assert drop.endswith(", and the item now costs less, by 10% or more")
    assert drop.startswith("did Product ")
    assert back == "did Product Viewed, and the item is back in stock"


def test_whoever_looked_at_it_hears_of_a_price_drop_with_both_prices(shop: Shop) -> None:
    shop.item(10, {"product_id": "mug", "price": 8.5, "name": "Mug", "url": "https://shop.example/mug"})
    shop.until(20)
    assert shop.got() == [("ann", "mug", 10)]
    event = shop.sends()[0].values["event"]
    assert (event["old_price"], event["new_price"], event["name"]) == (10, 8.5, "Mug")
    assert shop.facts("run_started")[0].cause == "item:mug@7"


@pytest.mark.parametrize(
    "said",
    [{"price": 9.5}, {"price": 12}, {"price": 10}, {"name": "Mug"}, {"stock": 0}],
    ids=["by too little", "dearer", "the same", "no price", "still none"],
)
def test_other_changes_are_told_to_nobody(said: dict[str, Any], shop: Shop) -> None:
    shop.item(10, {"product_id": "mug", **said})
    shop.until(20)
    assert shop.got() == []


def test_a_catalogue_is_taken_in_one_go(shop: Shop) -> None:
    said = [LogRecord("items", "item", 0, msgspec.json.encode({"product_id": f"p{n}", "price": 3})) for n in range(50)]
    shop.simulator.take(said, START_US + 10 * SECOND_US)
    assert shop.simulator.driver.run_batch() == 50


def test_back_in_stock(shop: Shop) -> None:
    shop.item(10, {"product_id": "mug", "stock": 3})
    shop.until(20)
    assert shop.got() == [("ann", "mug", 10)]


def test_flapping_stock_does_not_flap_the_mail(shop: Shop) -> None:
    for round_ in range(5):
        shop.item(10 + 20 * round_, {"product_id": "mug", "available": True})
        shop.item(20 + 20 * round_, {"product_id": "mug", "available": False})
    shop.item(10 + 2 * DAY_S, {"product_id": "mug", "available": True})
    shop.until(3 * DAY_S)
    assert shop.got() == [("ann", "mug", 10), ("ann", "mug", 10 + 2 * DAY_S)]


def test_a_run_for_each_item_and_re_entry_by_item(shop: Shop) -> None:
    shop.track(6, "Product Viewed", {"product_id": "lamp"}, user="ann")
    shop.item(10, {"product_id": "mug", "price": 5}, {"product_id": "lamp", "price": 50})
    shop.item(11, {"product_id": "mug", "price": 2})
    shop.until(20)
    assert sorted(shop.got()) == [("ann", "lamp", 10), ("ann", "mug", 10), ("bob", "lamp", 10)]


def test_second_copies_and_late_words_change_nothing(shop: Shop) -> None:
    shop.item(10, {"product_id": "mug", "price": 8}, {"product_id": "mug", "price": 8})
    shop.item(11, {"product_id": "mug", "price": 1}, occurred_s=7)
    shop.item(12 + 8 * DAY_S, {"product_id": "mug", "price": 7})
    shop.until(9 * DAY_S)
    assert [at for _, _, at in shop.got()] == [10, 12 + 8 * DAY_S]
    assert shop.sends()[1].values["event"]["old_price"] == 8


def test_what_she_did_too_long_ago_does_not_count(shop: Shop) -> None:
    shop.item(61 * DAY_S, {"product_id": "mug", "price": 1})
    shop.until(62 * DAY_S)
    assert shop.got() == []


def test_whoever_looks_later_hears_only_of_later_changes(shop: Shop) -> None:
    shop.item(10, {"product_id": "mug", "price": 5})
    shop.track(11, "Product Viewed", {"product_id": "mug"}, user="cid")
    shop.until(20)
    assert shop.got() == [("ann", "mug", 10)]
    shop.item(30, {"product_id": "mug", "price": 2})
    shop.until(40)
    assert shop.got()[1:] == [("cid", "mug", 30)]


def test_two_who_turn_out_to_be_one_hear_once_of_what_both_looked_at(shop: Shop) -> None:
    shop.track(4, "Product Viewed", {"product_id": "mug"}, user="cid")
    shop.alias(8, previous="ann", user="cid")
    shop.item(10, {"product_id": "mug", "price": 5})
    shop.until(20)
    assert len(shop.sends()) == 1


def test_a_bad_word_on_an_item_is_rejected_with_its_reason(shop: Shop) -> None:
    shop.take([LogRecord("items", "item", 0, b'{"price": 3}'), LogRecord("items", "item", 0, b"x")], 10)
    assert [one.reason.partition(":")[0] for one in shop.simulator.sink.outcomes[-2:]] == [
        "missing_product_id",
        "bad_json",
    ]


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("{item: {change: price_rise}, who: {did: X}}", "price_drop or back_in_stock"),
        ("{item: {change: back_in_stock, by: 5%}, who: {did: X}}", "is for a price drop"),
        ("{item: {change: price_drop, by: 0.1}, who: {did: X}}", "such as 10%"),
        ("{item: {change: price_drop}, who: X}", "needs `who`"),
    ],
)
def test_what_is_wrong_with_an_entry_is_said(entry: str, problem: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=problem):
        definitions(tmp_path, j=f"entry: {entry}\nsteps: [{{id: s, send: {{template: t}}}}]")
