"""The shop's catalogue, derived from its sales: what products there are, what they are called and cost, what sells.

For shops (and the demonstration) that have order lines but no product feed. What counts as a sale is what the map says:
its ``Product Purchased`` events.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from statistics import median_low

import msgspec

from tidings.sources.mapping import RowMap, load_map, map_rows
from tidings.sources.row import Mapped, MappedEvent
from tidings.sources.words import title

RETAIL_MAP = Path(__file__).parents[1] / "workspaces/retail/sources/online_retail.yml"
"""The map of the shipped data."""
MAX_ITEMS = 10_000
"""Most items a catalogue may be asked for."""
MAX_PRODUCTS = 200_000
"""Most different products looked at; the ones first seen later are left out."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One product."""

    item_id: str
    """The shop's product id."""
    name: str
    """Its latest name, in title case."""
    price: float
    """The median price of its sales, in the currency of the file."""
    orders: int
    """In how many different orders it was bought."""


class Catalogue(msgspec.Struct, frozen=True):
    """The products of a shop."""

    items: list[Item]
    """Those in most orders first; ties by item id."""


class _Properties(msgspec.Struct):
    """What we use of a purchase."""

    product_id: str
    order_id: str
    price: float
    name: str = ""


class _Purchase(msgspec.Struct):
    event: str = ""
    properties: _Properties | None = None


class _Sales(msgspec.Struct):
    """What is known of one product."""

    name: str
    named_us: int
    prices: Counter[float]
    orders: set[str]


def load_catalogue(path: Path, row_map: RowMap | None = None, limit: int = 1_000) -> Catalogue:
    """The `limit` most sold products in the file at `path`, read by `row_map` (the shipped retail map unless given).

    Raises InputError, CorruptData.
    """
    row_map = row_map or load_map(RETAIL_MAP)
    with row_map.open(path) as rows:
        return catalogue(map_rows(row_map, rows), limit)


def catalogue(mapped: Iterable[Mapped], limit: int = 1_000) -> Catalogue:
    """The `limit` most sold products among purchases; other events and refusals are passed over."""
    sales: dict[str, _Sales] = {}
    for occurred_us, bought in _purchases(mapped):
        known = sales.get(bought.product_id)
        if known is None:
            if len(sales) >= MAX_PRODUCTS:
                continue
            known = sales[bought.product_id] = _Sales("", 0, Counter(), set())
        known.prices[bought.price] += 1
        known.orders.add(bought.order_id)
        if bought.name and occurred_us >= known.named_us:
            known.name, known.named_us = bought.name, occurred_us
    items = [_item(item_id, known) for item_id, known in sales.items()]
    items.sort(key=lambda item: (-item.orders, item.item_id))
    return Catalogue(items[: min(limit, MAX_ITEMS)])


def _purchases(mapped: Iterable[Mapped]) -> Iterator[tuple[int, _Properties]]:
    decode = msgspec.json.Decoder(_Purchase).decode
    for row in mapped:
        if isinstance(row, MappedEvent):
            event = decode(row.body)
            if event.event == "Product Purchased" and event.properties is not None:
                yield row.occurred_us, event.properties


def _item(item_id: str, known: _Sales) -> Item:
    price = median_low(known.prices.elements())
    return Item(item_id=item_id, name=title(known.name) or item_id, price=price, orders=len(known.orders))
