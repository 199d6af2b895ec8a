"""A call that begins a run: what a shop's own system asks for by the API, as an event in the log.

It comes only from our own source, which no public key may have, and it names its journey where public events say nothing that
is believed.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.domain import feedback, wire
from tidings.domain.event import Event
from tidings.domain.record import LogRecord
from tidings.ids import digest

JOURNEY = "journey"
"""Where its context names the journey."""


class Call(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of a call; names as on the wire."""

    userId: str | int | None = None
    """The shop's own id of the person."""
    anonymousId: str | int | None = None
    """The id of her device."""
    properties: dict[str, Any] = {}
    """What the run keeps of it; templates have it as `event`."""
    messageId: str = ""
    """The caller's own id of this call: a second one with it is a duplicate, within the dedup window. Empty for none."""


def record(journey: str, call: Call) -> LogRecord:
    """The record of a call. Two calls of one journey with the same `messageId` are one."""
    body: dict[str, Any] = {
        "type": "track",
        "event": feedback.JOURNEY_CALLED,
        "properties": call.properties,
        "context": {JOURNEY: journey},
    }
    named = {"userId": call.userId, "anonymousId": call.anonymousId}
    body |= {name: value for name, value in named.items() if value is not None}
    if call.messageId:
        body["messageId"] = f"call-{digest('call', journey, call.messageId, size=16).hex()}"
    return LogRecord(wire.INTERNAL_SOURCE, "", 0, msgspec.json.encode(body))


def calls(event: Event, journey: str) -> bool:
    """Whether an event of this name is a call of the journey, and not what somebody with a public key says is one."""
    return event.source == wire.INTERNAL_SOURCE and event.context.get(JOURNEY) == journey
