"""A message: one intended communication to one profile, as the keyed core decides on it.

The core emits an intent; the send ledger records it under its id; the deliver role renders it and hands it over.
Everything that rendering needs is in `values`, and everything that explains it is in `why`, so that the same intent
gives the same bytes again (law 8).
"""

from __future__ import annotations

from typing import Any

import msgspec


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
    """``events`` (id, name, offset, occurred_us), ``steps`` (the run's path), ``consent``, ``cap``, ``draws``; ``left_out``: names of given
    traits that were too large to carry along."""


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
