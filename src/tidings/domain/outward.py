"""What comes back into the log of what journeys wanted outside: the calls of our own events.

The event of an `EventIntent` carries its id, so the log takes it once however often it is handed over; of a webhook's
answers it takes the first.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.clock import iso
from tidings.domain import feedback, wire
from tidings.domain.event import Rejected
from tidings.domain.message import CallIntent, EventIntent
from tidings.domain.record import LogRecord

OK, FAILED = "ok", "failed"
MAX_BODY_BYTES = 4_000
"""Longest answer of a webhook that is kept, as JSON."""
MAX_ERROR_CHARS = 200
TOO_LARGE, NOT_JSON = "too_large", "not_json"
"""Why an answer was left out."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a call."""

    result: str
    """``ok`` or ``failed``."""
    status: int = 0
    """HTTP status of the last try; 0 when there was no answer."""
    body: Any = None
    """What it answered, decoded; None when there was nothing, or it was left out."""
    left_out: str = ""
    """`TOO_LARGE` or `NOT_JSON` when it answered something else than JSON of at most `MAX_BODY_BYTES`."""
    attempts: int = 1
    error: str = ""
    """A word, and perhaps a sentence, why it failed."""


class _Around(msgspec.Struct):
    context: dict[str, Any] = {}


_CONTEXT = msgspec.json.Decoder(_Around)


def call_of(intent: EventIntent) -> dict[str, Any]:
    """The event that a journey wanted, as a call on the wire."""
    own: dict[str, Any] = (
        {"traits": intent.properties}
        if intent.kind == "identify"
        else {"event": intent.name, "properties": intent.properties}
    )
    return {
        "type": intent.kind,
        "messageId": intent.event_id,
        "timestamp": iso(intent.occurred_us),
        "context": {"profile_id": intent.profile_id, "asked_by": _by(intent)},
        **own,
    }


def _by(intent: EventIntent | CallIntent) -> dict[str, Any]:
    return {"journey": intent.journey, "run_id": intent.run_id, "step": intent.step, "depth": intent.depth}


def answered(intent: CallIntent, answer: Answer, at_us: int) -> dict[str, Any]:
    """The event that a call was answered (or given up) at an instant, as a call on the wire. The log always takes it."""
    made = _answered(intent, answer, at_us)
    if isinstance(wire.normalise(record_of(made), 0, max(at_us, intent.occurred_us)), Rejected):
        made = _answered(intent, msgspec.structs.replace(answer, body=None, left_out=NOT_JSON), at_us)
    return made


def _answered(intent: CallIntent, answer: Answer, at_us: int) -> dict[str, Any]:
    said = {
        "call_id": intent.call_id,
        "run_id": intent.run_id,
        "journey": intent.journey,
        "step": intent.step,
        "webhook": intent.webhook,
        "result": answer.result,
        "status": answer.status,
        "attempts": answer.attempts,
        "body": answer.body,
    }
    optional = {"error": answer.error[:MAX_ERROR_CHARS], "left_out": answer.left_out}
    return {
        "type": "track",
        "event": feedback.WEBHOOK_ANSWERED,
        "messageId": f"answer-{intent.call_id}",
        "timestamp": iso(max(at_us, intent.occurred_us)),
        "context": {"profile_id": intent.profile_id, "asked_by": _by(intent)},
        "properties": {**said, **{name: value for name, value in optional.items() if value}},
    }


def read_body(data: bytes, *, whole: bool = True) -> tuple[Any, str]:
    """(value, why it is left out) of an answer's bytes; `whole` is false when there were more of them."""
    if not whole or len(data) > MAX_BODY_BYTES:
        return None, TOO_LARGE
    if not data.strip():
        return None, ""
    try:
        return msgspec.json.decode(data), ""
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None, NOT_JSON


def record_of(call: dict[str, Any]) -> LogRecord:
    """Such a call as a record of the log."""
    return LogRecord(wire.INTERNAL_SOURCE, "", 0, msgspec.json.encode(call))


def is_ours(record: LogRecord) -> bool:
    """Whether a record is what a journey wanted, or an answer. Who lets a past happen again and has it asked anew leaves it out."""
    if record.source != wire.INTERNAL_SOURCE or b'"asked_by"' not in record.body:
        return False
    try:
        return "asked_by" in _CONTEXT.decode(record.body).context
    except msgspec.DecodeError:
        return False
