"""One POST to a webhook: within a time, with bounds on all that comes back, to no address that is not permitted.

HTTP/1.1, one connection a call. Redirects are not followed: they are answers like others, and count as failures. Of an answer
no more is read than is kept, so an endless one costs nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Mapping
from typing import Protocol
from urllib.parse import urlsplit

import httptools
import msgspec

from tidings.deliver.reach import Networks, RefusedAddress, find
from tidings.domain.outward import MAX_BODY_BYTES

MAX_HEAD_BYTES = 16_384
"""Bytes of an answer before its body."""
_CHUNK_BYTES = 8_192
_PORTS = {"https": 443, "http": 80}


class Posted(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    status: int = 0
    """0 when there was no answer."""
    body: bytes = b""
    """At most `MAX_BODY_BYTES`."""
    whole: bool = True
    """False when there was more of it, or it was not read to its end."""
    retry_after: str = ""
    """The header, as it came."""
    error: str = ""
    """``word: sentence`` when there was no answer."""
    final: bool = False
    """Whether trying again cannot help."""


class Poster(Protocol):
    """Calls webhooks."""

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Posted:
        """Try once. Never raises for what the other side or the network does."""
        ...


class HttpPoster:
    """Over the network."""

    def __init__(self, allowed: Networks = (), context: ssl.SSLContext | None = None) -> None:
        """`allowed` are networks that are not public and may be reached; `context` is the system's if not given."""
        self._allowed = allowed
        self._context = context or ssl.create_default_context()

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Posted:
        """See `Poster.post`."""
        return await self._ask(url, request(url, headers, body), timeout_s)

    async def _ask(self, url: str, asked: bytes, timeout_s: float) -> Posted:
        answer = Answer()
        try:
            async with asyncio.timeout(timeout_s):
                await self._try(url, asked, answer, timeout_s)
        except TimeoutError:
            return answer.cut() or Posted(error=f"timeout: no whole answer within {timeout_s:g} s")
        except RefusedAddress as error:
            return Posted(error=str(error), final=True)
        except (OSError, httptools.HttpParserError) as error:
            return answer.cut() or Posted(error=f"unreachable: {type(error).__name__}: {error}")
        return answer.posted()

    async def get(self, url: str, timeout_s: float) -> Posted:
        """Fetch something small, once, under the same rules. Never raises for what the other side or the network does."""
        return await self._ask(url, request(url, {}, b"", method="GET"), timeout_s)

    async def _try(self, url: str, asked: bytes, answer: Answer, timeout_s: float) -> None:
        reader, writer = await self._connect(url, timeout_s)
        try:
            writer.write(asked)
            await writer.drain()
            while not answer.done:
                answer.feed(await reader.read(_CHUNK_BYTES))
        finally:
            writer.transport.abort()  # nobody waits for a polite end of what was read as far as it matters

    async def _connect(self, url: str, timeout_s: float) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To the first of its addresses that answers; each but the last has a part of the time."""
        parts = urlsplit(url)
        host, secure = parts.hostname or "", parts.scheme == "https"
        port = parts.port or _PORTS[parts.scheme]
        *others, last = await find(host, port, secure=secure, allowed=self._allowed)
        tls = {"ssl": self._context, "server_hostname": host} if secure else {}
        for address in others:
            with contextlib.suppress(OSError):
                async with asyncio.timeout(timeout_s / (2 * len(others))):
                    return await asyncio.open_connection(address, port, limit=_CHUNK_BYTES, **tls)  # type: ignore[arg-type]
        return await asyncio.open_connection(last, port, limit=_CHUNK_BYTES, **tls)  # type: ignore[arg-type]


def request(url: str, headers: Mapping[str, str], body: bytes, *, method: str = "POST") -> bytes:
    """The bytes of a request; `headers` may replace those that stand here. The connection ends after it unless they say otherwise."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    every = {
        "Host": parts.netloc,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        "Accept-Encoding": "identity",
        "User-Agent": "Tidings",
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in every.items())
    return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + body


class Answer:
    """What has been read of one HTTP answer; the parser calls its ``on_…`` methods."""

    def __init__(self) -> None:
        self.done = False
        """Whether nothing more has to be read."""
        self._parser = httptools.HttpResponseParser(self)
        self._head = True
        self._read = 0
        self._complete = False
        self._body = bytearray()
        self._framed = False
        self._stays = False
        self._retry_after = ""

    @property
    def begun(self) -> bool:
        """Whether anything was read."""
        return self._read > 0

    @property
    def reusable(self) -> bool:
        """Whether the connection may take another request: the answer was framed, read to its end, and says nothing else."""
        return self._complete and self._framed and self._stays

    def feed(self, data: bytes) -> None:
        """Some more bytes; none at its end. Raises ConnectionError when that comes too early."""
        if not data:
            if self._head or self._framed:
                msg = "hung up in the middle of its answer" if self._read else "hung up without an answer"
                raise ConnectionResetError(msg)
            self.done = self._complete = True
            return
        self._read += len(data)
        with contextlib.suppress(httptools.HttpParserUpgrade):
            self._parser.feed_data(data)
        self.done = self.done or len(self._body) > MAX_BODY_BYTES or (self._head and self._read > MAX_HEAD_BYTES)

    def on_header(self, name: bytes, value: bytes) -> None:
        """The parser has read a header."""
        if name.lower() == b"retry-after":
            self._retry_after = value.decode("latin-1")
        self._framed = self._framed or name.lower() in (b"content-length", b"transfer-encoding")

    def on_headers_complete(self) -> None:
        """The parser has read the head; another one follows if it was only provisional."""
        self._head = 100 <= self._parser.get_status_code() < 200
        self._stays = self._parser.should_keep_alive()  # asked later, the parser no longer knows

    def on_body(self, data: bytes) -> None:
        """The parser has read a piece of the body; no more is kept than the bound."""
        room = MAX_BODY_BYTES + 1 - len(self._body)
        self._body += data[:room]

    def on_message_complete(self) -> None:
        """The parser has read it to its end."""
        if not self._head:
            self.done = self._complete = True

    def cut(self) -> Posted | None:
        """An answer that was refused is one, also when its body did not come to an end; else None."""
        return self.posted() if not self._head and self._parser.get_status_code() >= 300 else None

    def posted(self) -> Posted:
        """What was read."""
        if self._head:
            return Posted(error="bad_answer: it is no HTTP answer, or its head is too long")
        whole = self._complete and len(self._body) <= MAX_BODY_BYTES
        return Posted(
            status=self._parser.get_status_code(),
            body=bytes(self._body[:MAX_BODY_BYTES]),
            whole=whole,
            retry_after=self._retry_after,
        )
