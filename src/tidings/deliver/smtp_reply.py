"""What an SMTP server says: replies out of bytes, and which extensions it offers. Pure, and bounded in every direction."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from tidings.deliver.base import Outcome, Result

MAX_LINE_BYTES = 2_048
"""Longest line of a reply; RFC 5321 allows 512."""
MAX_LINES = 100
"""Most lines of one reply."""
MAX_REPLY_CHARS = 300
"""Longest answer kept."""
CLOSING = 421
"""The server is about to hang up."""

_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*))?")
_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)")
_SPACES = re.compile(r"[\s\x00-\x1f\x7f]+")
_RESULTS = {2: Result.ACCEPTED, 4: Result.LATER, 5: Result.REFUSED}


class BadReply(ValueError):
    """What came is no reply."""


class Reply(msgspec.Struct, frozen=True, gc=False):
    """One reply."""

    code: int
    """``250``"""
    text: str
    """Its lines as one."""
    lines: tuple[str, ...] = ()
    """Its lines, without code."""

    @property
    def positive(self) -> bool:
        """Whether it says yes."""
        return self.code // 100 == 2

    @property
    def enhanced(self) -> str:
        """Its enhanced status code (RFC 2034), such as ``5.1.1``; empty without one."""
        match = _ENHANCED.match(self.text)
        return match[1] if match and int(match[1][0]) == self.code // 100 else ""

    def outcome(self, *, after_data: bool) -> Outcome:
        """What it means for the message. Out of step means lost after the data, and later before it."""
        result = _RESULTS.get(self.code // 100)
        if result is None or (result is Result.ACCEPTED and not after_data):
            words = one_line(f"{self.code} out of step: {self.text}")
            return Outcome(Result.LOST if after_data else Result.LATER, words, code=self.code)
        return Outcome(result, one_line(f"{self.code} {self.text}"), code=self.code, enhanced=self.enhanced)


class Replies:
    """Makes replies of bytes as they come."""

    def __init__(self) -> None:
        self._rest = b""
        self._lines: list[str] = []

    @property
    def pending(self) -> bool:
        """Whether a reply has begun that is not complete."""
        return bool(self._rest or self._lines)

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that are complete now. Raises BadReply."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MAX_LINE_BYTES:
            msg = f"a reply's line of more than {MAX_LINE_BYTES} bytes"
            raise BadReply(msg)
        return [reply for line in lines if (reply := self._line(line.rstrip(b"\r"))) is not None]

    def _line(self, line: bytes) -> Reply | None:
        match = _LINE.fullmatch(line)
        if match is None or len(line) > MAX_LINE_BYTES or len(self._lines) >= MAX_LINES:
            msg = f"no reply: {one_line(line[:MAX_REPLY_CHARS].decode('utf-8', 'replace'))!r}"
            raise BadReply(msg)
        self._lines.append((match[3] or b"").decode("utf-8", "replace"))
        if match[2] == b"-":
            return None
        found, self._lines = tuple(self._lines), []
        return Reply(int(match[1]), " ".join(found), found)


class Extensions(msgspec.Struct, frozen=True, kw_only=True):
    """What a server offers in its answer to EHLO."""

    pipelining: bool = False
    """Takes several commands at once (RFC 2920)."""
    chunking: bool = False
    """Takes the message by its length (RFC 3030)."""
    eight_bit: bool = False
    """Takes 8-bit lines (RFC 6152)."""
    utf8: bool = False
    """Takes addresses in other scripts (RFC 6531)."""
    start_tls: bool = False
    """Can turn to TLS (RFC 3207)."""
    size_bytes: int | None = None
    """Takes a declared size (RFC 1870): the largest message, 0 for no limit; None when it does not."""
    auth: frozenset[str] = frozenset()
    """Ways to log in (RFC 4954)."""


def extensions(lines: Sequence[str]) -> Extensions:
    """Those that the lines of a reply to EHLO name; the first one is the server's greeting."""
    offered: dict[str, list[str]] = {}
    for line in lines[1:]:
        word, *rest = line.replace("=", " ").split() or [""]
        offered.setdefault(word.upper(), []).extend(part.upper() for part in rest)
    size = offered.get("SIZE")
    return Extensions(
        pipelining="PIPELINING" in offered,
        chunking="CHUNKING" in offered,
        eight_bit="8BITMIME" in offered,
        utf8="SMTPUTF8" in offered,
        start_tls="STARTTLS" in offered,
        size_bytes=None if size is None else int(size[0]) if size and size[0].isdecimal() and len(size[0]) < 20 else 0,
        auth=frozenset(offered.get("AUTH", ())),
    )


def one_line(text: str) -> str:
    """`text` as one line, no longer than what is kept."""
    return _SPACES.sub(" ", text).strip()[:MAX_REPLY_CHARS]
