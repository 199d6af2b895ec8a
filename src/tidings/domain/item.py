"""Items: what is known of each thing that a shop sells, and what of it changes.

A record of the log says something of one item; the core keeps its price and whether it is to be had, by item, and says what
changed (`on_item`). Like a given trait, the later word wins, so late records and second copies change nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.domain import wire
from tidings.domain.event import Rejected
from tidings.domain.record import REFUSED, LogRecord

KIND = "item"
"""Kind of a record about an item. It is given by the path, which wants a secret key."""
PRICE_DROP, BACK_IN_STOCK = "price_drop", "back_in_stock"
CHANGES = (PRICE_DROP, BACK_IN_STOCK)
"""What journeys may begin by."""
MAX_BYTES = 8 * 1024
"""Largest record about an item."""
SHOWN = ("name", "url", "image_url", "category", "brand", "currency")
"""Properties that a message may show, beside the price; texts."""
MAX_TEXT_CHARS = 500
"""Longest of them that is carried along."""
_ENOUGH = 2**53


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What a record says of an item."""

    item_id: str
    """The ``product_id`` of events."""
    occurred_us: int
    """Since when it is so."""
    price: float | None
    """What it costs; None when the record does not say."""
    available: bool | None
    """Whether it is to be had; None when the record does not say."""
    shown: dict[str, str]
    """Its `SHOWN` properties."""


class ItemState(msgspec.Struct, array_like=True):
    """What is known of an item."""

    price: float | None = None
    price_us: int = 0
    """Since when."""
    available: bool | None = None
    available_us: int = 0


class ItemChange(msgspec.Struct, frozen=True, kw_only=True):
    """Something about an item that changed."""

    item_id: str
    change: str
    """One of `CHANGES`."""
    old_price: float | None
    new_price: float | None
    share: float
    """Of a price drop: by how much of the old price, from 0 to 1."""
    shown: dict[str, str]
    offset: int = -1
    """Where the record that says so is in the log."""

    @property
    def cause(self) -> str:
        """What facts say that it causes."""
        return f"item:{self.item_id}@{self.offset}"

    def values(self) -> dict[str, Any]:
        """The change as templates see it."""
        prices = {"old_price": self.old_price, "new_price": self.new_price, "price": self.new_price}
        known = {name: price for name, price in prices.items() if price is not None}
        return {"product_id": self.item_id, "change": self.change, **known, **self.shown}


class _Wire(msgspec.Struct):
    product_id: str | int = ""
    timestamp: str | int | float | None = None
    price: float | None = None
    available: bool | None = None
    stock: float | None = None
    name: str = ""
    url: str = ""
    image_url: str = ""
    category: str = ""
    brand: str = ""
    currency: str = ""


_DECODER = msgspec.json.Decoder(_Wire)
_ENCODE, _DECODE = msgspec.msgpack.encode, msgspec.msgpack.Decoder(ItemState).decode


def is_item(record: LogRecord) -> bool:
    """Whether the record is about an item."""
    return record.kind == KIND


def normalise(record: LogRecord, taken_us: int) -> Item | Rejected:
    """What a record says that the log took at `taken_us`; never raises for bad input."""
    if record.flags & REFUSED:
        word, _, sentence = record.reason.partition(": ")
        return Rejected(reason=word, detail=sentence)
    if len(record.body) > MAX_BYTES:
        return Rejected(reason="too_large", detail=f"item: got {len(record.body)} bytes, wanted at most {MAX_BYTES}")
    try:
        said = _DECODER.decode(record.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return Rejected(reason="bad_json", detail=f'item: {error}; wanted {{"product_id": "…", "price": 9.5}}')
    item_id = wire.identifier(said.product_id)
    if not item_id or len(item_id) > wire.MAX_ID_CHARS:
        detail = f"product_id: got {str(said.product_id)[:50]!r}, wanted 1 to {wire.MAX_ID_CHARS} characters"
        return Rejected(reason="missing_product_id", detail=detail)
    try:
        occurred_us = wire.instant_us(said.timestamp) or taken_us
    except (ValueError, OverflowError) as error:
        return Rejected(reason="bad_timestamp", detail=f"timestamp: {error}; wanted ISO 8601")
    if said.price is not None and not 0 <= said.price < _ENOUGH:
        return Rejected(reason="bad_price", detail=f"price: got {said.price}, wanted 0 or more")
    available = said.available if said.available is not None or said.stock is None else said.stock > 0
    shown = {name: text[:MAX_TEXT_CHARS] for name in SHOWN if (text := getattr(said, name))}
    return Item(
        item_id=item_id, occurred_us=min(occurred_us, taken_us), price=said.price, available=available, shown=shown
    )


def on_item(state: ItemState, item: Item) -> list[ItemChange]:
    """Take what is said, if it is later than what is known; what changed by it. May change `state`."""
    changes = []
    old_price = state.price
    if item.price is not None and item.occurred_us >= state.price_us:
        state.price, state.price_us = item.price, item.occurred_us
        if old_price is not None and item.price < old_price:
            changes.append(_change(item, PRICE_DROP, old_price, item.price))
    if item.available is not None and item.occurred_us >= state.available_us:
        if item.available and state.available is False:
            changes.append(_change(item, BACK_IN_STOCK, old_price, state.price))
        state.available, state.available_us = item.available, item.occurred_us
    return changes


def _change(item: Item, change: str, old_price: float | None, new_price: float | None) -> ItemChange:
    share = 0.0
    if change == PRICE_DROP and old_price and new_price is not None:
        share = (old_price - new_price) / old_price
    return ItemChange(
        item_id=item.item_id,
        change=change,
        old_price=old_price,
        new_price=new_price,
        share=share,
        shown=item.shown,
    )


def encode(state: ItemState) -> bytes:
    """The state as it is stored."""
    return _ENCODE(state)


def decode(data: bytes | None) -> ItemState:
    """The inverse; of nothing, an item of which nothing is known."""
    return _DECODE(data) if data is not None else ItemState()
