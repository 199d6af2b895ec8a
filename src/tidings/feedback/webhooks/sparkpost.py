"""SparkPost's event webhooks (https://developers.sparkpost.com/api/webhooks/, bounce classes:
https://support.sparkpost.com/docs/deliverability/bounce-classification-codes).

They are not signed: SparkPost sends the user and password, or the token, that the webhook was made with. Our message id is in
``rcpt_meta``, as ``tidings_message_id``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from tidings.domain import feedback
from tidings.domain.tracking import ID_FIELD
from tidings.errors import InputError
from tidings.feedback.bounce.verdict import Verdict
from tidings.feedback.webhooks.base import (
    MAX_NEWS,
    Hook,
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
    "injection": feedback.EMAIL_SENT,
    "delivery": feedback.EMAIL_DELIVERED,
    "spam_complaint": feedback.EMAIL_COMPLAINED,
    "open": feedback.EMAIL_OPENED,
    "initial_open": feedback.EMAIL_OPENED,
    "amp_open": feedback.EMAIL_OPENED,
    "click": feedback.EMAIL_CLICKED,
    "amp_click": feedback.EMAIL_CLICKED,
    "list_unsubscribe": feedback.UNSUBSCRIBED,
    "link_unsubscribe": feedback.UNSUBSCRIBED,
}
_BOUNCES = ("bounce", "out_of_band", "policy_rejection", "delay", "generation_failure", "generation_rejection")
_INVALID = ("10", "30")
"""Classes of recipients that are not there: invalid, no recipient."""
_CLASSES = {
    "21": "network",
    "22": "mailbox_full",
    "23": "too_large",
    "24": "expired",
    "25": "policy",
    "50": "blocked",
    "51": "blocked",
    "52": "spam",
    "53": "content_rejected",
    "54": "relay_denied",
    "60": "away",
    "90": "opt_out",
    "100": "away",
}


class SparkPost(Unsigned):
    """See `base.Provider`."""

    name: ClassVar[str] = "sparkpost"
    holds: ClassVar[str] = "the webhook's token, or user:password"

    def check(self, hook: Hook, secrets: Sequence[str], now_us: int, certificate: bytes = b"") -> str:  # noqa: ARG002
        """See `Provider.check`."""
        whole = super().check(hook, secrets, now_us)
        return hook.header("x-messagesystems-batch-id") or whole

    def read(self, body: bytes) -> list[News]:
        """See `Provider.read`."""
        batch = decode(body)
        if not isinstance(batch, list):
            raise InputError("body: wanted an array of events")
        events = [dig(one, "msys") for one in batch[:MAX_NEWS]]
        return [_news(event) for one in events if isinstance(one, dict) for event in one.values()]


PROVIDER = SparkPost()


def _news(event: Any) -> News:
    word = text(dig(event, "type"))
    return told(
        event,
        name=_EVENTS.get(word, ""),
        word=word,
        ids=ours(dig(event, "rcpt_meta", ID_FIELD)),
        at_us=instant(dig(event, "timestamp")),
        verdict=_verdict(event, word),
        agent=dig(event, "user_agent"),
        machine=dig(event, "user_agent_parsed", "is_prefetched") is True,
        url=dig(event, "target_link_url"),
    )


def _verdict(event: Any, word: str) -> Verdict | None:
    to, kind = text(dig(event, "rcpt_to")), text(dig(event, "bounce_class"))
    reply = text(dig(event, "raw_reason")) or text(dig(event, "reason"))
    if word == "spam_complaint":
        return because("spam_report", recipient=to, feedback_type=text(dig(event, "fbtype")))
    if word == "delay":
        return deferred(reply, recipient=to)
    if word not in _BOUNCES:
        return None
    if kind in _CLASSES:
        return because(_CLASSES[kind], recipient=to, diagnostic=reply)
    return bounced(reply, recipient=to, dead=kind in _INVALID)
