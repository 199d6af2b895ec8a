"""Brevo's transactional webhooks (https://developers.brevo.com/docs/transactional-webhooks).

They are not signed: Brevo sends the token or the user and password that the webhook was made with
(https://developers.brevo.com/docs/secure-webhook-calls). Our message id is in ``X-Mailin-custom``, a tag, or the Message-ID.
"""

from __future__ import annotations

from typing import Any, ClassVar

from tidings.domain import feedback
from tidings.domain.tracking import ID_FIELD
from tidings.errors import InputError
from tidings.feedback.bounce.verdict import Verdict
from tidings.feedback.webhooks.base import (
    MAX_NEWS,
    News,
    Unsigned,
    because,
    bounced,
    decode,
    deferred,
    dig,
    instant,
    ours,
    text,
    told,
)

_EVENTS = {
    "request": feedback.EMAIL_SENT,
    "delivered": feedback.EMAIL_DELIVERED,
    "spam": feedback.EMAIL_COMPLAINED,
    "complaint": feedback.EMAIL_COMPLAINED,
    "opened": feedback.EMAIL_OPENED,
    "unique_opened": feedback.EMAIL_OPENED,
    "proxy_open": feedback.EMAIL_OPENED,
    "unique_proxy_open": feedback.EMAIL_OPENED,
    "click": feedback.EMAIL_CLICKED,
    "unsubscribed": feedback.UNSUBSCRIBED,
    "unsubscribe": feedback.UNSUBSCRIBED,
}
_BOUNCES = ("hard_bounce", "soft_bounce", "invalid_email", "invalid", "blocked", "error", "deferred")
_PROXIES = ("proxy_open", "unique_proxy_open")


class Brevo(Unsigned):
    """See `base.Provider`."""

    name: ClassVar[str] = "brevo"
    holds: ClassVar[str] = "the webhook's token, or user:password"

    def read(self, body: bytes) -> list[News]:
        """See `Provider.read`."""
        said = decode(body)
        events = said if isinstance(said, list) else [said]
        if not all(isinstance(event, dict) for event in events):
            raise InputError("body: wanted an event, or an array of them")
        return [_news(event) for event in events[:MAX_NEWS]]


PROVIDER = Brevo()


def _news(event: dict[str, Any]) -> News:
    word = text(dig(event, "event")).lower()
    return told(
        event,
        name=_EVENTS.get(word, ""),
        word=word,
        ids=ours(*_ids(event)),
        at_us=instant(dig(event, "ts_epoch")) // 1_000 or instant(dig(event, "ts_event")),
        verdict=_verdict(event, word),
        agent=dig(event, "user_agent"),
        machine=word in _PROXIES,
        url=dig(event, "link"),
    )


def _ids(event: dict[str, Any]) -> list[Any]:
    custom = text(dig(event, "X-Mailin-custom"))
    try:
        named = dig(decode(custom.encode()), ID_FIELD)
    except InputError:
        named = custom.removeprefix(f"{ID_FIELD}:")
    return [named, dig(event, "tags"), dig(event, "tag"), dig(event, "message-id")]


def _verdict(event: dict[str, Any], word: str) -> Verdict | None:
    to, reply = text(dig(event, "email")), text(dig(event, "reason"))
    if word in ("spam", "complaint"):
        return because("spam_report", recipient=to)
    if word == "deferred":
        return deferred(reply, recipient=to)
    if word == "blocked":
        return because("recipient_refused", recipient=to, diagnostic=reply)
    if word not in _BOUNCES:
        return None
    return bounced(reply, recipient=to, dead=word in ("hard_bounce", "invalid_email", "invalid"))
