"""SMTP: persistent connections to the servers that take our mail (RFC 5321).

The attempt is put on record after the server said yes to sender and recipient and before the first byte of data leaves, so
what a crash or a broken connection leaves unclear (RFC 1047) is as little as it can be.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Callable

import msgspec

from tidings.deliver.base import Capabilities, Handover, Outcome, Permit, Result
from tidings.deliver.dkim import Signer
from tidings.deliver.smtp_reply import one_line
from tidings.deliver.smtp_session import NETWORK, Broken, Login, Session, Timeouts, Tls, open_session

MAX_MESSAGES = 1_000
"""Handed over on one connection before another one is opened."""
QUIT_S = 1.0
"""How long to wait for a server's good-bye."""

PATIENT = Timeouts()
"""Time-outs when none are given."""

_ADDRESS = re.compile(
    "[!-;=?-~\u00a1-\U0010ffff]+"
)  # visible, without angle brackets: nothing that could end the command
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Relay(msgspec.Struct, frozen=True, kw_only=True):
    """The server that takes all our mail, and how to talk to it."""

    host: str
    port: int
    certified: str = ""
    """The name that its certificate must have; empty: `host`."""
    hello: str = ""
    """Our name in EHLO; empty: this machine's."""
    tls: Tls | None = None
    """None talks in clear text whatever is offered."""
    login: Login | None = None


class SmtpTransport:
    """Hands over to one server on at most `connections` connections, kept open between messages."""

    def __init__(
        self, relay: Relay, *, connections: int = 4, timeouts: Timeouts = PATIENT, signer: Signer | None = None
    ) -> None:
        """A `signer` signs each message with the keys of its domain."""
        self._relay, self._timeouts, self._connections = relay, timeouts, connections
        self._hello = relay.hello or _own_name(relay.host)
        self._signatures: Callable[[bytes], bytes] | None = signer.headers if signer else None
        self._idle: list[tuple[Session, asyncio.TimerHandle]] = []
        self._ending: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(connections)

    @property
    def capabilities(self) -> Capabilities:
        """See `Transport.capabilities`."""
        return Capabilities(name="smtp", connections=self._connections, idempotent=False, awaits_permit=True)

    async def hand_over(self, mail: Handover, permit: Permit) -> Outcome:
        """See `Transport.hand_over`."""
        if not _ADDRESS.fullmatch(mail.sender) or not _ADDRESS.fullmatch(mail.recipient):
            return Outcome(Result.REFUSED, "an address that cannot stand in an SMTP command")
        data = self._signatures(mail.data) + mail.data if self._signatures else mail.data
        async with self._room:
            while (idle := self._take()) is not None:
                try:
                    return await self._converse(idle, mail, data, permit)
                except Broken:
                    continue  # the server hung up while the connection was idle; no data left, so try the next one
            return await self._converse_afresh(mail, data, permit)

    async def close(self) -> None:
        """See `Transport.close`."""
        while (session := self._take()) is not None:
            self._end(session)
        await asyncio.gather(*self._ending)

    async def _converse_afresh(self, mail: Handover, data: bytes, permit: Permit) -> Outcome:
        relay = self._relay
        try:
            fresh = await open_session(
                relay.host,
                relay.port,
                self._hello,
                relay.tls,
                relay.login,
                self._timeouts,
                relay.certified or relay.host,
            )
        except (Broken, *NETWORK) as error:
            return Outcome(Result.UNREACHABLE, one_line(f"{type(error).__name__}: {error}"))
        try:
            return await self._converse(fresh, mail, data, permit)
        except Broken as error:
            return Outcome(Result.LATER, one_line(str(error)))

    async def _converse(self, session: Session, mail: Handover, data: bytes, permit: Permit) -> Outcome:
        """One message on one connection, which is kept for the next one if it can be."""
        whole = False
        try:
            outcome = await session.hand_over(mail, data, permit, self._timeouts)
            whole = True
            return outcome
        finally:
            if not whole:
                session.end("given up")
            elif session.usable:
                self._keep(session)

    def _keep(self, session: Session) -> None:
        if session.messages >= MAX_MESSAGES:
            self._end(session)
            return
        timer = asyncio.get_running_loop().call_later(self._timeouts.idle_s, self._drop, session)
        self._idle.append((session, timer))

    def _take(self) -> Session | None:
        """The connection that was used last, if it can still be used."""
        while self._idle:
            session, timer = self._idle.pop()
            timer.cancel()
            if session.usable:
                return session
            session.end("not usable")
        return None

    def _drop(self, session: Session) -> None:
        """Nobody needed it for a while."""
        self._idle = [(other, timer) for other, timer in self._idle if other is not session]
        self._end(session)

    def _end(self, session: Session) -> None:
        task = asyncio.ensure_future(session.quit(QUIT_S))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _own_name(host: str) -> str:
    """What we call ourselves: the machine's full name, if it has one."""
    name = "localhost" if host in _LOOPBACK else socket.getfqdn()
    return name if name.isascii() and "." in name else "localhost"
