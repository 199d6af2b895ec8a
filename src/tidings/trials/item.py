"""item: the shop says something of an item. ``{item: P1, available: true, price: 9.5, name: Mug}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.domain import item as items
from tidings.domain import schema
from tidings.trials.base import Act, ActBase, When, World, name_of

SCHEMA = {"description": "The item, as `product_id` of events.", **schema.NAME}
BESIDE: dict[str, schema.Schema] = {
    "price": {"description": "What it costs now.", "type": "number"},
    "available": {"description": "Whether it is to be had now.", **schema.FLAG},
    **{name: {"type": "string"} for name in items.SHOWN},
}


class Said(ActBase, frozen=True):
    """What is said of it."""

    body: Mapping[str, Any]

    def play(self, world: World) -> str:
        world.say(items.KIND, self.body)
        return ""


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:
    body = {"product_id": name_of(raw, f"{where}.item", "the item's id")}
    return Said(when, body={**body, **{name: beside[name] for name in BESIDE if name in beside}})
