"""A message: one intended communication to one profile, as the keyed core decides on it.

The core emits an intent; the send ledger records it under its id; the deliver role renders it and hands it over.
Everything that rendering needs is in `values`, and everything that explains it is in `why`, so that the same intent
gives the same bytes again (law 8).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec


class QuietTime(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A stretch of quiet hours on a local clock."""

    from_s: int
    """Seconds after midnight at which it begins."""
    to_s: int
    """At which it ends; beyond 86,400 when that is on the next day."""
    weekdays: tuple[int, ...]
    """Days on which it begins; 0 is Monday."""


class SendIntent(msgspec.Struct, frozen=True, kw_only=True):
    """The decision that one message shall go to one person, or the recorded refusal to send it."""

    message_id: str
    """32 hexadecimal digits; unique per decision, the same on every replay (`ids.message_id`)."""
    profile_id: str
    """Whom it is for."""
    address: str
    """The e-mail address at the instant of the decision; empty only when suppressed for want of one."""
    journey: str
    """Name of the journey that decided."""
    journey_version: str
    """Version (content hash) of that journey's definition."""
    run_id: str
    """The run that decided."""
    step: str
    """Id of the send step."""
    template: str
    """Name of the template."""
    category: str
    """Message category: ``marketing``, ``transactional``, …; caps and consent go by it."""
    mode: str
    """``at_most_once`` or ``at_least_once``: what a crash between hand-over and answer may do."""
    occurred_us: int
    """The instant the decision belongs to (scheduled time of the timer, or the event's time)."""
    decided_us: int
    """When we knew: the basis of the mail's Date header."""
    definitions: str = ""
    """Version of the definitions that decided; its templates make the mail. Empty when there are no versions."""
    suppressed: str = ""
    """Empty to send; else the reason why not, e.g. ``no_consent``, ``frequency_cap``, ``no_address``."""
    values: dict[str, Any] = {}
    """What the template may use: ``person`` (traits, given and computed), ``cart`` (list of items), ``event``
    (properties of the entering event), ``journey``."""
    seeds: list[str] = []
    """Item ids that recommendations start from (the cart)."""
    exclude: list[str] = []
    """Item ids never to recommend (just bought, in the cart)."""
    why: dict[str, Any] = {}
    """``events`` (id, name, offset, occurred_us), ``steps`` (the run's path), ``consent``, ``quiet``, ``caps``, ``arbitration``, ``draws``;
    ``left_out``: names of given traits that were too large to carry along."""
    quiet: tuple[QuietTime, ...] = ()
    """Quiet hours in which it may not be handed over either."""
    zone: str = ""
    """The zone that they go by; empty without any."""
    bulk: bool = False
    """Whether it is one of a broadcast: all others leave the outbox first, and it can be held there."""


class SuppressIntent(msgspec.Struct, frozen=True, kw_only=True):
    """From now on nothing of `category` may go to `address` (``*`` = nothing at all); or the lifting of that."""

    intent_id: str
    """Unique; the same on every replay."""
    profile_id: str
    """Whose request it was."""
    address: str
    """Lower-cased e-mail address."""
    category: str
    """Message category, or ``*``."""
    reason: str
    """``unsubscribed``, ``bounced``, ``complained``, ``consent_withdrawn``, …"""
    active: bool
    """False lifts the entry (the person opted in again)."""
    known_us: int
    """When the log took the event that asks for it."""


class EventIntent(msgspec.Struct, frozen=True, kw_only=True):
    """An event that a journey wants in the log. What a run changes about a person comes back as an event like any other."""

    event_id: str
    """Unique; the same on every replay, so that the log takes it once."""
    profile_id: str
    """Whom it is about."""
    kind: str
    """``track`` or ``identify``."""
    name: str
    """Event name; empty for identify."""
    properties: dict[str, Any]
    """Properties of a track, traits of an identify."""
    journey: str
    """Name of the journey that asks."""
    run_id: str
    """The run that asks."""
    step: str
    """Id of the step that asks."""
    occurred_us: int
    """The instant it belongs to: the event says that it occurred then."""
    known_us: int
    """When we knew."""
    depth: int = 0
    """How many runs, each begun right away by what the one before did, led to it."""


class CallIntent(msgspec.Struct, frozen=True, kw_only=True):
    """The decision to call a webhook once. Its answer comes back as an event."""

    call_id: str
    """Unique; the same on every replay. The receiver may know copies by it."""
    profile_id: str
    """Whom it is about."""
    webhook: str
    """Name of the webhook in webhooks.yml."""
    journey: str
    """Name of the journey that asks."""
    journey_version: str
    """Version (content hash) of that journey's definition."""
    run_id: str
    """The run that asks."""
    step: str
    """Id of the step that asks."""
    values: dict[str, Any]
    """What is sent."""
    occurred_us: int
    """The instant the decision belongs to."""
    known_us: int
    """When we knew."""
    until_us: int
    """When the run goes on without an answer; no try begins later. 0 when it does not wait for one."""
    depth: int = 0
    """As `EventIntent.depth`."""


class HoldIntent(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of a broadcast that wait in the outbox shall stay there for now, or go, or never go."""

    OPEN: ClassVar[str] = "open"
    """They go."""
    HELD: ClassVar[str] = "held"
    """They stay, and those that come."""
    CANCELLED: ClassVar[str] = "cancelled"
    """Those decided on up to `known_us` never go."""

    journey: str
    """Name of the broadcast."""
    state: str
    """One of these."""
    number: int
    """Of the record to everybody that asks for it; the latest one holds."""
    known_us: int
    """From when on."""


Intent = SendIntent | SuppressIntent | EventIntent | CallIntent | HoldIntent


class Intents(msgspec.Struct, array_like=True):
    """Intents of one micro-batch by kind, each in the order in which they were decided."""

    sends: list[SendIntent] = []
    suppressions: list[SuppressIntent] = []
    events: list[EventIntent] = []
    calls: list[CallIntent] = []
    holds: list[HoldIntent] = []

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.sends or self.suppressions or self.events or self.calls or self.holds)


def by_kind(intents: Sequence[Intent]) -> Intents:
    """The same, by kind."""
    found = Intents([], [], [], [], [])
    kinds: dict[type, list[Any]] = {
        SendIntent: found.sends,
        SuppressIntent: found.suppressions,
        EventIntent: found.events,
        CallIntent: found.calls,
        HoldIntent: found.holds,
    }
    for intent in intents:
        kinds[type(intent)].append(intent)
    return found


class DeliveryState:
    """States of one message in the send ledger. Law 6: every decision ends in one of the first four."""

    ACCEPTED = "accepted"
    """The next server took responsibility (250 after the final dot)."""
    REFUSED = "refused"
    """The next server said no for good (5xx), or every retry was used up."""
    SUPPRESSED = "suppressed"
    """Not sent, with the reason."""
    IN_DOUBT = "in_doubt"
    """Handed over, answer unknown (a crash or a broken connection in between)."""
    QUEUED = "queued"
    """Waiting for hand-over or for its retry time. Not an end."""
    ATTEMPTING = "attempting"
    """The attempt row is on disk, the answer is not. Not an end."""
