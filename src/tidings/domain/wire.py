"""From the wire to an event: one record of the log becomes an `Event`, or a `Rejected` with the reason.

A pure function of the record, used at the door (to answer the client) and by the keyed core (to apply), so that both
always agree. Names on the wire are Segment's (https://segment.com/docs/connections/spec/, camelCase); here they
become ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from tidings.clock import SECOND_US
from tidings.domain.event import KINDS, Event, Rejected
from tidings.domain.record import BACKFILL, REFUSED, LogRecord

MAX_EVENT_BYTES = 32 * 1024
"""Segment's limit for one event."""
MAX_DEPTH = 32
"""Deepest nesting of objects and lists in one event."""
MAX_ID_CHARS = 200
"""Longest event id, user id, anonymous id or previous id."""
MAX_NAME_CHARS = 200
"""Longest event name."""
INTERNAL_SOURCE = "tidings"
"""Source of our own feedback events; only it may name a profile."""

_EARLIEST_US = 315_532_800 * SECOND_US  # 1980-01-01: anything before it is a broken clock
_NOT_BRACKETS = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[^{}\[\]"]++', re.DOTALL)
_CURLY = bytes.maketrans(b"[]", b"{}")
_LARGEST = 2**63
_NO_ACCOUNT = frozenset({"0", "-1"})  # what a shop calls nobody's account; as a device's id they may be meant
_NOBODY = frozenset({"", "null", "none", "nil", "undefined", "nan", "n/a", "na", "anonymous", "guest", "unknown"})
_LONGEST_NOBODY = max(map(len, _NOBODY))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = {kind: kind.capitalize() for kind in KINDS}


NO_CONTEXT = msgspec.Raw(b"{}")


class _Wire(msgspec.Struct, gc=False):
    """The fields we use of a call's JSON; the rest is ignored."""

    type: str = ""
    event: str | None = None
    name: str | None = None
    category: str | None = None
    groupId: str | int | None = None
    messageId: str | None = None
    userId: str | int | None = None
    anonymousId: str | int | None = None
    previousId: str | int | None = None
    timestamp: str | int | float | None = None
    originalTimestamp: str | int | float | None = None
    sentAt: str | int | float | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: msgspec.Raw = NO_CONTEXT


_DECODER = msgspec.json.Decoder(_Wire)
_CONTEXT = msgspec.json.Decoder(dict[str, Any] | None)


def instant_us(value: str | float | None) -> int:
    """A wire time (ISO 8601 text, or epoch milliseconds) in microseconds; 0 for none. Raises ValueError."""
    if value is None or value == "":
        return 0
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        delta = moment - _EPOCH
        return (delta.days * 86_400 + delta.seconds) * SECOND_US + delta.microseconds
    return int(value * 1000)


def identifier(value: str | int | None) -> str:
    """An id as text; empty for none, and for what careless code sends for nobody (``null``, ``undefined`` …).

    Taken at its word, such a value would join all who have it into one person.
    """
    if value is None:
        return ""
    text = (value if type(value) is str else str(value)).strip()
    return "" if len(text) <= _LONGEST_NOBODY and text.lower() in _NOBODY else text


def account(value: str | int | None) -> str:
    """A user id as text; empty also for the numbers that shops give to nobody's account (``0``, ``-1``)."""
    text = identifier(value)
    return "" if text in _NO_ACCOUNT else text


def too_large(value: Any) -> bool:
    """Whether a whole number that does not fit 64 bits is anywhere in decoded JSON."""
    kind = type(value)
    if kind is int:
        return not -_LARGEST <= value < _LARGEST
    if kind is dict:
        return _any_too_large(value.values())
    return kind is list and _any_too_large(value)


def _any_too_large(values: Iterable[Any]) -> bool:
    # Texts and floats, which nearly all are, cost one look each; to search the bytes for long numbers cost four times more.
    for value in values:
        kind = type(value)
        if (kind is int or kind is dict or kind is list) and too_large(value):
            return True
    return False


def depth(body: bytes) -> int:
    """How deeply objects and lists are nested in valid JSON, strings left aside; beyond `MAX_DEPTH` only that it is."""
    # Only brackets stay, as one kind; then each pass takes the innermost level away. Anyone may send such bodies to
    # the door, so this must not walk them byte by byte in Python.
    brackets = _NOT_BRACKETS.sub(b"", body).translate(_CURLY)
    levels = 0
    while b"{}" in brackets and levels <= MAX_DEPTH:
        brackets = brackets.replace(b"{}", b"")
        levels += 1
    return levels + brackets.count(b"{")


def normalise(record: LogRecord, offset: int, taken_us: int, *, context: bool = True) -> Event | Rejected:
    """The event that `record` at `offset` holds, taken by the log at `taken_us`; never raises for bad input.

    Without `context` an event's context is read only where it matters to the core, which saves a third of the time
    and never changes the verdict.
    """
    if record.flags & REFUSED:
        word, _, sentence = record.reason.partition(": ")
        return Rejected(reason=word, detail=sentence)
    body = record.body
    if len(body) > MAX_EVENT_BYTES:
        return Rejected(reason="too_large", detail=f"event: got {len(body)} bytes, wanted at most {MAX_EVENT_BYTES}")
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and depth(body) > MAX_DEPTH:
        return Rejected(reason="too_deep", detail=f"event: nested deeper than {MAX_DEPTH} levels; send it flatter")
    try:
        wire = _DECODER.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return Rejected(reason="bad_json", detail=f"event: {error}; wanted one JSON object as in Segment's spec")
    if (
        (wire.properties and _any_too_large(wire.properties.values()))
        or (wire.traits and _any_too_large(wire.traits.values()))
        or (wire.groupId and too_large(wire.groupId))
    ):
        detail = "event: a whole number does not fit 64 bits; send it as text, or as a float"
        return Rejected(reason="number_out_of_range", detail=detail)
    try:
        occurred_us = instant_us(wire.timestamp) or (
            instant_us(wire.originalTimestamp) if wire.originalTimestamp else 0
        )
        sent_us = (instant_us(wire.sentAt) if wire.sentAt else 0) or record.sent_us
    except (ValueError, OverflowError) as error:
        return Rejected(
            reason="bad_timestamp", detail=f"timestamp: {error}; wanted ISO 8601 such as 2026-01-31T12:00:00Z"
        )
    # The client's clock may be off; sentAt tells by how much (Segment: timestamp = receivedAt - (sentAt - timestamp)).
    if occurred_us and sent_us:
        occurred_us += taken_us - sent_us
    needed = context or record.source == INTERNAL_SOURCE or (record.kind or wire.type) == "identify"
    around = _around(wire.context) if needed else {}
    return _event(record, wire, around, offset, taken_us, occurred_us or taken_us)


def _around(context: msgspec.Raw) -> dict[str, Any]:
    """The context; empty when it cannot be read. It alone rejects no event: reading it or not gives one verdict."""
    try:
        found = _CONTEXT.decode(context) or {}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {}
    return {} if too_large(found) else found


def _event(
    record: LogRecord, wire: _Wire, context: dict[str, Any], offset: int, taken_us: int, occurred_us: int
) -> Event | Rejected:
    kind = record.kind or wire.type
    name = wire.event if kind == "track" else _NAMES.get(kind)
    user_id = account(wire.userId) if wire.userId is not None else ""
    anonymous_id = identifier(wire.anonymousId) if wire.anonymousId is not None else ""
    profile_id = context.get("profile_id", "") if record.source == INTERNAL_SOURCE else ""
    event_id = wire.messageId or f"offset-{offset}"
    if not name:
        if kind not in _NAMES:
            return Rejected(reason="unknown_type", detail=f"type: got {kind!r}, wanted one of {', '.join(KINDS)}")
        return Rejected(reason="missing_event_name", detail="event: a track call needs a non-empty event name")
    if len(name) > MAX_NAME_CHARS:
        return Rejected(reason="name_too_long", detail=f"event: got {len(name)} characters, wanted {MAX_NAME_CHARS}")
    if not (user_id or anonymous_id or profile_id):
        return Rejected(reason="missing_identifier", detail="wanted userId or anonymousId; send at least one of them")
    previous_id = identifier(wire.previousId) if wire.previousId is not None else ""
    longest = MAX_ID_CHARS
    if len(user_id) > longest or len(anonymous_id) > longest or len(event_id) > longest or len(previous_id) > longest:
        detail = f"userId, anonymousId, previousId, messageId: wanted at most {MAX_ID_CHARS} characters"
        return Rejected(reason="id_too_long", detail=detail)
    if occurred_us < _EARLIEST_US:
        return Rejected(reason="bad_timestamp", detail="timestamp: before 1980; the sender's clock is broken")
    traits = wire.traits or {}
    if kind == "identify" and isinstance(context.get("traits"), dict):
        traits = {**context["traits"], **traits}  # RudderStack's server SDKs put them there
    return Event(
        event_id=event_id,
        kind=kind,
        name=name,
        occurred_us=occurred_us if occurred_us < taken_us else taken_us,
        received_us=taken_us,
        offset=offset,
        source=record.source,
        user_id=user_id,
        anonymous_id=anonymous_id,
        previous_id=previous_id,
        profile_id=profile_id,
        backfill=bool(record.flags & BACKFILL),
        properties=(wire.properties or {}) if kind == "track" else _properties(kind, wire),
        traits=traits,
        context=context,
    )


def _properties(kind: str, wire: _Wire) -> dict[str, Any]:
    """The event's properties; what page, screen and group calls say beside them goes in, as Segment's libraries do."""
    properties = wire.properties or {}
    if kind in ("page", "screen"):
        beside: dict[str, Any] = {"name": wire.name, "category": wire.category}
    elif kind == "group":
        beside = {"group_id": wire.groupId}
    else:
        return properties
    return {**{name: value for name, value in beside.items() if value is not None}, **properties}
