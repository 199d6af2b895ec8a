"""What a tracked address in a message is for. Rendering makes them, the collector answers them."""

from __future__ import annotations

from typing import Protocol

OPEN = "o"
"""The open pixel."""
LINK = "l"
"""A tracked link; its index says which."""
UNSUBSCRIBE = "u"
"""The unsubscribe page and the one-click POST."""
BOUNCE = "b"
"""The envelope sender, which a bounce comes back to."""


class TokenMaker(Protocol):
    """Makes the opaque part of such an address (`feedback.tokens.Tokens`)."""

    def make(self, kind: str, message_id: str, index: int = 0) -> str:
        """A token that names the message, the kind and the link, and cannot be forged."""
        ...
