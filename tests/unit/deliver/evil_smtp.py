"""An SMTP server that fails on purpose: what it says, or does instead, at each point of the conversation."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

HANG, CLOSE, RESET, HALF_CLOSE, STOP_READING = b"hang", b"close", b"reset", b"half-close", b"stop-reading"
"""Instead of an answer: say nothing; hang up; hang up with a reset; say nothing more but keep listening; take no more bytes."""
ALL = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES", "SIZE 10000000")
POINTS = ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "dot", "BDAT", "RSET", "QUIT")
USUAL = {"greeting": b"220 evil", "DATA": b"354 go", "QUIT": b"221 bye", "STARTTLS": b"220 go"}


class EvilServer:
    """Answers yes but where `script` says otherwise. One script for each connection, the last one for all further ones."""

    def __init__(
        self,
        *scripts: Mapping[str, bytes],
        offers: Sequence[str] = ALL,
        dribble: bool = False,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.scripts = scripts or ({},)
        self.offers = offers
        self.commands: list[str] = []
        self.taken: list[bytes] = []
        self.unfinished: list[bytes] = []
        """What came of messages whose end did not."""
        self.connections = 0
        self._dribble = dribble
        self._tls = tls
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        """Gives the port; in the running loop."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 22, ssl=tls)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        script = self.scripts[min(self.connections, len(self.scripts) - 1)]
        self.connections += 1
        try:
            if await self._answer(reader, writer, script, "greeting"):
                while line := await reader.readline():
                    if not await self._command(reader, writer, script, line.decode("utf-8").strip()):
                        break
        except asyncio.IncompleteReadError as error:
            self.unfinished.append(bytes(error.partial))  # the client went away in the middle of a message
        except (ConnectionError, ssl.SSLError):
            pass  # the client went away
        finally:
            writer.close()

    async def _command(self, reader, writer, script, line: str) -> bool:
        self.commands.append(line)
        verb = line.partition(" ")[0].upper()
        if verb == "BDAT":
            size = int(line.split()[1])
            if script.get("BDAT") == STOP_READING:
                return await self._answer(reader, writer, script, "BDAT")
            self.taken.append(await reader.readexactly(size))
        if not await self._answer(reader, writer, script, verb):
            return False
        if verb == "STARTTLS" and self._tls is not None:
            await writer.start_tls(self._tls)
        if verb == "DATA" and script.get("DATA", b"354").startswith(b"354"):
            if script.get("dot") == STOP_READING:
                return await self._answer(reader, writer, script, "dot")
            self.taken.append((await reader.readuntil(b"\r\n.\r\n"))[:-3].replace(b"\r\n..", b"\r\n."))
            return await self._answer(reader, writer, script, "dot")
        return verb != "QUIT"

    async def _answer(self, reader, writer, script, point: str) -> bool:
        if point == "EHLO" and point not in script:
            answer = "\r\n".join(f"250-{line}" for line in ("evil", *self.offers)).encode() + b"\r\n250 HELP"
        else:
            answer = script.get(point, USUAL.get(point, b"250 2.0.0 yes"))
        if answer == HANG:
            await asyncio.sleep(60)
        if answer == STOP_READING:
            writer.transport.pause_reading()
            await asyncio.sleep(60)
        if answer == RESET:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        if answer == HALF_CLOSE:
            writer.write_eof()
            await asyncio.sleep(60)
        if answer in (CLOSE, RESET):
            return False
        for piece in [bytes([b]) for b in answer + b"\r\n"] if self._dribble else [answer + b"\r\n"]:
            writer.write(piece)
            if self._dribble:
                await asyncio.sleep(0)
        return True
