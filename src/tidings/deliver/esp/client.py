"""The client that all mail services are talked to with: kept connections, one request at a time on each.

The port's promise is about when: permission is asked once the connection stands and before the first byte of the request leaves.
What fails before that is no attempt; what fails after it, without an answer, is lost: nobody knows whether it was taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from urllib.parse import urlsplit

import httptools
import msgspec

from tidings.clock import Clock
from tidings.deliver.base import Capabilities, Handover, Outcome, Permit, Result, allowed
from tidings.deliver.esp.base import Answered, Esp, Settings
from tidings.deliver.post import Answer, request
from tidings.deliver.smtp_reply import one_line
from tidings.errors import InputError

KEPT_S = 10.0
"""A connection that nobody used for so long is not used again: services close idle ones, and one that closes as we write is lost mail."""
_CHUNK_BYTES = 8_192
_PORTS = {"https": 443, "http": 80}
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_BROKEN = (OSError, ssl.SSLError, httptools.HttpParserError, TimeoutError)


class _Line(msgspec.Struct):
    """One connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used_s: float


class EspTransport:
    """Hands over to one mail service on at most `connections` connections."""

    def __init__(
        self,
        esp: Esp,
        settings: Settings,
        clock: Clock,
        *,
        connections: int = 8,
        timeout_s: float = 30.0,
        context: ssl.SSLContext | None = None,
    ) -> None:
        """Raises InputError when settings that the service needs are missing."""
        for name in esp.needs:
            if not getattr(settings, name):
                raise InputError(f"mail service {esp.name}: `{name}` is missing; see docs/reference/transports.md")
        if settings.base_url:
            _check_url(esp.name, settings.base_url)
        esp.check(settings)
        self._esp, self._settings, self._clock = esp, settings, clock
        self._connections, self._timeout_s = connections, timeout_s
        self._context = context or ssl.create_default_context()
        self._room = asyncio.Semaphore(connections)
        self._idle: list[_Line] = []

    @property
    def capabilities(self) -> Capabilities:
        """See `Transport.capabilities`."""
        says = self._esp.says
        return Capabilities(
            name=self._esp.name,
            connections=self._connections,
            idempotent=says.idempotent_s > 0,
            idempotent_s=says.idempotent_s,
            awaits_permit=True,
        )

    async def hand_over(self, mail: Handover, permit: Permit) -> Outcome:
        """See `Transport.hand_over`."""
        if len(mail.data) > self._esp.says.max_bytes:
            return Outcome(
                Result.REFUSED,
                f"larger than the {self._esp.says.max_bytes:,} bytes that {self._esp.name} takes",
            )
        asked = self._esp.ask(mail, self._settings, self._clock.now_us())
        async with self._room:
            try:
                line = self._kept()
                if line is None:
                    line = await asyncio.wait_for(self._connect(asked.url), self._timeout_s)
            except _BROKEN as error:
                return Outcome(Result.UNREACHABLE, one_line(f"{type(error).__name__}: {error}"))
            reusable = False
            try:
                if not await allowed(permit):
                    reusable = True
                    return Outcome(Result.WITHHELD)
                data = request(asked.url, {"Connection": "keep-alive", **asked.headers}, asked.body)
                outcome, reusable = await self._exchange(line, data)
                return outcome
            finally:
                if reusable:
                    self._keep(line)
                else:
                    line.writer.transport.abort()

    async def close(self) -> None:
        """See `Transport.close`."""
        while self._idle:
            writer = self._idle.pop().writer
            writer.close()
            with contextlib.suppress(*_BROKEN):
                await asyncio.wait_for(writer.wait_closed(), 1.0)

    async def _exchange(self, line: _Line, data: bytes) -> tuple[Outcome, bool]:
        """What came of the request, and whether the connection can take another one."""
        answer = Answer()
        try:
            async with asyncio.timeout(self._timeout_s):
                line.writer.write(data)
                await line.writer.drain()
                while not answer.done:
                    answer.feed(await line.reader.read(_CHUNK_BYTES))
        except _BROKEN as error:
            cut = answer.cut()  # a refusal is one, also when its body did not come to an end
            if cut is None or cut.status >= 500:
                words = one_line(f"no answer after the request: {type(error).__name__}: {error}")
                return Outcome(Result.LOST, words), False
        posted = answer.posted()
        if not posted.status:
            return Outcome(Result.LOST, one_line(posted.error)), False
        answered = Answered(status=posted.status, body=posted.body, retry_after=posted.retry_after)
        return self._esp.read(answered), answer.reusable

    def _kept(self) -> _Line | None:
        """The connection that was used last, if it is fresh and the other side has not hung up."""
        while self._idle:
            line = self._idle.pop()
            if time.monotonic() - line.used_s < KEPT_S and not line.reader.at_eof() and not line.writer.is_closing():
                return line
            line.writer.transport.abort()
        return None

    def _keep(self, line: _Line) -> None:
        line.used_s = time.monotonic()
        self._idle.append(line)

    async def _connect(self, url: str) -> _Line:
        parts = urlsplit(url)
        secure = parts.scheme == "https"
        tls = {"ssl": self._context, "server_hostname": parts.hostname} if secure else {}
        reader, writer = await asyncio.open_connection(
            parts.hostname,
            parts.port or _PORTS[parts.scheme],
            limit=_CHUNK_BYTES,
            **tls,  # type: ignore[arg-type]
        )
        return _Line(reader, writer, time.monotonic())


def _check_url(name: str, url: str) -> None:
    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in _LOOPBACK
    if not (parts.hostname and (parts.scheme == "https" or local)) or parts.username or parts.query or parts.fragment:
        raise InputError(f"mail service {name}: got base_url {url!r}, wanted https://host and perhaps a path")
