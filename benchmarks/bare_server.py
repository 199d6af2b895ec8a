"""The yardstick for `ingest.py`: the least that an honest durable event server does, without anything that makes it a
product. It parses HTTP (uvloop, httptools), decodes every event (msgspec), appends the bodies to a file, and answers
after `fdatasync`, with group commit on a second thread. No checks, limits, time-outs, routes, keys or recovery.

Usage: bare_server.py FILE; prints its port.
"""

import asyncio
import gc
import os
import queue
import socket
import sys
import threading

import httptools
import msgspec
import uvloop

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 16\r\n\r\n" + b'{"success":true}'


class Event(msgspec.Struct, gc=False):
    type: str = ""
    event: str | None = None
    messageId: str | None = None
    userId: str | None = None
    anonymousId: str | None = None
    timestamp: str | None = None
    properties: dict | None = None
    traits: dict | None = None
    context: dict | None = None


class Batch(msgspec.Struct, gc=False):
    batch: list[Event]


class Protocol(asyncio.Protocol):
    def __init__(self):
        self.parser = httptools.HttpRequestParser(self)
        self.data_received = self.parser.feed_data
        self.chunks = []

    def connection_made(self, transport):
        self.transport = transport

    def on_body(self, body):
        self.chunks.append(body)

    def on_message_complete(self):
        body, self.chunks = b"".join(self.chunks), []
        decode(body)
        waiting.put((body, self.transport))


def commit(fd, loop):
    while True:
        group = [waiting.get()]
        while not waiting.empty():
            group.append(waiting.get_nowait())
        os.write(fd, b"\n".join([body for body, _ in group]))
        os.fdatasync(fd)
        loop.call_soon_threadsafe(answer, group)


def answer(group):
    for _, transport in group:
        if not transport.is_closing():
            transport.write(OK)


async def main():
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(Protocol, "127.0.0.1", 0, family=socket.AF_INET)
    fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    threading.Thread(target=commit, args=(fd, loop), daemon=True).start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await listener.serve_forever()


decode = msgspec.json.Decoder(Batch).decode
waiting = queue.SimpleQueue()
sys.setswitchinterval(0.0005)
uvloop.run(main())
