"""Envelope senders that name the message they belong to (VERP), so that its bounce can be told whatever is left of it.

    b+{token}@bounce.shop.example

A bounce goes to the envelope sender, and much that writes bounces keeps nothing else of the message. The token is that of
tracked addresses (see `feedback.tokens`), spelled in base32 because local parts may be lower-cased on their way: 31 bytes
are 50 characters, with the prefix 52 of the 64 that a local part may have. The plus lets one mailbox ``b`` take them all.
"""

from __future__ import annotations

from base64 import b32decode, b32encode, urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

PREFIX = "b+"
"""What every such local part begins with."""
MAX_LOCAL_CHARS = 64
"""Longest local part (RFC 5321)."""


def address_of(token: str, domain: str) -> str:
    """The envelope sender for a token as `TokenMaker.make` gives it."""
    raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    return f"{PREFIX}{b32encode(raw).decode('ascii').rstrip('=').lower()}@{domain}"


def token_of(address: str) -> str | None:
    """The token in an envelope sender, whatever its case and domain; None when it is not one of these. It may be forged."""
    local = address.strip().strip("<>").rpartition("@")[0] or address
    if not local.isascii() or len(local) > MAX_LOCAL_CHARS or local[:2].lower() != PREFIX:
        return None
    spelled = local[2:].upper()
    try:
        raw = b32decode(spelled + "=" * (-len(spelled) % 8))
    except Error:
        return None
    if b32encode(raw).decode("ascii").rstrip("=") != spelled:
        return None  # only the one canonical spelling
    return urlsafe_b64encode(raw).decode("ascii").rstrip("=")
