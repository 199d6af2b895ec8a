"""An SMTP server that does as the recipient's name says, and remembers what it really took.

take@…            250 after the final dot          refuse-rcpt@…     550 to RCPT
later-rcpt@…      451 to RCPT                      refuse-data@…     554 after the dot
later-data@…      452 after the dot                hangup-rcpt@…     closes at RCPT
hangup-taken@…    takes the message, then closes   silent-taken@…    takes it and never answers
garbled-taken@…   takes it and answers nonsense    closing@…         421 to RCPT, and closes
early@…           250 to DATA, which is no yes
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ANSWERS_RCPT = {"refuse-rcpt": b"550 5.1.1 no such user", "later-rcpt": b"451 4.7.1 greylisted"}
ANSWERS_DATA = {"refuse-data": b"554 5.6.0 no", "later-data": b"452 4.3.1 full", "garbled-taken": b"what?"}


class ScriptedServer:
    def __init__(self, *, answer_delay_s: float = 0.0, took: Callable[[str, bytes], None] | None = None) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.connections = 0
        self.at_once = 0
        self.most_at_once = 0
        self._delay_s = answer_delay_s
        self._took = took or (lambda recipient, data: self.taken.append((recipient, data)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            writer.write(b"220 scripted\r\n")
            await self._talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away, as crash tests make it
        finally:
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        recipient = ""
        while line := await reader.readline():
            verb = line[:4].upper()
            name = recipient.partition("@")[0]
            if verb == b"RCPT":
                recipient = line.decode().partition("<")[2].partition(">")[0]
                name = recipient.partition("@")[0]
                if name == "hangup-rcpt":
                    return
                if name == "closing":
                    writer.write(b"421 4.3.2 closing\r\n")
                    return
                writer.write(ANSWERS_RCPT.get(name, b"250 ok") + b"\r\n")
            elif verb == b"DATA":
                if name == "early":
                    writer.write(b"250 what data?\r\n")
                    continue
                writer.write(b"354 go on\r\n")
                if not await self._data(reader, writer, recipient):
                    return
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                return
            else:
                writer.write(b"250 ok\r\n")

    async def _data(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recipient: str) -> bool:
        data = await reader.readuntil(b"\r\n.\r\n")
        data = data[:-3].replace(b"\r\n..", b"\r\n.")
        name = recipient.partition("@")[0]
        answer = ANSWERS_DATA.get(name, b"250 2.0.0 taken")
        if answer.startswith((b"2", b"w")):
            self._took(recipient, data[1:] if data.startswith(b"..") else data)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(self._delay_s)  # the gap of RFC 1047: taken, not yet answered
        self.at_once -= 1
        if name == "hangup-taken":
            return False
        if name == "silent-taken":
            await reader.read()
            return False
        writer.write(answer + b"\r\n")
        return True


@contextmanager
def serving(server: ScriptedServer, port: int = 0) -> Iterator[int]:
    """The server on loopback in its own thread; gives its port."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="scripted-smtp", daemon=True)
    thread.start()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(server.serve, "127.0.0.1", port, limit=1 << 22)

    async def stop(listening: asyncio.Server) -> None:
        listening.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    listening = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(stop(listening), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
