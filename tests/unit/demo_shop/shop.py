"""A small shop for tests, and what its pages tell Tidings."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

from tests.unit.console.web import Answer, Visitor
from tidings.demo.shop.app import create_app
from tidings.demo.shop.catalogue import Catalogue, Item

COLLECTOR = "http://127.0.0.1:8300"
NAMES = {
    "85123A": ("WHITE HANGING HEART T-LIGHT HOLDER", 2.95, 2265),
    "85099B": ("JUMBO BAG RED RETROSPOT", 2.08, 2089),
    "22423": ("REGENCY CAKESTAND 3 TIER", 12.75, 1985),
    "47566": ("PARTY BUNTING", 4.95, 1686),
    "20725": ("LUNCH BAG RED RETROSPOT", 1.65, 1565),
    "22086": ("PAPER CHAIN KIT 50'S CHRISTMAS", 2.95, 1166),
}
CATALOGUE = Catalogue(
    [Item(item_id=code, name=name, price=price, orders=orders) for code, (name, price, orders) in NAMES.items()]
)
ANNA = {"first_name": "Anna", "email": "Anna@Example.com"}


def visitor(**options: Any) -> Visitor:
    """Somebody who comes to the shop for the first time."""
    given = {"collector_url": COLLECTOR, "write_key": "wk", "secret": b"k" * 32, **options}
    return Visitor(create_app(given.pop("catalogue", CATALOGUE), **given))


def calls(answer: Answer) -> list[list[Any]]:
    """The calls that a page makes to the tracker."""
    return json.loads(unescape(answer.text.split('data-calls="', 1)[1].split('"', 1)[0]))


def tracked(answer: Answer) -> dict[str, Any]:
    """Track events of a page: name to properties."""
    return {call[1]: call[2] for call in calls(answer) if call[0] == "track"}
