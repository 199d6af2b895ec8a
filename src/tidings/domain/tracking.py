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

ID_FIELD = "tidings_message_id"
"""What our message id is called in the metadata, tags or arguments that a mail service keeps with a message and tells again."""
ID_HEADER = "X-Tidings-Message"
"""The same as a header, for services that tell headers."""


class TokenMaker(Protocol):
    """Makes the opaque part of such an address (`feedback.tokens.Tokens`)."""

    def make(self, kind: str, message_id: str, index: int = 0) -> str:
        """A token that names the message, the kind and the link, and cannot be forged."""
        ...
