"""Requests and responses of the collector, as plain values; `connection` moves their bytes."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

JSON = b"application/json"
HTML = b"text/html; charset=utf-8"
GIF = b"image/gif"
PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
"""A transparent picture of one by one."""

_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n".encode() for s in HTTPStatus}
_BODYLESS = (204, 304)
_MAX_MESSAGE_CHARS = 500


class Response(NamedTuple):
    """What goes back: status line, headers (each with its line end), body."""

    line: bytes
    headers: bytes
    body: bytes


class Request:
    """One request whose body is complete. `answer` it once, at any time later; order is the connection's business."""

    __slots__ = ("_reply", "body", "headers", "keep_alive", "method", "path", "query", "response")

    def __init__(
        self,
        method: bytes,
        url: bytes,
        headers: dict[bytes, bytes],
        body: bytes,
        reply: Callable[[], None] | None = None,
    ) -> None:
        path, _, query = url.partition(b"?")
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        """Names in lower case."""
        self.body = body
        self.keep_alive = True
        self.response: Response | None = None
        self._reply = reply

    def answer(self, response: Response) -> None:
        """Send `response` as soon as those of earlier requests on the same connection have gone out."""
        self.response = response
        if self._reply is not None:
            self._reply()

    def header(self, name: bytes) -> str:
        """A header's value as text, empty when missing."""
        return self.headers.get(name, b"").decode("latin-1")

    def tail(self, prefix: bytes) -> str:
        """What follows `prefix` in the path, percent-decoded."""
        return unquote(self.path[len(prefix) :].decode("latin-1"))


def respond(status: int, body: bytes = b"", kind: bytes = JSON, headers: bytes = b"") -> Response:
    """A response; `headers` are more header lines, each ended by CR LF."""
    if status in _BODYLESS:
        return Response(_LINES[status], headers, b"")
    lines = b"%sContent-Type: %s\r\nContent-Length: %d\r\n" % (headers, kind, len(body))
    return Response(_LINES[status], lines, body)


def respond_json(status: int, value: Any, headers: bytes = b"") -> Response:
    """A JSON response."""
    return respond(status, msgspec.json.encode(value), JSON, headers)


def problem(status: int, code: str, message: str, headers: bytes = b"") -> Response:
    """A JSON error: a word for machines and a sentence that says what, got, wanted and what to do."""
    return respond_json(status, {"code": code, "message": message[:_MAX_MESSAGE_CHARS]}, headers)


def busy(message: str, retry_after_s: int = 1) -> Response:
    """503 with Retry-After: nothing was stored, the same request may be sent again."""
    return problem(503, "busy", f"{message}; send the same request again later", b"Retry-After: %d\r\n" % retry_after_s)


def with_headers(response: Response, headers: bytes) -> Response:
    """The same response with more header lines."""
    return Response(response.line, response.headers + headers, response.body)


def date_line(now_s: float) -> bytes:
    """The Date header line of this second."""
    return f"Date: {formatdate(now_s, usegmt=True)}\r\n".encode()
