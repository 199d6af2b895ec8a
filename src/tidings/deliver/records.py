"""What the send ledger gives: one record a kind."""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.domain.message import SendIntent
from tidings.recommend.base import Recommendation


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """What a message was rendered from and to, written with its attempt, so that it can be rendered again."""

    template_version: str
    """Version of the template; its source is kept under it."""
    sender_version: str
    """Version of sender identity and addresses; kept under it."""
    subject: str
    """As rendered."""
    items: list[Recommendation]
    """What the slots were filled with."""
    links: list[str]
    """Destination of each tracked link, by index."""
    digest: str
    """Of the bytes handed over."""


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """A message whose turn it is."""

    intent: SendIntent
    """The decision."""
    attempts: int
    """Hand-overs tried so far."""
    template_version: str
    """Frozen at the first hand-over; empty before."""
    sender_version: str
    """Frozen at the first hand-over; empty before."""
    items: list[Recommendation]
    """Frozen at the first hand-over; empty before."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """One message as the ledger has it (without intent, items and links). Times in microseconds."""

    message_id: str
    profile_id: str
    address: str
    journey: str
    journey_version: str
    run_id: str
    step: str
    template: str
    template_version: str
    """Empty before the first hand-over."""
    category: str
    mode: str
    state: str
    """A `DeliveryState`."""
    reason: str
    """Why it was suppressed or refused, or is in doubt; else empty."""
    occurred_us: int
    decided_us: int
    queued_us: int
    next_us: int
    """Earliest instant of the next attempt, when queued."""
    attempts: int
    finished_us: int | None
    """When it reached its end; None before."""
    reply: str
    """The server's last answer."""
    subject: str
    """As rendered; empty before the first hand-over."""
    reported: int
    """1 when its delivery event is in the log."""
    sender_version: str
    digest: str


class Begin(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Asks for permission to hand a message over."""

    message_id: str
    now_us: int
    """The instant of asking."""
    frozen: Frozen
    """What it was rendered from and to."""
    quiet_until_us: int = 0
    """The end of the quiet hours that `now_us` lies in; 0 outside of them."""


class End(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The end of an attempt, or of a try that never got as far as one."""

    message_id: str
    state: str
    """accepted, refused or in_doubt; or queued, with `next_us`."""
    now_us: int
    reply: str = ""
    """The server's answer."""
    reason: str = ""
    """Why, when it was not accepted."""
    next_us: int = 0
    """Earliest instant of the next try, when queued again."""


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """One try to hand a message over. Times in microseconds."""

    n: int
    started_us: int
    ended_us: int | None
    """None while the answer is awaited."""
    reply: str | None
    """The server's answer, or what went wrong."""


class Suppression(msgspec.Struct, frozen=True, gc=False):
    """A standing never-send entry."""

    address: str
    category: str
    """A message category, or ``*`` for everything."""
    reason: str
    profile_id: str
    known_us: int


class Report(msgspec.Struct, frozen=True, gc=False):
    """A finished message whose delivery event is not in the log yet."""

    message_id: str
    profile_id: str
    journey: str
    template: str
    category: str
    state: str
    reason: str
    reply: str
    finished_us: int
    address: str = ""
    """Where it was to go."""


class Recovered(msgspec.Struct, frozen=True):
    """What `Ledger.recover` found after a crash."""

    in_doubt: int
    """At-most-once messages that were in flight: now in doubt."""
    queued: int
    """At-least-once messages that were in flight: they will be handed over again."""


def as_row(values: Any) -> Row:
    """A `Row` from a tuple in column order."""
    return Row(*values)
