"""What the shop's pages tell Tidings: Segment's e-commerce events, as calls that the page's script makes.

A call is ``[method, argument, …]`` for the tracker. Between two pages a call waits in the cookie in a short form
(``["added", item_id, quantity]``), because a cookie is small; `expand` makes the calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.demo.shop.catalogue import Catalogue, Item
from tidings.demo.shop.session import Session

Call = list[Any]
"""``["track", "Product Viewed", {…}]``, ``["identify", user_id, {…}]``, ``["consent", purpose, granted, wording]``."""

CURRENCY = "GBP"
"""All prices are in pounds sterling."""
PURPOSE = "marketing"
"""The consent purpose that the sign-in box asks for."""
WORDING = "Send me news, offers and a reminder when I leave something in my basket. I can stop this at any time."
"""What stands beside the box: kept as evidence of the consent."""


def user_id(email: str) -> str:
    """The shop's own id of a person, from the e-mail address."""
    return f"demo-{email.strip().lower()}"


def money(value: float) -> float:
    """Pounds with two digits."""
    return round(value + 1e-9, 2)


def product(item: Item, base_url: str, quantity: int) -> dict[str, Any]:
    """Properties of a product event."""
    return {
        "product_id": item.item_id,
        "name": item.title,
        "price": item.price,
        "quantity": quantity,
        "currency": CURRENCY,
        "category": item.category,
        "url": f"{base_url}/product/{item.item_id}",
        "image_url": f"{base_url}/image/{item.item_id}.svg",
    }


def lines(cart: Mapping[str, int], catalogue: Catalogue) -> list[tuple[Item, int]]:
    """The cart's items with quantities; items that the catalogue no longer has are left out."""
    found = ((catalogue.get(item_id), quantity) for item_id, quantity in cart.items())
    return [(item, quantity) for item, quantity in found if item is not None]


def total(cart: Mapping[str, int], catalogue: Catalogue) -> float:
    """What the cart costs."""
    return money(sum(item.price * quantity for item, quantity in lines(cart, catalogue)))


def basket(cart: Mapping[str, int], catalogue: Catalogue, base_url: str) -> dict[str, Any]:
    """Properties of a cart or order event."""
    products = [product(item, base_url, quantity) for item, quantity in lines(cart, catalogue)]
    return {"products": products, "value": total(cart, catalogue), "currency": CURRENCY}


def order(order_id: str, cart: Mapping[str, int], catalogue: Catalogue) -> dict[str, Any]:
    """Properties of ``Order Completed``."""
    products = [
        {"product_id": item.item_id, "name": item.title, "price": item.price, "quantity": quantity}
        for item, quantity in lines(cart, catalogue)
    ]
    return {"order_id": order_id, "revenue": total(cart, catalogue), "currency": CURRENCY, "products": products}


def expand(visit: Session, catalogue: Catalogue, base_url: str) -> list[Call]:
    """The calls that wait in a session; what no longer makes sense (an item that is gone) is left out."""
    calls = (_expand_one(short, visit, catalogue, base_url) for short in visit.pending)
    return [call for call in calls if call is not None]


def _expand_one(short: list[Any], visit: Session, catalogue: Catalogue, base_url: str) -> Call | None:
    match short:
        case ["added", str(item_id), int(quantity)] if item := catalogue.get(item_id):
            return ["track", "Product Added", product(item, base_url, quantity)]
        case ["removed", str(item_id), int(quantity)] if item := catalogue.get(item_id):
            return ["track", "Product Removed", product(item, base_url, quantity)]
        case ["ordered"]:
            return ["track", "Order Completed", order(visit.order_id, visit.order, catalogue)]
        case ["identify"] if who := visit.person:
            return ["identify", user_id(who.email), {"first_name": who.first_name, "email": who.email}]
        case ["signed_in", str(how)]:
            return ["track", "Signed In", {"method": how}]
        case ["consent"]:
            return ["consent", PURPOSE, True, WORDING]
        case ["reset"]:
            return ["reset"]
    return None
