"""The shop's session: cart, person and news for the next page, kept in one signed cookie.

The server keeps nothing, so nothing grows with visitors. The cookie is JSON, base64 and an HMAC; a cookie that does not
verify is an empty session.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Any

import msgspec

COOKIE = "shop"
"""Name of the cookie."""
MAX_LINES = 30
"""Different products in one cart."""
MAX_QUANTITY = 99
"""Pieces of one product in one cart."""
MAX_PENDING = 12
"""Calls waiting for the next page."""
MAX_COOKIE_CHARS = 3_900
"""Browsers drop cookies above 4 KB."""
MAX_TEXT_CHARS = 120
"""Longest name, e-mail address or order id."""


class Person(msgspec.Struct, frozen=True):
    """Who signed in. There is no password: it is a demo."""

    first_name: str
    email: str


class Session(msgspec.Struct):
    """One visitor's state."""

    cart: dict[str, int] = {}
    """Item id to quantity, oldest first."""
    person: Person | None = None
    """Set by sign-in."""
    pending: list[list[Any]] = []
    """Short forms of the calls that the next page makes; see events.py."""
    order: dict[str, int] = {}
    """Lines of the order just placed, for the thank-you page."""
    order_id: str = ""
    """Its id."""

    @property
    def count(self) -> int:
        """Pieces in the cart."""
        return sum(self.cart.values())

    def add(self, item_id: str, quantity: int) -> int:
        """Put pieces into the cart; how many fitted."""
        have = self.cart.get(item_id, 0)
        if not have and len(self.cart) >= MAX_LINES:
            return 0
        added = max(0, min(quantity, MAX_QUANTITY - have))
        if added:
            self.cart[item_id] = have + added
        return added

    def take(self, item_id: str, quantity: int) -> int:
        """Take pieces out of the cart; how many were there."""
        have = self.cart.get(item_id, 0)
        taken = min(have, quantity)
        if have > taken:
            self.cart[item_id] = have - taken
        else:
            self.cart.pop(item_id, None)
        return taken

    def tell(self, *call: object) -> None:
        """Leave a call for the next page; beyond the bound the oldest is forgotten."""
        self.pending = [*self.pending, list(call)][-MAX_PENDING:]


_DECODER = msgspec.json.Decoder(Session)


def write(session: Session, key: bytes) -> str:
    """The session as a cookie value."""
    body = base64.urlsafe_b64encode(msgspec.json.encode(session)).decode().rstrip("=")
    value = f"{body}.{_sign(body, key)}"
    if len(value) <= MAX_COOKIE_CHARS:
        return value
    # Only news can make it that long (cart, order and person are bounded far below); the cart must survive.
    return write(msgspec.structs.replace(session, pending=[]), key)


def read(value: str, key: bytes) -> Session:
    """The session in a cookie value; an empty one when it is missing, foreign or damaged."""
    body, _, mac = value.partition(".")
    if len(value) > MAX_COOKIE_CHARS or not hmac.compare_digest(mac.encode(), _sign(body, key).encode()):
        return Session()
    try:
        return _DECODER.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    except (msgspec.DecodeError, binascii.Error):
        return Session()  # signed by an older version of the shop


def _sign(body: str, key: bytes) -> str:
    return hmac.new(key, body.encode(), "sha256").hexdigest()[:32]
