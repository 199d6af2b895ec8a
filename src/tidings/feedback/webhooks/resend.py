"""Resend's webhooks (https://resend.com/docs/webhooks/event-types), signed as Svix does, which is Standard Webhooks by other names
(https://resend.com/docs/webhooks/verify-webhooks-requests). Our message id is the tag or header ``tidings_message_id``.
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, ClassVar

from tidings.domain import feedback
from tidings.domain.tracking import ID_FIELD, ID_HEADER
from tidings.errors import InputError
from tidings.feedback.bounce.verdict import Verdict
from tidings.feedback.webhooks.base import (
    SUBTYPES,
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
    moment,
    ours,
    text,
    told,
)

_EVENTS = {
    "email.sent": feedback.EMAIL_SENT,
    "email.delivered": feedback.EMAIL_DELIVERED,
    "email.complained": feedback.EMAIL_COMPLAINED,
    "email.opened": feedback.EMAIL_OPENED,
    "email.clicked": feedback.EMAIL_CLICKED,
}


class Resend(Plain):
    """See `base.Provider`."""

    name: ClassVar[str] = "resend"
    holds: ClassVar[str] = "the signing secret, whsec_…"

    def check(self, hook: Hook, secrets: Sequence[str], now_us: int, certificate: bytes = b"") -> str:  # noqa: ARG002
        """See `Provider.check`."""
        call, stamp = hook.header("svix-id"), hook.header("svix-timestamp")
        given = [
            one.removeprefix("v1,").encode("latin-1", "replace") for one in hook.header("svix-signature").split()[:10]
        ]
        signed = f"{call}.{stamp}.".encode("latin-1", "replace") + hook.body
        genuine = False
        for key in map(_key, secrets):
            wanted = b64encode(hmac.digest(key, signed, sha256))
            for one in given:
                genuine |= bool(key) and hmac.compare_digest(wanted, one)
        if not genuine or not call:
            raise Unproven("bad_signature", "svix-signature does not fit id, timestamp and body")
        fresh(stamp, now_us)
        return call

    def read(self, body: bytes) -> list[News]:
        """See `Provider.read`."""
        event = decode(body)
        if not isinstance(event, dict) or not isinstance(dig(event, "type"), str):
            raise InputError("body: wanted an object with type and data")
        return [_news(event)]


PROVIDER = Resend()


def _key(secret: str) -> bytes:
    try:
        return b64decode(secret.removeprefix("whsec_"), validate=True)
    except (Error, ValueError):
        return b""


def _news(event: dict[str, Any]) -> News:
    word, data = text(dig(event, "type")), dig(event, "data")
    return told(
        event,
        name=_EVENTS.get(word, ""),
        word=word,
        ids=ours(*_ids(data)),
        at_us=moment(text(dig(event, "created_at"))),
        verdict=_verdict(data, word),
        agent=dig(data, "click", "userAgent") or dig(data, "open", "userAgent"),
        url=dig(data, "click", "link"),
    )


def _ids(data: Any) -> list[Any]:
    found = [dig(data, "tags", ID_FIELD)]
    for listed in (dig(data, "tags"), dig(data, "headers")):
        if isinstance(listed, list):
            named = [one for one in listed if text(dig(one, "name")).lower() in (ID_FIELD, ID_HEADER.lower())]
            found += [dig(one, "value") for one in named]
    return [*found, dig(data, "message_id")]


def _verdict(data: Any, word: str) -> Verdict | None:
    to = text(dig(data, "to", 0))
    kind, subtype = text(dig(data, "bounce", "type")), text(dig(data, "bounce", "subType"))
    words = text(dig(data, "bounce", "diagnosticCode", 0)) or text(dig(data, "bounce", "message"))
    if word == "email.complained":
        return because("spam_report", recipient=to)
    if word == "email.delivery_delayed":
        return deferred(words, recipient=to)
    if word in ("email.failed", "email.suppressed"):
        return because("recipient_refused", recipient=to, diagnostic=text(dig(data, "failed", "reason")) or words)
    if word != "email.bounced":
        return None
    if subtype in SUBTYPES:
        return because(SUBTYPES[subtype], recipient=to, diagnostic=words)
    return bounced(words, recipient=to, dead=kind == "Permanent" and subtype in ("NoEmail", "General"))
