"""Amazon SES by SNS: notifications (https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html) and published events
(…/dg/event-publishing-retrieving-sns-examples.html), signed with a certificate of Amazon's
(https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html).

Anybody with an account can have SNS sign a message to us, so only the topics that are named are believed. Our message id is the
tag ``tidings_message_id`` or the header ``X-Tidings-Message``.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import load_pem_x509_certificate

from tidings.clock import SECOND_US
from tidings.domain import feedback
from tidings.domain.tracking import ID_FIELD, ID_HEADER
from tidings.errors import InputError
from tidings.feedback.bounce.verdict import Verdict
from tidings.feedback.webhooks.base import (
    SUBTYPES,
    Hook,
    News,
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

_CERTIFICATE = re.compile(
    r"https://sns\.[a-z0-9-]{3,40}\.amazonaws\.com(?:\.cn)?/SimpleNotificationService-[A-Za-z0-9]{1,64}\.pem"
)
_CONFIRM = re.compile(
    r"https://sns\.[a-z0-9-]{3,40}\.amazonaws\.com(?:\.cn)?/\?Action=ConfirmSubscription&[\w=&%:.~-]{1,2000}"
)
_HASHES = {"1": SHA1, "2": SHA256}
_SIGNED = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_EVENTS = {
    "Send": feedback.EMAIL_SENT,
    "Delivery": feedback.EMAIL_DELIVERED,
    "Complaint": feedback.EMAIL_COMPLAINED,
    "Open": feedback.EMAIL_OPENED,
    "Click": feedback.EMAIL_CLICKED,
    "Subscription": feedback.UNSUBSCRIBED,
}
_REASONS = {**SUBTYPES, "UnsubscribedRecipient": "policy"}


class Ses:
    """See `base.Provider`."""

    name: ClassVar[str] = "ses"
    holds: ClassVar[str] = "the ARNs of the topics that are believed (arn:aws:sns:…)"

    def wants(self, hook: Hook, secrets: Sequence[str]) -> str:
        """See `Provider.wants`: the signing certificate, from Amazon's own host only, and for our topics only."""
        note = decode(hook.body)
        if dig(note, "TopicArn") not in secrets:
            raise Unproven("unknown_topic", "TopicArn is none of those in secrets/incoming/ses")
        url = dig(note, "SigningCertURL")
        if not isinstance(url, str) or not _CERTIFICATE.fullmatch(url):
            raise Unproven("bad_certificate", "SigningCertURL is none of Amazon's")
        return url

    def check(self, hook: Hook, secrets: Sequence[str], now_us: int, certificate: bytes = b"") -> str:
        """See `Provider.check`; the secrets are topics."""
        note = decode(hook.body)
        signed = _SIGNED.get(text(dig(note, "Type")), ())
        if not signed or not _genuine(note, signed, certificate, now_us):
            raise Unproven("bad_signature", "Signature does not fit the message and its certificate")
        if dig(note, "TopicArn") not in secrets:
            raise Unproven("unknown_topic", "TopicArn is none of those in secrets/incoming/ses")
        fresh(moment(text(dig(note, "Timestamp"))) // SECOND_US, now_us)
        return text(dig(note, "MessageId"))

    def follow(self, hook: Hook) -> str:
        """See `Provider.follow`."""
        note = decode(hook.body)
        url = dig(note, "SubscribeURL")
        if dig(note, "Type") != "SubscriptionConfirmation" or not isinstance(url, str):
            return ""
        return url if _CONFIRM.fullmatch(url) else ""

    def read(self, body: bytes) -> list[News]:
        """See `Provider.read`."""
        note = decode(body)
        if dig(note, "Type") != "Notification" or not isinstance(dig(note, "Message"), str):
            return []
        message = dig(note, "Message")
        if message.startswith("Successfully validated SNS topic"):
            return []
        return read_event(decode(message.encode()))


PROVIDER = Ses()


def read_event(event: Any) -> list[News]:
    """What one notification or event tells, of each recipient. Raises InputError."""
    word = text(dig(event, "eventType")) or text(dig(event, "notificationType"))
    if not word:
        raise InputError("Message: wanted an object with eventType or notificationType")
    inner = dig(event, word[:1].lower() + word[1:])
    at_us = moment(text(dig(inner, "timestamp"))) or moment(text(dig(event, "mail", "timestamp")))
    verdicts: list[Verdict | None] = [*_verdicts(event, word, inner)] or [None]
    return [
        told(
            event,
            name=_name(word, inner),
            word=word,
            ids=ours(*_ids(event)),
            at_us=at_us,
            verdict=verdict,
            agent=dig(inner, "userAgent"),
            url=dig(inner, "link"),
        )
        for verdict in verdicts
    ]


def _name(word: str, inner: Any) -> str:
    if word == "Subscription" and dig(inner, "newTopicPreferences", "unsubscribeAll") is not True:
        return ""
    return _EVENTS.get(word, "")


def _ids(event: Any) -> list[Any]:
    headers = dig(event, "mail", "headers")
    listed = headers if isinstance(headers, list) else []
    named = [dig(one, "value") for one in listed if text(dig(one, "name")).lower() in (ID_HEADER.lower(), "message-id")]
    return [dig(event, "mail", "tags", ID_FIELD), *named, dig(event, "mail", "commonHeaders", "messageId")]


def _verdicts(event: Any, word: str, inner: Any) -> list[Verdict]:
    if word == "Bounce":
        return [_bounce(inner, one) for one in _listed(inner, "bouncedRecipients")]
    if word == "DeliveryDelay":
        return [
            deferred(
                text(dig(one, "diagnosticCode")),
                recipient=text(dig(one, "emailAddress")),
                status=text(dig(one, "status")),
            )
            for one in _listed(inner, "delayedRecipients")
        ]
    if word == "Complaint":
        told = text(dig(inner, "complaintFeedbackType"))
        reason = {"not-spam": "not_spam", "auth-failure": "auth_failed"}.get(told, "spam_report")
        return [
            because(reason, recipient=text(dig(one, "emailAddress")), feedback_type=told)
            for one in _listed(inner, "complainedRecipients")
        ]
    if word == "Reject":
        return [because("virus", diagnostic=text(dig(inner, "reason")))]
    if word == "Rendering Failure":
        return [because("content_rejected", diagnostic=text(dig(event, "failure", "errorMessage")))]
    return []


def _bounce(inner: Any, one: Any) -> Verdict:
    to, status = text(dig(one, "emailAddress")), text(dig(one, "status"))
    reply, subtype = text(dig(one, "diagnosticCode")).removeprefix("smtp; "), text(dig(inner, "bounceSubType"))
    if subtype in _REASONS:
        return because(_REASONS[subtype], recipient=to, diagnostic=reply)
    dead = dig(inner, "bounceType") == "Permanent" and subtype == "NoEmail"
    general = dig(inner, "bounceType") == "Permanent" and status.endswith("5.1.1")
    return bounced(reply, recipient=to, status=status, dead=dead or general)


def _listed(inner: Any, name: str) -> list[Any]:
    found = dig(inner, name)
    return found[:100] if isinstance(found, list) else []


def _genuine(note: Any, signed: Sequence[str], certificate: bytes, now_us: int) -> bool:
    kind = _HASHES.get(text(dig(note, "SignatureVersion")))
    try:
        signature = b64decode(str(dig(note, "Signature")), validate=True)
        loaded = load_pem_x509_certificate(certificate)
    except (Error, ValueError):
        return False
    key = loaded.public_key()
    now = datetime.fromtimestamp(now_us // SECOND_US, UTC)
    in_force = loaded.not_valid_before_utc <= now <= loaded.not_valid_after_utc
    if kind is None or not in_force or not isinstance(key, rsa.RSAPublicKey):
        return False
    lines = [f"{name}\n{note[name]}\n" for name in signed if isinstance(dig(note, name), str)]
    try:
        key.verify(signature, "".join(lines).encode("utf-8", "surrogatepass"), PKCS1v15(), kind())
    except InvalidSignature:
        return False
    return True
