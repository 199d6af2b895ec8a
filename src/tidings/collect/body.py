"""From a request body as sent to JSON bytes: gunzip within bounds, unwrap form fields. SDKs mislabel their bodies, so
the bytes decide, not the headers."""

from __future__ import annotations

import zlib
from base64 import b64decode
from binascii import Error as Base64Error
from urllib.parse import parse_qs

from tidings.errors import InputError

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WINDOW = 31


class TooLarge(InputError):
    """A body is, or would become, larger than its bound."""


def plain(body: bytes, encoding: bytes, max_bytes: int) -> bytes:
    """The body without its gzip; never holds more than `max_bytes`. Raises InputError, or TooLarge."""
    if body[:2] == _GZIP_MAGIC:
        return _gunzip(body, max_bytes)
    if encoding not in (b"", b"identity"):
        msg = (
            f"Content-Encoding: got {encoding.decode('latin-1')[:40]!r} and a body that is not gzip; send gzip or plain"
        )
        raise InputError(msg)
    return body


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    unzip = zlib.decompressobj(_GZIP_WINDOW)
    try:
        text = unzip.decompress(body, max_bytes + 1)
    except zlib.error as error:
        msg = f"body: gzip does not decompress: {error}; send it again"
        raise InputError(msg) from error
    if len(text) > max_bytes:
        msg = f"body: decompresses to more than {max_bytes} bytes; send smaller batches"
        raise TooLarge(msg)
    if not unzip.eof:
        msg = "body: gzip ends too early; send it again"
        raise InputError(msg)
    return text


def unform(body: bytes) -> bytes:
    """JSON out of a form or beacon body: as it is when it starts like JSON, else the field ``data`` (JSON or base64)."""
    if body[:1] in (b"{", b"["):
        return body
    text = body.lstrip()
    if text[:1] in (b"{", b"["):
        return text
    fields = parse_qs(text[:65_536].decode("latin-1"), max_num_fields=20) if text[:5] == b"data=" else {}
    return data_field(fields["data"][0]) if "data" in fields else body


def data_field(value: str) -> bytes:
    """The JSON in a ``data`` parameter: as text, or base64 with either alphabet. Raises InputError."""
    if value.lstrip()[:1] == "{":
        return value.encode("utf-8", "surrogateescape")
    try:
        text = value.replace("-", "+").replace("_", "/").replace(" ", "+")
        return b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (Base64Error, ValueError) as error:
        msg = f"data: {error}; wanted a JSON object, plain or in base64"
        raise InputError(msg) from error
