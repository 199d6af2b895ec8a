"""Bytes of a mail that came back, to what they say. Never raises, and bounded: these bytes are a stranger's."""

from __future__ import annotations

import re

import msgspec

from tidings.feedback.bounce import arf, verdict
from tidings.feedback.bounce.auto import is_automatic
from tidings.feedback.bounce.notice import Notice, read_notice
from tidings.feedback.bounce.parts import MAX_BYTES
from tidings.feedback.bounce.said import said_of
from tidings.feedback.bounce.verdict import Verdict
from tidings.feedback.reasons import AUTO_REPLY, UNKNOWN

MAX_CANDIDATES = 20

_VERP = re.compile(rb"b\+[a-z2-7]{50}@", re.IGNORECASE)
_PATHS = re.compile(rb"/[oul]/([A-Za-z0-9_-]{42})(?![A-Za-z0-9_-])")
_MESSAGE_ID = re.compile(r"<([^<>\s@]{1,200})@[^<>\s]{1,255}>")


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that came back, read."""

    verdicts: list[Verdict]
    """One for each recipient it speaks of; at least one."""
    addresses: list[str]
    """Envelope senders of ours that it holds anywhere (``b+…@``): they may be forged, their codes tell."""
    tokens: list[str]
    """Tracking tokens that it holds anywhere: likewise."""
    message_id: str
    """The local part of the Message-ID it answers or brings back; no proof of anything."""


def parse(raw: bytes) -> Returned:
    """Read a mail that came back; `raw` is cut at `MAX_BYTES`."""
    raw = raw[:MAX_BYTES]
    notice = read_notice(raw)
    return Returned(
        verdicts=_verdicts(notice),
        addresses=[one.decode("ascii").lower() for one in _distinct(_VERP.findall(raw))],
        tokens=[one.decode("ascii") for one in _distinct(_PATHS.findall(raw))],
        message_id=_message_id(notice),
    )


def _verdicts(notice: Notice) -> list[Verdict]:
    found = _own(notice)
    if not found and notice.nested:  # forwarded by somebody's own mailbox
        found = _own(read_notice(notice.nested))
    return found or [Verdict(kind=UNKNOWN, reason="unknown", diagnostic=" ".join(notice.words.split())[:200])]


def _own(notice: Notice) -> list[Verdict]:
    if arf.is_report(notice):
        return [arf.judge(notice)]
    if is_automatic(notice):
        return [Verdict(kind=AUTO_REPLY, reason="away", diagnostic=notice.headers.get("subject", "")[:200])]
    return [verdict.judge(said) for said in said_of(notice)]


def _message_id(notice: Notice) -> str:
    for value in (notice.original.get("message-id", ""), notice.headers.get("in-reply-to", "")):
        found = _MESSAGE_ID.search(value)
        if found:
            return found.group(1)
    return ""


def _distinct(found: list[bytes]) -> list[bytes]:
    return list(dict.fromkeys(found))[:MAX_CANDIDATES]
