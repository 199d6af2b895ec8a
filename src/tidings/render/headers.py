"""Header values that cannot be anything but one header's value.

Written without the standard library's e-mail package, whose header handling has let values add headers
(CVE-2024-6923, CVE-2026-1299) and breaks long unsubscribe addresses: what goes out must not depend on the
interpreter's patch level. A value is first reduced to one line of visible characters; what is not plain ASCII, or looks
like an encoded word, goes out as encoded words (RFC 2047).
"""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import UTC, datetime
from unicodedata import normalize

from tidings.clock import SECOND_US

MAX_VALUE_CHARS = 250
"""Longest subject or display name; the rest is cut off."""

_LINE_CHARS = 76
_LONGEST_WORD_CHARS = 66  # with the header's name, or quotes, still a line
_WORD_BYTES = 42  # of UTF-8 in one encoded word: 12 characters around 56 of base64 make 68
# Controls, line and paragraph separators, byte order marks, and marks that turn the reading direction.
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\xa0\u2028\u2029\ufeff\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]+"
)
_SPACES = re.compile(r"\s+")
_ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a1-\U0010ffff-]+"  # letters of other scripts too (RFC 6531)
_LOCAL = re.compile(rf"{_ATEXT}(\.{_ATEXT})*")
_DOMAIN = re.compile(r"([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_ATOM = re.compile(r"[^A-Za-z0-9_.-]+")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def one_line(value: str) -> str:
    """`value` as one line of visible characters, at most `MAX_VALUE_CHARS` long."""
    return _SPACES.sub(" ", _UNSEEN.sub(" ", value)).strip()[:MAX_VALUE_CHARS].strip()


def text_header(name: str, value: str) -> str:
    """``Subject: …`` for a value that people read, folded."""
    value = one_line(value)
    return _folded(name, value.split(" ") if _plain(value) else _encoded_words(value))


def mailbox_header(name: str, display_name: str, address: str) -> str:
    """``From: "Shop" <hello@shop.example>``; `address` must have passed `sendable`."""
    shown = one_line(display_name)
    if not shown:
        return f"{name}: <{address}>"
    if _plain(shown):
        quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
        return _folded(name, [*f'"{quoted}"'.split(" "), f"<{address}>"])
    return _folded(name, [*_encoded_words(shown), f"<{address}>"])


def sendable(address: str) -> str | None:
    """`address` as we put it into the envelope and the To header; None when it is no address we can send to.

    Takes dot-atom addresses (RFC 5321) of at most 254 bytes; a domain in other scripts becomes its ASCII form. A local
    part in another script (RFC 6531) stays, as the one spelling that Unicode calls composed: servers that take such mail are asked.
    """
    local, at, domain = address.strip().rpartition("@")
    if not domain.isascii():
        try:
            domain = domain.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    if not local.isascii() and not _is_visible(local):
        return None
    size = len(local.encode("utf-8"))
    fits = size <= 64 and len(domain) <= 253 and size + len(domain) < 254
    if not at or not fits or not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return None
    return f"{local}@{domain}"


def _is_visible(local: str) -> bool:
    """Whether every character of a local part shows, and is spelled as it should be."""
    shown = _UNSEEN.search(local) is None and not any(character.isspace() for character in local)
    return shown and normalize("NFC", local) == local


def atom(value: str, limit: int = 40) -> str:
    """`value` reduced to letters, digits, dot, dash and underscore, for identifiers inside headers."""
    return _ATOM.sub("-", value)[:limit].strip(".-") or "none"


def date(at_us: int) -> str:
    """An instant as the Date header has it: ``Sun, 22 Nov 2026 09:00:00 +0000``."""
    moment = datetime.fromtimestamp(at_us // SECOND_US, UTC)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02d} {month} {moment.year:04d} {moment:%H:%M:%S} +0000"


def _plain(value: str) -> bool:
    """Whether a value may stand in a header as it is, and be folded at its blanks."""
    return value.isascii() and "=?" not in value and max(map(len, value.split(" "))) <= _LONGEST_WORD_CHARS


def _encoded_words(value: str) -> list[str]:
    """RFC 2047 words, none with half a character in it. White space between them is not shown."""
    words: list[str] = []
    chunk = b""
    for character in value:
        data = character.encode("utf-8", "replace")
        if len(chunk) + len(data) > _WORD_BYTES:
            words.append(_encoded_word(chunk))
            chunk = b""
        chunk += data
    return [*words, _encoded_word(chunk)]


def _encoded_word(chunk: bytes) -> str:
    return f"=?utf-8?b?{b64encode(chunk).decode('ascii')}?="


def _folded(name: str, words: list[str]) -> str:
    lines = [f"{name}:"]
    for word in words:
        if len(lines[-1]) + 1 + len(word) > _LINE_CHARS and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {word}"
    return "\r\n".join(lines)
