"""An SMTP server that takes everything and counts it: what a sender is measured against, many times faster than any real one.

python -m benchmarks.sink        prints its port; `STAT` on a connection answers ``250 MESSAGES BYTES``
"""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import uvloop

EHLO = b"250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250-SIZE 10000000\r\n250 CHUNKING\r\n"
COUNTED = [0, 0]
"""Messages and their bytes."""


class Sink(asyncio.Protocol):
    """One connection: lines, or bytes of a message that are only counted."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.out = transport
        self.rest = b""
        self.skip = 0
        self.data = False
        self.tail = b""
        transport.write(b"220 sink\r\n")

    def data_received(self, data: bytes) -> None:
        if self.skip:
            COUNTED[1] += min(self.skip, len(data))
            if len(data) < self.skip:
                self.skip -= len(data)
                return
            data, self.skip = data[self.skip :], 0
            self._taken()
        self._read(self.rest + data)

    def _read(self, data: bytes) -> None:
        answers = []
        place = 0
        while True:
            if self.data:
                end = data.find(b"\r\n.\r\n", place)
                if end < 0:
                    self.rest = data[max(place, len(data) - 4) :]
                    COUNTED[1] += len(data) - place - len(self.rest)
                    break
                COUNTED[1] += end + 2 - place
                place, self.data = end + 5, False
                COUNTED[0] += 1
                answers.append(b"250 2.0.0 taken\r\n")
            end = data.find(b"\r\n", place)
            if end < 0:
                self.rest = data[place:]
                break
            line, place = data[place:end], end + 2
            if line.startswith(b"BDAT "):
                size = int(line.split()[1])
                have = min(size, len(data) - place)
                COUNTED[1] += have
                place += have
                if have < size:
                    self.skip, self.rest = size - have, b""
                    break
                COUNTED[0] += 1
                answers.append(b"250 2.0.0 taken\r\n")
            else:
                answers.append(self._line(line))
        if answers:
            self.out.write(b"".join(answers))

    def _taken(self) -> None:
        COUNTED[0] += 1
        self.out.write(b"250 2.0.0 taken\r\n")

    def _line(self, line: bytes) -> bytes:
        verb = line[:4].upper()
        if verb == b"EHLO":
            return EHLO
        if verb == b"STAT":
            return b"250 %d %d\r\n" % tuple(COUNTED)
        if verb == b"DATA":
            self.data = True
            return b"354 go\r\n"
        return b"221 2.0.0 bye\r\n" if verb == b"QUIT" else b"250 2.0.0 ok\r\n"


async def serve() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


@contextmanager
def sinking() -> Iterator[int]:
    """A sink in a process of its own; gives its port."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.sink"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


def counted(port: int) -> tuple[int, int]:
    """(messages, bytes) that the sink on `port` has taken."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"STAT\r\n")
        said = b""
        while not (match := re.search(rb"250 (\d+) (\d+)\r\n", said)):
            said += connection.recv(1_000)
    return int(match[1]), int(match[2])


if __name__ == "__main__":
    uvloop.run(serve())
