"""A reverse proxy that fails on purpose: what a client sees of a server that is overloaded, broken or cut off.

It stands in front of a real collector, plays its faults one per POST, passes everything else through, and remembers
what went by, so that a test can prove that an event was really sent twice.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Fault:
    """What happens to one POST."""

    name: str
    delivered: bool
    """Whether the collector behind gets the request (and stores its events)."""
    status: int
    """What the client is answered; 0 closes the connection without an answer."""
    retry_after_s: int = 0
    """Sent as ``Retry-After`` when not 0."""


BROKEN = Fault("500, not stored", delivered=False, status=500)
UNAVAILABLE = Fault("503 with Retry-After, not stored", delivered=False, status=503, retry_after_s=1)
STORED_BUT_BROKEN = Fault("500, but stored", delivered=True, status=500)
STORED_BUT_CUT = Fault("connection closed, but stored", delivered=True, status=0)
SLOW_DOWN = Fault("429 with Retry-After, but stored", delivered=True, status=429, retry_after_s=1)
REFUSED = Fault("400, not stored", delivered=False, status=400)

_ERROR = json.dumps({"success": False, "code": "injected", "message": "a fault injected by the test"}).encode()
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}
"""Headers about one connection; each side of the proxy has its own."""


@dataclass
class Exchange:
    """One request and what became of it."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    fault: Fault | None
    at_s: float = field(default_factory=time.monotonic)
    status: int = 0
    """What the client was answered; 0 when the connection was closed."""

    def payload(self) -> dict[str, Any]:
        """The JSON of the body, unzipped when it was zipped."""
        zipped = self.headers.get("content-encoding") == "gzip"
        payload: dict[str, Any] = json.loads(gzip.decompress(self.body) if zipped else self.body)
        return payload

    def event_ids(self) -> list[str]:
        """Ids of the events in the body, of a batch or a single call."""
        payload = self.payload()
        return [event["messageId"] for event in payload.get("batch", [payload])]


class FlakyProxy:
    """Runs in a thread of its own; set `upstream` (a port on loopback) before the first request."""

    def __init__(self) -> None:
        self.upstream = 0
        self.faults: deque[Fault] = deque()
        self.exchanges: list[Exchange] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="flaky-proxy", daemon=True)
        self._thread.start()
        listening = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop)
        self._server = listening.result(5)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Stop listening and end the thread."""
        asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _finish(self) -> None:
        self._server.close()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    # ---- what a test asks ----

    def posts(self) -> list[Exchange]:
        """Requests that carried events, in the order of their arrival."""
        return [exchange for exchange in list(self.exchanges) if exchange.method == "POST"]

    def times_delivered(self) -> Counter[str]:
        """How often each event id went to the collector; more than once is what deduplication is for."""
        reached = (post for post in self.posts() if post.fault is None or post.fault.delivered)
        return Counter(event_id for post in reached for event_id in post.event_ids())

    def times_sent(self) -> Counter[str]:
        """How often the client sent each event id, whether or not it was let through."""
        return Counter(event_id for post in self.posts() for event_id in post.event_ids())

    # ---- one connection, one request ----

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await asyncio.wait_for(_read_message(reader), 30)
            if request is not None:
                await self._answer(request, writer)
        except (ConnectionError, TimeoutError, asyncio.IncompleteReadError):
            pass  # the client went away or sent nothing: browsers open connections ahead of need
        finally:
            writer.close()

    async def _answer(self, request: _Message, writer: asyncio.StreamWriter) -> None:
        method, path, _ = request.first_line.split(" ", 2)
        fault = self.faults.popleft() if method == "POST" and self.faults else None
        exchange = Exchange(method, path, request.headers, request.body, fault)
        self.exchanges.append(exchange)
        answer = await self._ask_upstream(request) if fault is None or fault.delivered else _refusal(request)
        if fault is not None:
            if fault.status == 0:
                return  # the events are stored, and the client never learns it
            answer = _faulty(answer, fault)
        exchange.status = int(answer.first_line.split(" ")[1])
        writer.write(answer.encode())
        await writer.drain()

    async def _ask_upstream(self, request: _Message) -> _Message:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        try:
            writer.write(request.encode())
            await writer.drain()
            answer = await asyncio.wait_for(_read_message(reader), 30)
            assert answer is not None, "the collector closed the connection without an answer"
            return answer
        finally:
            writer.close()


@dataclass
class _Message:
    """An HTTP/1.1 request or response with its whole body."""

    first_line: str
    headers: dict[str, str]
    body: bytes

    def encode(self) -> bytes:
        kept = {name: value for name, value in self.headers.items() if name not in _HOP}
        lines = [self.first_line, *(f"{name}: {value}" for name, value in kept.items())]
        lines += [f"content-length: {len(self.body)}", "connection: close", "", ""]
        return "\r\n".join(lines).encode("latin-1") + self.body


async def _read_message(reader: asyncio.StreamReader) -> _Message | None:
    head = await reader.readuntil(b"\r\n\r\n")
    first_line, *lines = head.decode("latin-1").strip().split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        return _Message(first_line, headers, await _read_chunks(reader))
    return _Message(first_line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readline()).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body


def _refusal(request: _Message) -> _Message:
    """An answer of the proxy's own. It lets pages of other origins read it, as the collector's answers do."""
    headers = {"access-control-expose-headers": "Retry-After"}
    if "origin" in request.headers:
        headers["access-control-allow-origin"] = request.headers["origin"]
    return _Message("HTTP/1.1 500 Injected", headers, b"")


def _faulty(answer: _Message, fault: Fault) -> _Message:
    """The same answer, headers and all, but for the status and the wait."""
    headers = {**answer.headers, "content-type": "application/json"}
    if fault.retry_after_s:
        headers["retry-after"] = str(fault.retry_after_s)
    return _Message(f"HTTP/1.1 {fault.status} Injected", headers, _ERROR)
