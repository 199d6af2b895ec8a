"""Which of our messages a returned mail is about, by the address it came back to. Nobody else can make such an address."""

from __future__ import annotations

from tidings.domain import verp
from tidings.domain.tracking import BOUNCE, TokenMaker
from tidings.feedback.tokens import Tokens


def make(tokens: TokenMaker, message_id: str, domain: str) -> str:
    """The envelope sender of a message (32 hexadecimal digits): ``b+…@domain``."""
    return verp.address_of(tokens.make(BOUNCE, message_id), domain)


def read(tokens: Tokens, address: str) -> str | None:
    """The id of the message that `address` was the envelope sender of; None when it is forged or something else.

    Any case and any domain are taken: whether mail for a domain is ours is the receiver's question.
    """
    spelled = verp.token_of(address)
    token = None if spelled is None else tokens.read(spelled)
    return token.message_id if token is not None and token.kind == BOUNCE else None
