"""What every provider's file answers: whether a request is genuine, and what it tells of which message.

Pure: requests and the clock come in as arguments. What a provider sends is checked value by value, since its format is its own
and may change; whatever does not fit is left out, and a kind that is not known is kept as it came.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from hmac import compare_digest
from typing import Any, ClassVar, Protocol

import msgspec

from tidings.clock import SECOND_US, parse_instant
from tidings.domain.feedback import EMAIL_CLICKED, EMAIL_OPENED
from tidings.errors import InputError
from tidings.feedback.bounce.said import Said
from tidings.feedback.bounce.verdict import Verdict, judge
from tidings.feedback.deliveries import name_of
from tidings.feedback.reasons import HARD, REASONS, SOFT

TOLERANCE_S = 300
"""A signed instant may be this far from now."""
MAX_NEWS = 5_000
"""Events of one request."""
MAX_CHARS = 500
"""Longest text taken over."""
SUBTYPES = {
    "MailboxFull": "mailbox_full",
    "MessageTooLarge": "too_large",
    "ContentRejected": "content_rejected",
    "AttachmentRejected": "content_rejected",
    "Suppressed": "recipient_refused",
    "OnAccountSuppressionList": "recipient_refused",
}
"""Amazon's subtypes of bounces that tell the reason; Resend, which sends through Amazon, passes them on."""

_OURS = re.compile(r"<?([0-9a-f]{32})(?:@[^\s<>]{1,255})?>?")
_VAGUE = ("unknown", "recipient_refused", "policy", "server_error", "no_such_user")


class Unproven(InputError):
    """A request that does not prove to come from the provider: `word` says why."""

    def __init__(self, word: str, sentence: str) -> None:
        super().__init__(f"{word}: {sentence}")
        self.word = word


class Hook(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it came."""

    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    """As it came: signatures are over these very bytes."""

    def header(self, name: str) -> str:
        """A header, empty when missing."""
        return self.headers.get(name, "")


class News(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a provider tells of one message."""

    name: str
    """The delivery event it is; empty for a kind that is not known."""
    word: str
    """The provider's own word for it."""
    ids: tuple[str, ...]
    """What may be our message id, the surest first."""
    at_us: int = 0
    """When it happened; 0 when that is not told."""
    verdict: Verdict | None = None
    """Of bounces and complaints."""
    extra: dict[str, Any] = {}
    """Further properties, such as ``url`` and ``machine``."""
    raw: bytes = b""
    """As it came, to be kept when nothing knows it."""


class Provider(Protocol):
    """What a provider's file has, as `PROVIDER`."""

    name: ClassVar[str]
    """As in the address."""
    holds: ClassVar[str]
    """What the file ``secrets/incoming/<name>`` holds, one a line, for people."""

    def wants(self, hook: Hook, secrets: Sequence[str]) -> str:
        """Address of the certificate that the check needs; empty when it needs none. Raises Unproven, before anything is fetched."""
        ...

    def check(self, hook: Hook, secrets: Sequence[str], now_us: int, certificate: bytes = b"") -> str:
        """What tells this request from every other one, so that it counts once. Raises Unproven when it is not genuine."""
        ...

    def follow(self, hook: Hook) -> str:
        """An address that a genuine request asks to be fetched, to confirm a subscription; empty nearly always."""
        ...

    def read(self, body: bytes) -> list[News]:
        """What it tells. Raises InputError when it is not what this provider sends."""
        ...


class Plain:
    """What most providers have in common: no certificate, nothing to be fetched."""

    def wants(self, hook: Hook, secrets: Sequence[str]) -> str:  # noqa: ARG002 - the contract's
        """See `Provider.wants`."""
        return ""

    def follow(self, hook: Hook) -> str:  # noqa: ARG002
        """See `Provider.follow`."""
        return ""


class Unsigned(Plain):
    """What providers have in common that sign nothing and show a secret instead."""

    def check(self, hook: Hook, secrets: Sequence[str], now_us: int, certificate: bytes = b"") -> str:  # noqa: ARG002
        """See `Provider.check`."""
        authorised(hook, secrets)
        return sha256(hook.body).hexdigest()


def fresh(at_s: object, now_us: int) -> None:
    """Raise Unproven unless a signed instant, in seconds, is of now."""
    try:
        off_s = abs(int(str(at_s)) - now_us // SECOND_US)
    except ValueError:
        off_s = TOLERANCE_S + 1
    if off_s > TOLERANCE_S:
        raise Unproven("stale", f"signed more than {TOLERANCE_S} s ago, or for the future; a fresh one is signed anew")


def authorised(hook: Hook, secrets: Sequence[str]) -> None:
    """Raise Unproven unless ``Authorization`` is one of the secrets: ``user:password`` as Basic, anything else as Bearer."""
    given = hook.header("authorization").encode("utf-8", "replace")
    genuine = False
    for secret in secrets:
        scheme, value = ("Basic", b64encode(secret.encode()).decode()) if ":" in secret else ("Bearer", secret)
        genuine |= compare_digest(given, f"{scheme} {value}".encode())
    if not genuine:
        raise Unproven("unauthorised", "the Authorization header is missing or wrong")


def decode(body: bytes) -> Any:
    """JSON. Raises InputError."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        msg = f"body: {error}; wanted JSON"
        raise InputError(msg) from error


def dig(value: Any, *path: str | int) -> Any:
    """What lies at a path of keys and places; None when anything on the way is not there."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def text(value: Any) -> str:
    """A text or a number as bounded text; empty for anything else."""
    return str(value)[:MAX_CHARS] if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def instant(seconds: Any) -> int:
    """Seconds since 1970, maybe as text or with a fraction, in microseconds; 0 when that is no instant of ours."""
    try:
        found = int(float(text(seconds)) * SECOND_US)
    except (ValueError, OverflowError):
        return 0
    return found if 0 < found < 1 << 53 else 0


def moment(told: str) -> int:
    """An ISO 8601 instant in microseconds; 0 when it is none."""
    try:
        return max(parse_instant(told), 0)
    except ValueError:
        return 0


def ours(*values: Any) -> tuple[str, ...]:
    """What may be message ids of ours among values of metadata and headers, in order."""
    found = [_OURS.fullmatch(one.strip()) for value in values for one in _texts(value)]
    return tuple(dict.fromkeys(one.group(1) for one in found if one))


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    return (one for one in value if isinstance(one, str)) if isinstance(value, list) else ()


def bounced(reply: str, *, recipient: str, status: str = "", dead: bool = False) -> Verdict:
    """The verdict on a server's reply that a provider passes on. `dead`: the provider takes the address for invalid.

    Hard when the provider says so and the reply does not say otherwise: it saw the whole conversation, we see one line.
    """
    found = judge(Said(recipient=recipient, action="failed", status=status, diagnostic=reply))
    if dead and (found.kind == HARD or found.reason in _VAGUE):
        reason = found.reason if REASONS[found.reason].kind == HARD else "no_such_user"
        return msgspec.structs.replace(found, kind=HARD, reason=reason)
    if not dead and found.kind == HARD:
        return msgspec.structs.replace(found, kind=SOFT, reason="recipient_refused")
    return found


def deferred(reply: str, *, recipient: str, status: str = "") -> Verdict:
    """The verdict on what is still being tried."""
    return judge(Said(recipient=recipient, action="delayed", status=status, diagnostic=reply))


def because(reason: str, *, recipient: str = "", diagnostic: str = "", feedback_type: str = "") -> Verdict:
    """A verdict for a reason that the provider tells without a reply."""
    return Verdict(
        kind=REASONS[reason].kind,
        reason=reason,
        recipient=recipient,
        diagnostic=diagnostic[:MAX_CHARS],
        feedback_type=feedback_type,
    )


def told(
    event: Any,
    *,
    name: str,
    word: str,
    ids: tuple[str, ...],
    at_us: int,
    verdict: Verdict | None = None,
    agent: Any = None,
    machine: bool = False,
    url: Any = None,
) -> News:
    """One event of a provider as news: `name` unless its `verdict` says which; an open or a click has its `agent`, a click its `url`."""
    name = name_of(verdict) if verdict else name
    extra: dict[str, Any] = {}
    if name in (EMAIL_OPENED, EMAIL_CLICKED):
        extra = {"machine": machine, **({"user_agent": text(agent)} if text(agent) else {})}
    if name == EMAIL_CLICKED:
        extra["url"] = text(url)
    return News(name=name, word=word, ids=ids, at_us=at_us, verdict=verdict, extra=extra, raw=encoded(event))


def encoded(value: Any) -> bytes:
    """One event of several as it came."""
    return msgspec.json.encode(value)
