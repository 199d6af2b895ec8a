"""Where returned mail comes in: a small SMTP server for the bounce domain. It takes, reads and answers; it sends nothing on.

What it said 250 to is in the log. A mail that proves to be about no message of ours is kept and counted, so many an hour and no
more, so that nobody fills the disk.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from aiosmtpd.smtp import SMTP, Envelope, Session

from tidings.clock import HOUR_US, Clock
from tidings.collect.committer import Committer
from tidings.collect.evidence import Evidence
from tidings.collect.pressure import Pressure
from tidings.collect.returned import Messages, Read, read
from tidings.config import ReturnsConfig
from tidings.errors import PortTaken
from tidings.feedback.bounce.parts import MAX_BYTES
from tidings.feedback.tokens import Tokens

MAX_RECIPIENTS = 20
MAX_CONNECTIONS = 100
_TIMEOUT_S = 60
_MAX_COMMANDS = 100
_BUSY = "451 4.3.0 busy, please try again later"


class Returns:
    """The server. Everything happens on the loop it is started in."""

    def __init__(
        self,
        config: ReturnsConfig,
        *,
        domain: str,
        tokens: Tokens,
        messages: Messages,
        committer: Committer,
        pressure: Pressure,
        evidence: Evidence,
        clock: Clock,
    ) -> None:
        """`domain` is the one that bounces come to; empty takes mail for any."""
        self._config = config
        self._domain = domain.lower()
        self._tokens = tokens
        self._messages = messages
        self._committer = committer
        self._pressure = pressure
        self._evidence = evidence
        self._clock = clock
        self._hour = (0, 0)
        self._open: set[asyncio.BaseTransport] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen; the port. Raises PortTaken."""
        logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd writes each address into it
        loop, host, port = asyncio.get_running_loop(), self._config.host, self._config.port
        try:
            self._server = await loop.create_server(partial(self._session, loop), host, port)
        except OSError as error:
            raise PortTaken("returns.port", host, port) from error
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Listen no more, and end what is open."""
        if self._server is None:
            return
        self._server.close()
        for transport in list(self._open):
            transport.close()
        await asyncio.sleep(0)

    def _session(self, loop: asyncio.AbstractEventLoop) -> SMTP:
        session = _Session(
            self,
            data_size_limit=MAX_BYTES,
            hostname=self._domain or "returns.localhost",
            ident="Tidings",
            timeout=_TIMEOUT_S,
            command_call_limit=_MAX_COMMANDS,
            loop=loop,
        )
        session.opened = self._open
        return session

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Called by aiosmtpd at RCPT TO; what it returns is the answer."""
        if self._domain and address.rpartition("@")[2].lower() != self._domain:
            return f"550 5.7.1 only mail for {self._domain} is taken here"
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return "452 4.5.3 too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Called by aiosmtpd after the final dot; 250 when what the mail says is on disk."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode()
        if self._pressure.refusal() is not None:
            return _BUSY
        found = await asyncio.to_thread(read, raw, list(envelope.rcpt_tos), self._tokens, self._messages)
        if found.message is None and not self._may_keep():
            return "452 4.7.1 too many mails that are about no message of ours, please try again later"
        if not await self._stored(found):
            return _BUSY
        if found.message is not None:
            self._evidence.heard(found.message, found.name)
        return "250 2.0.0 taken"

    async def _stored(self, found: Read) -> bool:
        stored: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def done(first: int | None) -> None:
            if not stored.done():
                stored.set_result(first is not None)

        self._committer.submit([found.record], 1, len(found.record.body), done)
        return await stored

    def _may_keep(self) -> bool:
        """Whether one more mail that proves nothing may be kept in this hour."""
        hour = self._clock.now_us() // HOUR_US
        kept = self._hour[1] if self._hour[0] == hour else 0
        self._hour = (hour, kept + 1)
        return kept < self._config.max_unproven_per_hour


class _Session(SMTP):
    """One connection; of more than `MAX_CONNECTIONS`, the newest are closed."""

    opened: set[asyncio.BaseTransport]
    """All connections of the server."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        if len(self.opened) >= MAX_CONNECTIONS:
            transport.close()
            return
        self.opened.add(transport)
        self._mine = transport
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """See asyncio."""
        mine = getattr(self, "_mine", None)
        if mine is None:
            return
        self.opened.discard(mine)
        super().connection_lost(error)
