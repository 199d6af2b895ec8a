"""One conversation with an SMTP server (RFC 5321): opening it, messages one after the other, ending it.

What goes out in one piece, where the server takes it so (RFC 2920, RFC 3030): MAIL and RCPT, with DATA where there is no
BDAT; then, once the server has said yes to all of it and permission is given, the whole message with its end.

What a broken connection means is decided by what can have left: as long as part of a message lies in our own buffers the
server cannot have taken it; from its last byte on only an answer tells.
"""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Sequence
from typing import cast

import msgspec

from tidings.deliver.base import Handover, Outcome, Permit, Result, allowed
from tidings.deliver.smtp_reply import CLOSING, BadReply, Extensions, Replies, Reply, extensions, one_line

NETWORK = (OSError, ssl.SSLError, TimeoutError)
"""What the network raises."""
START_DATA = 354

_READY, _MORE, _DONE, _NO_EHLO = 220, 334, 235, (500, 502)


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """How long to wait, phase by phase (RFC 5321, 4.5.3.2, which asks for more patience than most connections need)."""

    connect_s: float = 30.0
    """For the connection itself, and TLS."""
    greeting_s: float = 60.0
    """For the server's first words."""
    command_s: float = 60.0
    """For the answer to a command, DATA among them."""
    write_s: float = 180.0
    """Until the network has taken all of a message."""
    answer_s: float = 600.0
    """For the answer after a message: to give up early makes doubt, or copies."""
    idle_s: float = 25.0
    """A connection nobody needs is ended after so long; servers themselves hang up after half a minute or more."""


class Login(msgspec.Struct, frozen=True, kw_only=True):
    """Who logs in."""

    username: str
    password: str


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection is protected."""

    context: ssl.SSLContext
    """Checks certificates, or does not."""
    implicit: bool = False
    """From the first byte on (port 465); else by STARTTLS."""
    required: bool = False
    """No TLS, no conversation; else it is used when offered."""


class Broken(Exception):
    """The conversation ended, and nothing of a message can have been taken. Its text says how."""


class Session(asyncio.Protocol):
    """A connection and what is known about it. Made by `open_session`."""

    def __init__(self) -> None:
        self.extensions = Extensions()
        """What the server offers."""
        self.messages = 0
        """Handed over on this connection, or refused."""
        self.trouble = ""
        """Why it cannot be used any more; empty while it can."""
        self._transport: asyncio.Transport | None = None
        self._replies = Replies()
        self._waiting: list[Reply] = []
        self._wanted = 0
        self._waiter: asyncio.Future[None] | None = None
        self._unsent = False
        self._reset_first = False
        self._loop = asyncio.get_running_loop()

    # -- what the event loop calls ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)  # so that `_unsent` is exact

    def data_received(self, data: bytes) -> None:
        """The server speaks."""
        try:
            self._waiting += self._replies.feed(data)
        except BadReply as error:
            self.end(str(error))
            return
        if len(self._waiting) >= self._wanted:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self.trouble = self.trouble or (_words(exc) if exc else "the server hung up")
        self._wake()

    def eof_received(self) -> None:
        """The server will say nothing more."""
        self.end("the server hung up")

    def pause_writing(self) -> None:
        """Not all that was written has left."""
        self._unsent = True

    def resume_writing(self) -> None:
        """Now it has."""
        self._unsent = False
        self._wake()

    # -- using it -----------------------------------------------------------------------------------------------------

    @property
    def usable(self) -> bool:
        """Whether the next message can be tried on it: it is whole, and the server has said nothing unasked (421 it may be)."""
        return not self.trouble and not self._waiting and not self._replies.pending

    def end(self, why: str) -> None:
        """Close it at once."""
        self.trouble = self.trouble or why
        if self._transport is not None:
            self._transport.abort()
        self._wake()

    async def quit(self, timeout_s: float) -> None:
        """End it politely."""
        if self.usable:
            self._write(b"QUIT\r\n")
            await self._read(1, timeout_s)
        self.end("ended")

    async def hand_over(self, mail: Handover, data: bytes, permit: Permit, timeouts: Timeouts) -> Outcome:
        """One message. Raises Broken when the connection failed before any of it could be taken and permission was asked."""
        refusal = unfit(mail, data, self.extensions)
        if refusal is None:
            self.messages += 1
            refusal = await self._envelope(mail, data, timeouts.command_s)
        if refusal is not None:
            return refusal
        if not await allowed(permit):
            if not self.extensions.chunking:
                self.end("not permitted")  # after 354 only closing takes it back
            self._reset_first = True
            return Outcome(Result.WITHHELD)
        return await self._message(data, timeouts)

    async def _envelope(self, mail: Handover, data: bytes, timeout_s: float) -> Outcome | None:
        """Up to where data may follow; an outcome when the server did not want to go that far."""
        commands = [_mail_from(mail, data, self.extensions), f"RCPT TO:<{mail.recipient}>"]
        if self._reset_first:
            commands.insert(0, "RSET")
        if not self.extensions.chunking:
            commands.append("DATA")
        answers = await self._ask(commands, timeout_s)
        self._reset_first = True
        for command, answer in zip(commands, answers, strict=False):
            if not (answer.code == START_DATA if command == "DATA" else answer.positive):
                if answers[-1].code == START_DATA or answer.code == CLOSING or answer.code // 100 not in (4, 5):
                    self.end(answer.text)  # it waits for data, is going, or is out of step
                return answer.outcome(after_data=False)
        if len(answers) < len(commands):
            raise Broken(self.trouble)
        return None

    async def _message(self, data: bytes, timeouts: Timeouts) -> Outcome:
        if self.trouble or self._waiting:
            self.end("the server spoke out of turn")
            return Outcome(Result.LATER, one_line(self.trouble))  # nothing was written
        if self.extensions.chunking:
            self._writelines((b"BDAT %d LAST\r\n" % len(data), data))
        else:
            self._writelines((stuffed(data), b".\r\n"))
        if self._unsent and not await self._written(timeouts.write_s):
            outcome = (
                self._waiting[0].outcome(after_data=True) if self._waiting else Outcome(Result.LATER, self.trouble)
            )
            self.end("the network did not take the message")
            return outcome if outcome.result is not Result.ACCEPTED else Outcome(Result.LOST, "accepted before its end")
        answers = await self._read(1, timeouts.answer_s)
        if not answers:
            return Outcome(Result.LOST, one_line(self.trouble))
        outcome = answers[0].outcome(after_data=True)
        self._reset_first = outcome.result is not Result.ACCEPTED  # RFC 3030 asks for it after a refused BDAT
        if outcome.result is Result.LOST or answers[0].code == CLOSING:
            self.end("out of step")
        return outcome

    async def _written(self, timeout_s: float) -> bool:
        """Whether all that was written has left, before `timeout_s` is over or the server answers."""
        ends_s = self._loop.time() + timeout_s
        while self._unsent and not self.trouble and not self._waiting:
            await self._wait(1, ends_s - self._loop.time(), "the network takes no more of the message")
        return not self._unsent

    async def _ask(self, commands: Sequence[str], timeout_s: float) -> list[Reply]:
        """The answers to commands: fewer when the connection broke, or one was answered with no and they go one by one."""
        if self.extensions.pipelining:
            self._write("".join(f"{command}\r\n" for command in commands).encode("utf-8"))
            return await self._read(len(commands), timeout_s)
        answers: list[Reply] = []
        for command in commands:
            self._write(f"{command}\r\n".encode())
            answers += await self._read(1, timeout_s)
            if not answers or self.trouble or answers[-1].code // 100 not in (2, 3):
                break
        return answers

    # -- opening it ---------------------------------------------------------------------------------------------------

    async def greet(self, hello: str, host: str, tls: Tls | None, login: Login | None, timeouts: Timeouts) -> None:
        """From the server's greeting to where messages can go. Raises Broken."""
        await self._expect(await self._read(1, timeouts.greeting_s), _READY, "greeting")
        await self._hello(hello, timeouts.command_s)
        if tls is not None and not tls.implicit:
            await self._start_tls(tls, hello, host, timeouts)
        if login is not None:
            if tls is not None and not self._protected:
                raise Broken("the server offers no TLS, so the password would go in clear text; see mail.smtp_tls")
            await self._log_in(login, timeouts.command_s)

    @property
    def _protected(self) -> bool:
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is not None

    async def _hello(self, hello: str, timeout_s: float) -> None:
        answers = await self._ask([f"EHLO {hello}"], timeout_s)
        if answers and answers[0].code in _NO_EHLO:
            await self._expect(await self._ask([f"HELO {hello}"], timeout_s), 250, "HELO")
            return
        await self._expect(answers, 250, "EHLO")
        self.extensions = extensions(answers[0].lines)

    async def _start_tls(self, tls: Tls, hello: str, host: str, timeouts: Timeouts) -> None:
        if not self.extensions.start_tls:
            if tls.required:
                raise Broken("the server offers no STARTTLS, and mail.smtp_tls asks for it")
            return
        await self._expect(await self._ask(["STARTTLS"], timeouts.command_s), _READY, "STARTTLS")
        if self._waiting or self._replies.pending or self._transport is None:
            raise Broken("the server spoke in clear text after STARTTLS")  # what somebody in between put there
        transport = await asyncio.wait_for(
            self._loop.start_tls(self._transport, self, tls.context, server_hostname=host), timeouts.connect_s
        )
        if transport is None:
            raise Broken("the server hung up during STARTTLS")
        self.connection_made(transport)
        self.extensions = Extensions()
        await self._hello(hello, timeouts.command_s)

    async def _log_in(self, login: Login, timeout_s: float) -> None:
        if "PLAIN" in self.extensions.auth:
            text = b64encode(f"\0{login.username}\0{login.password}".encode()).decode("ascii")
            await self._expect(await self._ask([f"AUTH PLAIN {text}"], timeout_s), _DONE, "AUTH PLAIN")
        elif "LOGIN" in self.extensions.auth:
            await self._expect(await self._ask(["AUTH LOGIN"], timeout_s), _MORE, "AUTH LOGIN")
            for value, wanted in ((login.username, _MORE), (login.password, _DONE)):
                text = b64encode(value.encode()).decode("ascii")
                await self._expect(await self._ask([text], timeout_s), wanted, "AUTH LOGIN")
        else:
            offered = ", ".join(sorted(self.extensions.auth)) or "none"
            raise Broken(f"mail.smtp_username is set, but the server offers no PLAIN or LOGIN; it offers {offered}")

    async def _expect(self, answers: Sequence[Reply], code: int, what: str) -> None:
        if not answers:
            raise Broken(f"{what}: {self.trouble}")
        if answers[0].code != code:
            raise Broken(one_line(f"{what}: {answers[0].code} {answers[0].text}"))

    # -- bytes in and out -----------------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self.trouble:
            self._transport.write(data)

    def _writelines(self, data: Sequence[bytes]) -> None:
        if self._transport is not None and not self.trouble:
            self._transport.writelines(data)

    async def _read(self, count: int, timeout_s: float) -> list[Reply]:
        """The next `count` replies; fewer when the connection ends or the time is over, and then it is closed."""
        ends_s = self._loop.time() + timeout_s
        while len(self._waiting) < count and not self.trouble:
            await self._wait(count, ends_s - self._loop.time(), "no answer in time")
        found, self._waiting = self._waiting[:count], self._waiting[count:]
        return found

    async def _wait(self, count: int, timeout_s: float, otherwise: str) -> None:
        """Until so many replies are there, all is written, or the connection is gone; after `timeout_s` it is closed."""
        self._waiter, self._wanted = self._loop.create_future(), count
        timer = self._loop.call_later(max(timeout_s, 0.0), self.end, f"{otherwise} (TimeoutError)")
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


async def open_session(
    host: str, port: int, hello: str, tls: Tls | None, login: Login | None, timeouts: Timeouts, certified: str
) -> Session:
    """A conversation that messages can go through, with a server whose certificate names it `certified`. Raises Broken or one of `NETWORK`."""
    loop = asyncio.get_running_loop()
    at_once = tls.context if tls is not None and tls.implicit else None
    connecting = loop.create_connection(
        Session, host, port, ssl=at_once, server_hostname=certified if at_once is not None else None
    )
    _, session = await asyncio.wait_for(connecting, timeouts.connect_s)
    try:
        await session.greet(hello, certified, tls, login, timeouts)
    except BaseException as error:
        session.end(_words(error))
        raise
    return session


def unfit(mail: Handover, data: bytes, offered: Extensions) -> Outcome | None:
    """The refusal of a message that this server cannot take; None when it can."""
    if offered.size_bytes and len(data) > offered.size_bytes:
        words = f"552 5.3.4 the message has {len(data)} bytes, the server takes {offered.size_bytes}"
        return Outcome(Result.REFUSED, words, code=552, enhanced="5.3.4")
    if not offered.utf8 and not (mail.sender.isascii() and mail.recipient.isascii()):
        words = "553 5.6.7 an address in another script, which the server does not take (no SMTPUTF8)"
        return Outcome(Result.REFUSED, words, code=553, enhanced="5.6.7")
    if not offered.eight_bit and not data.isascii():
        words = "554 5.6.3 an 8-bit message, which the server does not take (no 8BITMIME)"
        return Outcome(Result.REFUSED, words, code=554, enhanced="5.6.3")
    return None


def stuffed(data: bytes) -> bytes:
    """`data` as DATA wants it: lines that begin with a dot get a second one, and the last line has its end."""
    body = data if data.endswith(b"\r\n") else data + b"\r\n"
    body = body.replace(b"\r\n.", b"\r\n..")
    return b"." + body if body.startswith(b".") else body


def _mail_from(mail: Handover, data: bytes, offered: Extensions) -> str:
    command = f"MAIL FROM:<{mail.sender}>"
    if offered.size_bytes is not None:
        command += f" SIZE={len(data)}"
    if offered.eight_bit and not data.isascii():
        command += " BODY=8BITMIME"
    if offered.utf8 and not (mail.sender.isascii() and mail.recipient.isascii()):
        command += " SMTPUTF8"
    return command


def _words(error: BaseException) -> str:
    return one_line(f"{type(error).__name__}: {error}")
