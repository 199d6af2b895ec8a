"""Postmark's webhooks (https://postmarkapp.com/developer/webhooks/webhooks-overview, …/api/bounce-api#bounce-types).

They are not signed: Postmark sends the user and password that stand in the address, so they must not be guessed. Our message id is
the metadata field ``tidings_message_id``.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tidings.clock import parse_instant
from tidings.domain import feedback
from tidings.domain.tracking import ID_FIELD
from tidings.errors import InputError
from tidings.feedback.bounce.verdict import Verdict
from tidings.feedback.webhooks.base import (
    News,
    Unsigned,
    because,
    bounced,
    decode,
    deferred,
    dig,
    ours,
    text,
    told,
)

_EVENTS = {
    "Delivery": feedback.EMAIL_DELIVERED,
    "SpamComplaint": feedback.EMAIL_COMPLAINED,
    "Open": feedback.EMAIL_OPENED,
    "Click": feedback.EMAIL_CLICKED,
}
_INSTANTS = ("BouncedAt", "DeliveredAt", "ReceivedAt", "ChangedAt")
_REASONS = {
    "AddressChange": "recipient_refused",
    "AutoResponder": "away",
    "ChallengeVerification": "away",
    "DnsError": "network",
    "SpamNotification": "spam",
    "VirusNotification": "virus",
    "SpamComplaint": "spam_report",
    "Unsubscribe": "opt_out",
    "ManuallyDeactivated": "recipient_refused",
    "Unconfirmed": "policy",
    "SMTPApiError": "syntax",
    "InboundError": "server_error",
    "TemplateRenderingFailed": "content_rejected",
}
"""Types of bounces that tell the reason; of others the server's words do."""


class Postmark(Unsigned):
    """See `base.Provider`."""

    name: ClassVar[str] = "postmark"
    holds: ClassVar[str] = "user:password, as in the webhook's address"

    def read(self, body: bytes) -> list[News]:
        """See `Provider.read`."""
        event = decode(body)
        if not isinstance(event, dict):
            raise InputError("body: wanted an object with RecordType")
        return [_news(event)]


PROVIDER = Postmark()


def _news(event: dict[str, Any]) -> News:
    word = text(dig(event, "RecordType"))
    name = _EVENTS.get(word, "")
    if word == "SubscriptionChange" and dig(event, "SuppressSending") is True:
        chosen = dig(event, "SuppressionReason") == "ManualSuppression" and dig(event, "Origin") == "Recipient"
        name = feedback.UNSUBSCRIBED if chosen else ""
    return told(
        event,
        name=name,
        word=word,
        ids=ours(dig(event, "Metadata", ID_FIELD)),
        at_us=_instant(event),
        verdict=_verdict(event, word),
        agent=dig(event, "UserAgent"),
        url=dig(event, "OriginalLink"),
    )


def _verdict(event: dict[str, Any], word: str) -> Verdict | None:
    to, kind = text(dig(event, "Email")), text(dig(event, "Type"))
    if word == "SpamComplaint":
        return because("spam_report", recipient=to)
    if word != "Bounce":
        return None
    details = text(dig(event, "Details")) or text(dig(event, "Description"))
    if kind in _REASONS:
        return because(_REASONS[kind], recipient=to, diagnostic=details)
    if kind == "Transient":
        return deferred(details, recipient=to)
    return bounced(details, recipient=to, dead=kind in ("HardBounce", "BadEmailAddress"))


def _instant(event: dict[str, Any]) -> int:
    told = next((text(dig(event, name)) for name in _INSTANTS if text(dig(event, name))), "")
    whole, dot, rest = told.partition(".")
    digits = len(rest) - len(rest.lstrip("0123456789"))
    try:
        return max(parse_instant(f"{whole}{dot}{rest[: min(digits, 6)]}{rest[digits:]}"), 0)
    except ValueError:
        return 0
