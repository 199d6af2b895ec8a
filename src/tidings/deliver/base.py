"""The transport port: how a finished message is handed to the next server, and what can come of it.

An adapter is one file beside this one and passes tests/conformance/test_transport.py. It decides nothing: whether the
message may go is asked at the last moment (`permit`), and what a failure means for it is the outbox's business.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import Enum
from typing import Protocol

import msgspec

Permit = Callable[[], bool | Awaitable[bool]]
"""Asked once, when the next server is ready for the data and before any of it leaves. True: it is on record that we
try now. False: it may no longer go. An answer to be awaited, which spares a commit for each message, is given only to a
transport whose capabilities say that it awaits it."""


async def allowed(permit: Permit) -> bool:
    """The answer of `permit`, which is asked here, once."""
    answer = permit()
    return await answer if isinstance(answer, Awaitable) else answer


class Handover(msgspec.Struct, frozen=True, kw_only=True):
    """What is handed over."""

    message_id: str
    """Our id; also the idempotency key for services that take one."""
    sender: str
    """Envelope sender."""
    recipient: str
    """Envelope recipient."""
    data: bytes
    """The message with CRLF line ends."""
    category: str = ""
    """Its message category: routes and services' streams go by it."""


class Result(Enum):
    """What came of a hand-over."""

    ACCEPTED = "accepted"
    """The next server took responsibility."""
    REFUSED = "refused"
    """It said no for good (5xx)."""
    LATER = "later"
    """It said later (4xx), or the connection broke before any data left: it does not have the message."""
    LOST = "lost"
    """The data left, the answer did not come: it may or may not have the message."""
    UNREACHABLE = "unreachable"
    """No conversation at all: nothing is known about this message, and others would fare the same."""
    WITHHELD = "withheld"
    """`permit` said no; nothing left."""


class Outcome(msgspec.Struct, frozen=True):
    """A result and the next server's words."""

    result: Result
    reply: str = ""
    """Its answer (``250 2.0.0 stored``), or what went wrong; one line."""
    code: int = 0
    """Its reply code, such as 550; 0 when it gave none."""
    enhanced: str = ""
    """Its enhanced status code (RFC 3463), such as ``5.1.1``; empty when it gave none."""


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What an adapter says it can do."""

    name: str
    """Its name in configuration and docs."""
    connections: int
    """Hand-overs at the same time."""
    idempotent: bool
    """The other side drops a second copy of the same message id, so that a lost answer can be asked for again."""
    idempotent_s: int = 0
    """For so many seconds after the first copy; 0 when it does not."""
    awaits_permit: bool = False
    """It takes an answer of `Permit` that is to be awaited."""


class Transport(Protocol):
    """Hands messages over."""

    @property
    def capabilities(self) -> Capabilities:
        """What it can do."""
        ...

    async def hand_over(self, mail: Handover, permit: Permit) -> Outcome:
        """Try once. Never raises for what the other side or the network does."""
        ...

    async def close(self) -> None:
        """End connections politely."""
        ...
