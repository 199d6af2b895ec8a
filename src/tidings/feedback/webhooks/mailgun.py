"""Mailgun's webhooks, signed by an HMAC of a timestamp and a token
(https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks, …/webhooks/webhook-payloads).

The signature does not cover the body, so each token counts once. Our message id is the variable ``tidings_message_id``.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, ClassVar

from tidings.domain import feedback
from tidings.domain.tracking import ID_FIELD
from tidings.errors import InputError
from tidings.feedback.bounce.verdict import Verdict
from tidings.feedback.webhooks.base import (
    Hook,
    News,
    Plain,
    Unproven,
    because,
    bounced,
    decode,
    deferred,
    dig,
    fresh,
    instant,
    ours,
    text,
    told,
)

_EVENTS = {
    "accepted": feedback.EMAIL_SENT,
    "delivered": feedback.EMAIL_DELIVERED,
    "complained": feedback.EMAIL_COMPLAINED,
    "opened": feedback.EMAIL_OPENED,
    "clicked": feedback.EMAIL_CLICKED,
    "unsubscribed": feedback.UNSUBSCRIBED,
}
_NOT_TRIED = {"suppress-bounce": "recipient_refused", "suppress-complaint": "policy", "suppress-unsubscribe": "policy"}
_HUMAN = ("", "browser", "mobile browser", "email client", "unknown")


class Mailgun(Plain):
    """See `base.Provider`."""

    name: ClassVar[str] = "mailgun"
    holds: ClassVar[str] = "the HTTP webhook signing key"

    def check(self, hook: Hook, secrets: Sequence[str], now_us: int, certificate: bytes = b"") -> str:  # noqa: ARG002
        """See `Provider.check`."""
        signature = dig(decode(hook.body), "signature")
        stamp, token, given = (text(dig(signature, part)) for part in ("timestamp", "token", "signature"))
        signed = f"{stamp}{token}".encode("utf-8", "surrogatepass")
        genuine = False
        for secret in secrets:
            wanted = hmac.new(secret.encode(), signed, sha256).hexdigest()
            genuine |= hmac.compare_digest(wanted.encode(), given.encode("utf-8", "surrogatepass"))
        if not genuine or not token:
            raise Unproven("bad_signature", "signature.signature does not fit timestamp and token")
        fresh(stamp, now_us)
        return token

    def read(self, body: bytes) -> list[News]:
        """See `Provider.read`."""
        event = dig(decode(body), "event-data")
        if not isinstance(event, dict):
            raise InputError("body: wanted an object with event-data")
        return [_news(event)]


PROVIDER = Mailgun()


def _news(event: dict[str, Any]) -> News:
    word = text(dig(event, "event"))
    machine = text(dig(event, "client-info", "client-type")).lower() not in _HUMAN
    return told(
        event,
        name=_EVENTS.get(word, ""),
        word=word,
        ids=ours(dig(event, "user-variables", ID_FIELD), dig(event, "message", "headers", "message-id")),
        at_us=instant(dig(event, "timestamp")),
        verdict=_verdict(event, word),
        agent=dig(event, "client-info", "user-agent"),
        machine=machine,
        url=dig(event, "url"),
    )


def _verdict(event: dict[str, Any], word: str) -> Verdict | None:
    to, why = text(dig(event, "recipient")), text(dig(event, "reason"))
    if word == "complained":
        return because("spam_report", recipient=to)
    if word == "rejected":
        return because("content_rejected", recipient=to, diagnostic=text(dig(event, "reject", "description")))
    if word != "failed":
        return None
    told = [text(dig(event, "delivery-status", part)) for part in ("code", "enhanced-code", "message", "description")]
    reply = " ".join(part for part in told if part)
    if dig(event, "severity") != "permanent":
        return deferred(reply, recipient=to)
    if why in _NOT_TRIED:
        return because(_NOT_TRIED[why], recipient=to, diagnostic=reply or why)
    return bounced(
        reply, recipient=to, status=told[1], dead=why == "bounce" and told[0] in ("550", "551", "553", "605")
    )
