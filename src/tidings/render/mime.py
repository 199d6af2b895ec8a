"""The bytes of a message: headers, a text part and an HTML part. The same input gives the same bytes."""

from __future__ import annotations

from binascii import b2a_base64, b2a_qp
from collections.abc import Sequence

MAX_LINE_BYTES = 998
"""Longest line that SMTP allows, without its end."""
_BASE64_LINE = 76


def build(headers: Sequence[str], text: str, html: str, boundary: str) -> bytes:
    """A multipart/alternative message, text first. `headers` are finished header lines without their ends."""
    parts = [_part("text/plain", *_text_body(text)), _part("text/html", *_html_body(html))]
    head = "\r\n".join(
        [*headers, "MIME-Version: 1.0", f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"', "", ""]
    )
    mark = f"--{boundary}\r\n".encode("ascii")
    return b"".join([head.encode("utf-8"), *(mark + part for part in parts), f"--{boundary}--\r\n".encode("ascii")])


def _part(content_type: str, encoding: str, body: bytes) -> bytes:
    head = f"Content-Type: {content_type}; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode("ascii") + body + b"\r\n"


def _text_body(text: str) -> tuple[str, bytes]:
    data = _lines(text.encode("utf-8", "replace"))
    if data.isascii() and _fits(data):
        return "7bit", data
    # The line end given makes the encoder end its own soft breaks alike.
    return "quoted-printable", b2a_qp(data + b"\r\n", istext=True)[:-2]


def _html_body(html: str) -> tuple[str, bytes]:
    """As it is where that is allowed: with other characters as references, which HTML knows, it is plain ASCII."""
    plain = _lines(html.encode("ascii", "xmlcharrefreplace"))
    if _fits(plain) and len(plain) < 1.2 * len(html):
        return "7bit", plain
    encoded = b2a_base64(_lines(html.encode("utf-8", "replace")), newline=False)
    return "base64", b"\r\n".join(encoded[i : i + _BASE64_LINE] for i in range(0, len(encoded), _BASE64_LINE))


def _lines(data: bytes) -> bytes:
    """With the line ends of mail. Of bytes, because of text it takes three times as long."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return data.replace(b"\n", b"\r\n")


def _fits(data: bytes) -> bool:
    """Whether no line is too long: from the last line end that a longest line could reach to the next one."""
    start = 0
    while len(data) - start > MAX_LINE_BYTES:
        end = data.rfind(b"\r\n", start, start + MAX_LINE_BYTES + 2)
        if end < 0:
            return False
        start = end + 2
    return True
