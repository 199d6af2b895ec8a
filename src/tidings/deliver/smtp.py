"""SMTP: a few persistent connections to the server that takes our mail (RFC 5321).

The attempt is put on record after the server said 354 and before the first byte of data leaves, so what a crash or a
broken connection leaves unclear (RFC 1047) is as little as it can be.
"""

from __future__ import annotations

import asyncio
import re
import ssl

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from tidings.deliver.base import Capabilities, Handover, Outcome, Permit, Result

MAX_REPLY_CHARS = 300
"""Longest answer kept."""

_BROKEN = (SMTPException, OSError, ssl.SSLError, TimeoutError, ValueError)
"""What aiosmtplib raises when the network, TLS or the server's grammar fails."""
_START_DATA = 354
_CLOSING = 421
_ADDRESS = re.compile(r"[!-;=?-~]+")  # visible ASCII without angle brackets: nothing that could end the command
_SPACES = re.compile(r"[\s\x00-\x1f\x7f]+")


class _Broken(Exception):
    """The conversation ended before any data left."""


class SmtpTransport:
    """Hands over to one server on at most `connections` connections, kept open between messages."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        connections: int = 4,
        timeout_s: float = 30.0,
        username: str = "",
        password: str = "",
        start_tls: bool | None = None,
    ) -> None:
        """`start_tls`: True insists on STARTTLS, False never uses it, None uses it when offered."""
        self._host, self._port, self._timeout_s = host, port, timeout_s
        self._username, self._password, self._start_tls = username, password, start_tls
        self._connections = connections
        self._idle: list[SMTP] = []
        self._room = asyncio.Semaphore(connections)

    @property
    def capabilities(self) -> Capabilities:
        """See `Transport.capabilities`."""
        return Capabilities(name="smtp", connections=self._connections, idempotent=False)

    async def hand_over(self, mail: Handover, permit: Permit) -> Outcome:
        """See `Transport.hand_over`."""
        if not _ADDRESS.fullmatch(mail.sender) or not _ADDRESS.fullmatch(mail.recipient):
            return Outcome(Result.REFUSED, "an address that cannot stand in an SMTP command")
        async with self._room:
            while self._idle:
                try:
                    return await self._converse(self._idle.pop(), mail, permit)
                except _Broken:
                    continue  # the server hung up while the connection was idle; no data left, so try the next one
            try:
                fresh = await self._connect()
            except _BROKEN as error:
                return Outcome(Result.UNREACHABLE, _words(error))
            try:
                return await self._converse(fresh, mail, permit)
            except _Broken as error:
                return Outcome(Result.LATER, str(error))

    async def close(self) -> None:
        """See `Transport.close`."""
        while self._idle:
            connection = self._idle.pop()
            try:
                await connection.quit(timeout=1.0)
            except _BROKEN:
                connection.close()  # it is gone already

    async def _connect(self) -> SMTP:
        connection = SMTP(
            hostname=self._host,
            port=self._port,
            username=self._username or None,
            password=self._password or None,
            local_hostname="localhost" if self._host in ("127.0.0.1", "::1", "localhost") else None,
            timeout=self._timeout_s,
            start_tls=self._start_tls,
        )
        try:
            await connection.connect()
            await connection.ehlo()
        except BaseException:
            connection.close()
            raise
        return connection

    async def _converse(self, connection: SMTP, mail: Handover, permit: Permit) -> Outcome:
        """One message on one connection. Raises _Broken when the connection failed before data could leave."""
        keep = False
        try:
            refusal = await self._envelope(connection, mail)
            if refusal is not None:
                keep = _clear(refusal) and await _reset(connection)
                return refusal
            if not permit():
                return Outcome(Result.WITHHELD)  # after 354 only closing takes it back
            outcome = await self._data(connection, mail.data)
            keep = _clear(outcome)
            return outcome
        finally:
            if keep:
                self._idle.append(connection)
            else:
                connection.close()

    async def _envelope(self, connection: SMTP, mail: Handover) -> Outcome | None:
        """Up to 354; an outcome when the server did not want to go that far."""
        try:
            await connection.mail(mail.sender)
            await connection.rcpt(mail.recipient)
            code, message = await connection.execute_command(b"DATA")
        except SMTPResponseException as error:
            code, message = error.code, error.message
        except _BROKEN as error:
            raise _Broken(_words(error)) from error
        if code == _START_DATA:
            return None
        # Anything but yes and no is a server out of step; above all 250 here does not mean that it took anything.
        return _answered(code, message) if code // 100 in (4, 5) else Outcome(Result.LATER, f"{code} out of step")

    async def _data(self, connection: SMTP, data: bytes) -> Outcome:
        protocol = connection.protocol
        try:
            if protocol is None:
                return Outcome(Result.LOST, "connection lost")
            protocol.write(_stuffed(data))
            code, message = await protocol.read_response(timeout=self._timeout_s)
        except SMTPResponseException as error:
            code, message = error.code, error.message
        except _BROKEN as error:
            return Outcome(Result.LOST, _words(error))
        return _answered(code, message)


def _answered(code: int, message: str) -> Outcome:
    results = {2: Result.ACCEPTED, 4: Result.LATER, 5: Result.REFUSED}
    return Outcome(results.get(code // 100, Result.LOST), _one_line(f"{code} {message}"))


def _clear(outcome: Outcome) -> bool:
    """Whether both sides know where they stand, and the server is not about to hang up."""
    return (
        outcome.reply[:1] in "245"
        and not outcome.reply.startswith(f"{_CLOSING} ")
        and "out of step" not in outcome.reply
    )


async def _reset(connection: SMTP) -> bool:
    """Whether the connection can take the next message."""
    try:
        await connection.rset()
    except _BROKEN:
        return False
    return True


def _stuffed(data: bytes) -> bytes:
    """`data` as DATA wants it: lines that begin with a dot get a second one, and a lone dot ends it."""
    body = data if data.endswith(b"\r\n") else data + b"\r\n"
    body = body.replace(b"\r\n.", b"\r\n..")
    return (b"." + body if body.startswith(b".") else body) + b".\r\n"


def _words(error: Exception) -> str:
    return _one_line(f"{type(error).__name__}: {error}")


def _one_line(text: str) -> str:
    return _SPACES.sub(" ", text).strip()[:MAX_REPLY_CHARS]
