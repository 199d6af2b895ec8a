"""Delivery events of our messages as others tell them: bounce mails, complaints, providers' webhooks. One event a message and kind.

Event ids are made from the message and what happened, so that the same news by two ways (a bounce mail and a provider's webhook),
or told again and again, counts once.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from tidings.clock import MINUTE_US, iso
from tidings.domain import feedback
from tidings.feedback.bounce.verdict import Verdict
from tidings.feedback.reasons import AUTO_REPLY, COMPLAINT, DELIVERED, HARD, SOFT, UNKNOWN

MAIL = "mail"
"""The `provider` of what was told by a mail that came back."""

_WORDS = {
    feedback.EMAIL_SENT: "accepted",  # as `deliver.report` says it
    feedback.EMAIL_DELIVERED: "delivered",
    feedback.EMAIL_DEFERRED: "deferred",
    feedback.EMAIL_BOUNCED: "bounced",
    feedback.EMAIL_COMPLAINED: "complained",
    feedback.EMAIL_OPENED: "open",
    feedback.EMAIL_CLICKED: "click",
    feedback.UNSUBSCRIBED: "unsub",
}


_FIRST = ("kind", "reason", "url", "machine")
"""Properties that say most; a timeline shows the first few."""
_REPEATED = (feedback.EMAIL_OPENED, feedback.EMAIL_CLICKED, feedback.UNSUBSCRIBED)
"""What may happen again; by the minute, as at our own door."""


class Told(Protocol):
    """What is asked of a provider's news (`webhooks.base.News`)."""

    @property
    def name(self) -> str:
        """The delivery event it is."""
        ...

    @property
    def at_us(self) -> int:
        """When it happened; 0 when that is not told."""
        ...

    @property
    def verdict(self) -> Verdict | None:
        """Of bounces and complaints."""
        ...

    @property
    def extra(self) -> dict[str, Any]:
        """Further properties."""
        ...


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


def of_news(message: About, news: Told, *, provider: str) -> bytes:
    """The event that a provider's news of a message is, as a track call."""
    if news.verdict is not None:
        found = of_verdict(message, news.verdict, provider=provider, occurred_us=news.at_us)
        if found is not None:
            return found
    minute = str(news.at_us // MINUTE_US) if news.name in _REPEATED else ""
    extra = {**news.extra, "method": provider} if news.name == feedback.UNSUBSCRIBED else news.extra
    return event(message, news.name, detail=minute, provider=provider, occurred_us=news.at_us, extra=extra)


def event(
    message: About, name: str, *, detail: str = "", provider: str, occurred_us: int = 0, extra: dict[str, Any]
) -> bytes:
    """A delivery event as a track call; `detail` tells apart several of one name. Empty values are left out."""
    parts = (_WORDS[name], message.message_id, detail)
    properties = {
        "message_id": message.message_id,
        **{key: extra[key] for key in _FIRST if extra.get(key, "") != ""},
        "provider": provider,
        "journey": message.journey,
        "template": message.template,
        "category": message.category,
        "address": message.address,
        **{key: value for key, value in extra.items() if value != "" and key not in _FIRST},
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
    if verdict.kind == UNKNOWN or verdict.feedback_type:
        return ""  # a report of a provider on something else than a complaint says nothing of what became of it
    return feedback.EMAIL_DEFERRED if verdict.delayed else feedback.EMAIL_BOUNCED


def _hers(message: About, verdict: Verdict) -> Verdict:
    """A dead address that is not hers, behind a forward of hers, proves nothing of hers."""
    others = verdict.recipient and message.address.lower() not in (verdict.recipient.lower(), verdict.original.lower())
    if verdict.kind == HARD and others:
        return msgspec.structs.replace(verdict, kind=SOFT, reason="forward_failed")
    return verdict
