"""SendGrid's event webhook, signed with ECDSA P-256 (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event).

The signature is over the timestamp and the body as it came
(…/tracking-events/getting-started-event-webhook-security-features). Our message id is the custom argument ``tidings_message_id``.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Sequence
from typing import Any, ClassVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tidings.domain import feedback
from tidings.domain.tracking import ID_FIELD
from tidings.errors import InputError
from tidings.feedback.bounce.verdict import Verdict
from tidings.feedback.webhooks.base import (
    MAX_NEWS,
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

_SIGNATURE, _TIMESTAMP = "x-twilio-email-event-webhook-signature", "x-twilio-email-event-webhook-timestamp"
_EVENTS = {
    "processed": feedback.EMAIL_SENT,
    "delivered": feedback.EMAIL_DELIVERED,
    "spamreport": feedback.EMAIL_COMPLAINED,
    "open": feedback.EMAIL_OPENED,
    "click": feedback.EMAIL_CLICKED,
    "unsubscribe": feedback.UNSUBSCRIBED,
    "group_unsubscribe": feedback.UNSUBSCRIBED,
}
_DROPPED = {
    "bounced address": "recipient_refused",
    "spam reporting address": "policy",
    "unsubscribed address": "policy",
    "spam content": "spam",
}


class SendGrid(Plain):
    """See `base.Provider`."""

    name: ClassVar[str] = "sendgrid"
    holds: ClassVar[str] = "the verification key of the signed event webhook (base64)"

    def check(self, hook: Hook, secrets: Sequence[str], now_us: int, certificate: bytes = b"") -> str:  # noqa: ARG002
        """See `Provider.check`."""
        stamp = hook.header(_TIMESTAMP)
        try:
            signature = b64decode(hook.header(_SIGNATURE), validate=True)
        except (Error, ValueError):
            signature = b""
        signed = stamp.encode("latin-1", "replace") + hook.body
        if not signature or not any(_genuine(secret, signature, signed) for secret in secrets):
            raise Unproven("bad_signature", f"{_SIGNATURE} does not fit the body")
        fresh(stamp, now_us)
        return signature.hex()

    def read(self, body: bytes) -> list[News]:
        """See `Provider.read`."""
        events = decode(body)
        if not isinstance(events, list):
            raise InputError("body: wanted an array of events")
        return [_news(event) for event in events[:MAX_NEWS]]


PROVIDER = SendGrid()


def _genuine(secret: str, signature: bytes, signed: bytes) -> bool:
    try:
        key = load_der_public_key(b64decode(secret))
    except (ValueError, Error, UnsupportedAlgorithm):
        return False
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return False
    try:
        key.verify(signature, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _news(event: Any) -> News:
    word = text(dig(event, "event"))
    return told(
        event,
        name=_EVENTS.get(word, ""),
        word=word,
        ids=ours(dig(event, ID_FIELD), dig(event, "smtp-id")),
        at_us=instant(dig(event, "timestamp")),
        verdict=_verdict(event, word),
        agent=dig(event, "useragent"),
        machine=dig(event, "sg_machine_open") is True,
        url=dig(event, "url"),
    )


def _verdict(event: Any, word: str) -> Verdict | None:
    to, status, reply = text(dig(event, "email")), text(dig(event, "status")), text(dig(event, "reason"))
    if word == "bounce":
        dead = dig(event, "type") != "blocked" and dig(event, "bounce_classification") == "Invalid Address"
        return bounced(reply, recipient=to, status=status, dead=dead)
    if word == "deferred":
        return deferred(text(dig(event, "response")) or reply, recipient=to, status=status)
    if word == "dropped":
        return because(_DROPPED.get(reply.lower(), "recipient_refused"), recipient=to, diagnostic=reply)
    return because("spam_report", recipient=to) if word == "spamreport" else None
