"""DKIM signatures (RFC 6376; Ed25519 by RFC 8463): headers that stand before a finished message and vouch for it.

Headers are signed in their relaxed form, because relays fold them anew; the body as it is, because its relaxed form takes
longer to make than the whole rest but for RSA, and our lines give a relay nothing to change. What is signed: see `SIGNED`;
a header in `SEALED` is signed once more than it stands there, so that a second one breaks the signature. The signing
instant is the message's own Date: the same message gets the same signature on every attempt.
"""

from __future__ import annotations

import re
from base64 import b64encode
from calendar import timegm
from collections.abc import Callable, Sequence
from hashlib import sha256
from operator import itemgetter

import msgspec

SIGNED = (
    *("from", "to", "subject", "date", "message-id", "reply-to", "mime-version", "content-type"),
    *("list-id", "list-unsubscribe", "list-unsubscribe-post", "feedback-id", "auto-submitted"),
)
"""Headers signed where they are there."""
SEALED = frozenset({"from", "to", "subject", "date", "list-unsubscribe", "list-unsubscribe-post"})
"""Of these no second one can be added: the first one shown might be that of somebody else."""

_PLACES = {name.encode(): place for place, name in enumerate(SIGNED)}
_place = itemgetter(0)
_SEALED = tuple(name for name in SIGNED if name in SEALED)
_FOLDED = re.compile(rb"\r\n(?=[ \t])")
_BLANKS = re.compile(rb"[ \t]+")
_DATE = re.compile(rb"date:\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d):(\d\d):(\d\d) \+0000\r\n")
_MONTHS = {
    name: number for number, name in enumerate(b"Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)
}
_LINE_CHARS = 72


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """What one signature is made with."""

    domain: str
    """Who vouches (d=)."""
    selector: str
    """Under which name its public half is published (s=)."""
    algorithm: str
    """``rsa-sha256`` or ``ed25519-sha256``."""
    sign: Callable[[bytes], bytes]
    """The raw signature of some bytes."""


class Signer:
    """Signs messages with one key or several."""

    def __init__(self, keys: Sequence[Key]) -> None:
        """One signature for each of `keys`, in their order."""
        self._keys = [
            (
                f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/simple;\r\n d={key.domain}; s={key.selector};",
                key.sign,
            )
            for key in keys
        ]

    def headers(self, message: bytes) -> bytes:
        """The signature headers of a finished message (CRLF line ends), each with its end, to stand before it."""
        end = message.find(b"\r\n\r\n")
        head, body = (message[: end + 2], message[end + 4 :]) if end >= 0 else (message, b"")
        fields, names = _signed_fields(head)
        common = f"{_instant(fields)}\r\n h={_listed(names)};\r\n bh={_text(sha256(_body(body)).digest())};\r\n b="
        return b"".join(_signature(f"{start}{common}", fields, sign) for start, sign in self._keys)


def _signature(unsigned: str, fields: bytes, sign: Callable[[bytes], bytes]) -> bytes:
    """One header. Its own canonical form, without the value of b=, is the last thing signed."""
    own = "dkim-signature:" + unsigned.partition(": ")[2].replace("\r\n ", " ")
    value = _text(sign(fields + own.encode("ascii")))
    folded = "\r\n ".join(value[i : i + _LINE_CHARS] for i in range(0, len(value), _LINE_CHARS))
    return f"{unsigned}{folded}\r\n".encode("ascii")


def _body(body: bytes) -> bytes:
    """A body in its simple form (RFC 6376, 3.4.3): as it is, with exactly one line end at its end."""
    if body.endswith(b"\r\n") and not body.endswith(b"\r\n\r\n"):
        return body
    while body.endswith(b"\r\n"):
        body = body[:-2]
    return body + b"\r\n"


def _signed_fields(head: bytes) -> tuple[bytes, list[str]]:
    """The canonical headers that are signed, and their names, both in the order of signing."""
    found: list[tuple[int, bytes, bytes]] = []
    for field in _FOLDED.sub(b"", head).split(b"\r\n"):
        name, _, value = field.partition(b":")
        name = name.strip().lower()
        place = _PLACES.get(name)
        if place is not None:
            if b"  " in value or b"\t" in value:
                value = _BLANKS.sub(b" ", value)
            found.append((place, name, value.strip(b" ")))
    found.reverse()  # several of one name are signed from the last one up (RFC 6376, 5.4.2)
    found.sort(key=_place)
    names = [name.decode("ascii") for _, name, _ in found]
    fields = b"".join([b"%b:%b\r\n" % (name, value) for _, name, value in found])
    return fields, names + [name for name in _SEALED if name in names]


def _instant(fields: bytes) -> str:
    """`` t=…;`` by the Date header; nothing when it is not written as ours are."""
    match = _DATE.search(fields)
    if match is None or match[2] not in _MONTHS:
        return ""
    day, month, year, hour, minute, second = match.groups()
    return f" t={timegm((int(year), _MONTHS[month], int(day), int(hour), int(minute), int(second)))};"


def _listed(names: list[str]) -> str:
    """``from:to:…``, folded after a colon."""
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) > _LINE_CHARS:
            lines.append("")
        lines[-1] += f"{name}:"
    return "\r\n ".join(lines)[:-1]


def _text(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")
