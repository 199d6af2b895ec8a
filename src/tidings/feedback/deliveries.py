"""Delivery events of our messages as others tell them: bounce mails, complaints, providers' webhooks. One event a message and kind.

Event ids are made from the message and what happened, so that the same news by two ways (a bounce mail and a provider's webhook),
or told again and again, counts once.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from tidings.clock import iso
from tidings.domain import feedback
from tidings.feedback.bounce.verdict import Verdict
from tidings.feedback.reasons import AUTO_REPLY, COMPLAINT, DELIVERED, HARD, SOFT, UNKNOWN

MAIL = "mail"
"""The `provider` of what was told by a mail that came back."""

_WORDS = {
    feedback.EMAIL_DELIVERED: "delivered",
    feedback.EMAIL_DEFERRED: "deferred",
    feedback.EMAIL_BOUNCED: "bounced",
    feedback.EMAIL_COMPLAINED: "complained",
    feedback.EMAIL_OPENED: "opened",
    feedback.EMAIL_CLICKED: "clicked",
    feedback.UNSUBSCRIBED: "unsub",
}


class About(Protocol):
    """What is asked of a message (`deliver.records.Row`)."""

    @property
    def message_id(self) -> str:
        """Its id."""
        ...

    @property
    def profile_id(self) -> str:
        """Whom it went to."""
        ...

    @property
    def address(self) -> str:
        """Where to."""
        ...

    @property
    def journey(self) -> str:
        """Name of the journey that sent it."""
        ...

    @property
    def template(self) -> str:
        """Name of its template."""
        ...

    @property
    def category(self) -> str:
        """Its category."""
        ...


def of_verdict(message: About, verdict: Verdict, *, provider: str = MAIL, occurred_us: int = 0) -> bytes | None:
    """The event that a verdict on a message is, as a track call; None when it says nothing of what became of it."""
    verdict = _hers(message, verdict)
    name = name_of(verdict)
    if not name:
        return None
    extra = {
        "kind": verdict.kind,
        "reason": verdict.reason,
        "recipient": verdict.recipient,
        "status": verdict.status,
        "reply": verdict.code,
        "diagnostic": verdict.diagnostic,
        "feedback_type": verdict.feedback_type,
    }
    if name == feedback.UNSUBSCRIBED:
        extra = {"method": "feedback_loop"}
    detail = verdict.kind if name == feedback.EMAIL_BOUNCED else ""
    return event(message, name, detail=detail, provider=provider, occurred_us=occurred_us, extra=extra)


def event(
    message: About, name: str, *, detail: str = "", provider: str, occurred_us: int = 0, extra: dict[str, Any]
) -> bytes:
    """A delivery event as a track call; `detail` tells apart several of one name. Empty values are left out."""
    parts = (_WORDS[name], message.message_id, detail)
    properties = {
        "message_id": message.message_id,
        "journey": message.journey,
        "template": message.template,
        "category": message.category,
        "address": message.address,
        "provider": provider,
        **{key: value for key, value in extra.items() if value != ""},
    }
    body = {
        "type": "track",
        "event": name,
        "messageId": "-".join(part for part in parts if part)[:200],
        "properties": properties,
        "context": {"profile_id": message.profile_id},
        **({"timestamp": iso(occurred_us)} if occurred_us else {}),
    }
    return msgspec.json.encode(body)


def name_of(verdict: Verdict) -> str:
    """The event that a verdict is; empty when it says nothing of what became of the message."""
    if verdict.kind in (AUTO_REPLY, DELIVERED):
        return feedback.EMAIL_DELIVERED
    if verdict.kind == COMPLAINT:
        return feedback.UNSUBSCRIBED if verdict.reason == "opt_out" else feedback.EMAIL_COMPLAINED
    if verdict.kind == UNKNOWN:
        return ""
    return feedback.EMAIL_DEFERRED if verdict.delayed else feedback.EMAIL_BOUNCED


def _hers(message: About, verdict: Verdict) -> Verdict:
    """A dead address that is not hers, behind a forward of hers, proves nothing of hers."""
    others = verdict.recipient and message.address.lower() not in (verdict.recipient.lower(), verdict.original.lower())
    if verdict.kind == HARD and others:
        return msgspec.structs.replace(verdict, kind=SOFT, reason="forward_failed")
    return verdict
