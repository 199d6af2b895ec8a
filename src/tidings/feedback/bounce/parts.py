"""A mail cut into its parts, with bounds on everything: size, depth, number of parts, length of headers.

Not the standard library's parser, which follows any nesting and any charset: what arrives here is written by strangers. Broken mail is
the rule among bounces, so a boundary that is declared but not used is looked for in the body.
"""

from __future__ import annotations

import quopri
import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator

import msgspec

MAX_BYTES = 1024 * 1024
"""Of a mail, this much is read."""
MAX_DEPTH = 6
MAX_PARTS = 40
MAX_HEADERS = 200
MAX_HEADER_CHARS = 2_000
MAX_PART_TEXT_BYTES = 64 * 1024
"""Of a part's text, this much is decoded."""

_BOUNDARY = re.compile(r'boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))', re.IGNORECASE)
_CHARSET = re.compile(r'charset\s*=\s*"?([\w.:-]{1,40})', re.IGNORECASE)
_LOOKS_LIKE_BOUNDARY = re.compile(rb"(?m)^--([^\r\n]{1,200}?)[ \t]{0,20}\r?\n(?=content-)", re.IGNORECASE)
_HEADER = re.compile(r"([!-9;-~]{1,100})[ \t]*:(.*)", re.DOTALL)
_BLANK = re.compile(rb"\r?\n[ \t]*\r?\n")
_CHARSETS = re.compile(
    r"utf-?8|us-ascii|ascii|iso-8859-\d{1,2}|windows-12\d\d|cp12\d\d|iso-2022-jp(?:-\d)?|shift[_-]jis|euc-(?:jp|kr)|gb2312|gbk|gb18030|"
    r"big5|koi8-[ru]|iso-2022-kr|cp932"
)
"""Those that are decoded; Python knows others that take their time or are no charsets."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part that holds no others."""

    kind: str
    """Its content type in lower case, such as ``text/plain``."""
    headers: dict[str, str]
    """By lower-cased name; of several with one name, the first."""
    body: bytes
    """As it was sent, still in its transfer encoding."""
    depth: int
    """0 for a mail without parts."""

    def text(self) -> str:
        """Its text, lines ended by a line feed; what cannot be decoded is replaced. Bounded."""
        raw = _decoded(self.body[: 2 * MAX_PART_TEXT_BYTES], self.headers.get("content-transfer-encoding", ""))
        raw = raw[:MAX_PART_TEXT_BYTES]
        return _charset_decoded(raw, self.headers.get("content-type", "")).replace("\r\n", "\n").replace("\r", "\n")


def parts_of(raw: bytes) -> tuple[dict[str, str], list[Part]]:
    """The mail's own headers and its parts in order, at most `MAX_PARTS` of them."""
    headers, body = split_head(raw[:MAX_BYTES])
    found = []
    for part in _walk(headers, body, 0):
        found.append(part)
        if len(found) == MAX_PARTS:
            break
    return headers, found


def split_head(raw: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body of a mail or a part."""
    if raw[:2] == b"\r\n" or raw[:1] == b"\n":
        return {}, raw.lstrip(b"\r\n")
    blank = _BLANK.search(raw)
    end = blank.start() if blank else len(raw)
    return read_headers(raw[:end].decode("latin-1")), raw[blank.end() :] if blank else b""


def read_headers(text: str) -> dict[str, str]:
    """Header lines, unfolded, by lower-cased name. Lines that are none are left out."""
    found: dict[str, str] = {}
    name = ""
    for line in text.splitlines()[: 10 * MAX_HEADERS]:
        if line[:1] in " \t" and name:
            if len(found[name]) < MAX_HEADER_CHARS:
                found[name] += " " + line.strip()[:MAX_HEADER_CHARS]
            continue
        matched = _HEADER.match(line)
        name = ""
        if matched and len(found) < MAX_HEADERS and matched.group(1).lower() not in found:
            name = matched.group(1).lower()
            found[name] = matched.group(2).strip()[:MAX_HEADER_CHARS]
    return found


def _walk(headers: dict[str, str], body: bytes, depth: int) -> Iterator[Part]:
    content_type = headers.get("content-type", "text/plain")
    kind = content_type.partition(";")[0].strip().lower() or "text/plain"
    chunks = _chunks(content_type, body) if kind.startswith("multipart/") and depth < MAX_DEPTH else []
    if not chunks:
        yield Part(
            kind="text/plain" if kind.startswith("multipart/") else kind, headers=headers, body=body, depth=depth
        )
    for chunk in chunks:
        yield from _walk(*split_head(chunk), depth + 1)


def _chunks(content_type: str, body: bytes) -> list[bytes]:
    """The parts between a multipart's boundaries; none when there are no boundaries at all."""
    declared = _BOUNDARY.search(content_type)
    if declared:
        boundary = (declared.group(1) or declared.group(2)).encode("latin-1", "replace")
        chunks = _cut(body, boundary)
        if chunks:
            return chunks
    guessed = _LOOKS_LIKE_BOUNDARY.search(body)
    return _cut(body, guessed.group(1)) if guessed else []


def _cut(body: bytes, boundary: bytes) -> list[bytes]:
    line = re.compile(rb"(?m)^--" + re.escape(boundary) + rb"(--)?[ \t]*\r?(?:\n|\Z)")
    starts = []
    for at in line.finditer(body):
        starts.append((at.start(), at.end()))
        if at.group(1) or len(starts) > MAX_PARTS:
            break
    ends = [start for start, _ in starts[1:]] + [len(body)]
    chunks = [body[after:end] for (_, after), end in zip(starts, ends, strict=False)]
    return [chunk for chunk in chunks if chunk.strip()]


def _decoded(body: bytes, encoding: str) -> bytes:
    encoding = encoding.strip().lower()
    if encoding == "quoted-printable":
        return quopri.decodestring(body)
    if encoding == "base64":
        kept = re.sub(rb"[^A-Za-z0-9+/]", b"", body)
        try:
            return b64decode(kept[: len(kept) // 4 * 4])
        except Error:
            return body
    return body


def _charset_decoded(raw: bytes, content_type: str) -> str:
    declared = _CHARSET.search(content_type)
    charset = declared.group(1).lower() if declared else "utf-8"
    if not _CHARSETS.fullmatch(charset):
        charset = "utf-8"
    if charset.startswith(("utf", "us-", "ascii")) and b"\x1b$" in raw:
        charset = "iso-2022-jp"
    try:
        return raw.decode(charset)
    except (UnicodeDecodeError, LookupError):
        return raw.decode("latin-1" if charset.startswith("iso-8859") else "utf-8", "replace")
