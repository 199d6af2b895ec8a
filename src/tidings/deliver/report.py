"""Ends of messages become events: each finished message is reported to the collector until the log has it.

An outbox like the other: what is not yet reported is a column in the ledger, so a crash loses nothing, and a second
report of the same end carries the same event id and is a duplicate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from tidings.clock import iso
from tidings.deliver.records import Report
from tidings.domain import feedback
from tidings.domain.message import DeliveryState as State
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.feedback import replies

BATCH = 500
"""Reports per request."""

_CODE_CHARS = 3
"""A server's answer begins with its code."""
_EVENTS = {
    State.ACCEPTED: feedback.EMAIL_SENT,
    State.REFUSED: feedback.EMAIL_REFUSED,
    State.SUPPRESSED: feedback.EMAIL_SUPPRESSED,
    State.IN_DOUBT: feedback.EMAIL_IN_DOUBT,
}


def body(reports: Sequence[Report]) -> bytes:
    """The JSON that the collector's internal door takes."""
    records = [{"body": event(report)} for report in reports]
    return msgspec.json.encode({"source": INTERNAL_SOURCE, "backfill": False, "records": records})


def event(report: Report) -> dict[str, Any]:
    """One end of a message as a track call."""
    properties = {
        "message_id": report.message_id,
        "journey": report.journey,
        "template": report.template,
        "category": report.category,
    }
    optional = {"reason": report.reason, "reply": report.reply, **_meaning(report)}
    return {
        "type": "track",
        "event": _EVENTS[report.state],
        "messageId": f"{report.state}-{report.message_id}",
        "timestamp": iso(report.finished_us),
        "context": {"profile_id": report.profile_id},
        "properties": {**properties, **{name: value for name, value in optional.items() if value}},
    }


def _meaning(report: Report) -> dict[str, str]:
    """What a server's refusal means: the same words as for one that comes back by mail. Proof of a dead address names it."""
    code = replies.code_of(report.reply[:_CODE_CHARS])
    if report.state != State.REFUSED or not code:
        return {}
    found = replies.classify(code, "", report.reply)
    return {"kind": found.kind, "cause": found.reason, "address": report.address if found.suppress else ""}
