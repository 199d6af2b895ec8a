"""The live stream: one watcher looks at the files twice a second while somebody watches, and tells every client what changed.

Server-Sent Events: each message is JSON with the parts of a `Snapshot` that are new to that client. Clients are bounded,
and a slow one skips what it missed instead of queueing it.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import AsyncIterator

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from tidings.clock import Clock
from tidings.config import Config
from tidings.console import figures
from tidings.console.definitions import Workspace
from tidings.console.store import Store, TooSlow

TICK_S = 0.5
"""Time between two looks."""
RATE_S = 180
"""Seconds of events per second that are remembered."""
MAX_CLIENTS = 32
"""Pages that may be live at once; the next one is told to come back later and shows still figures."""
BEAT_S = 15.0
"""Longest silence on the wire, so that dead connections are noticed."""

_log = logging.getLogger("tidings.console")


class Hub:
    """The watcher and its clients. Lives in the server's event loop."""

    def __init__(self, config: Config, clock: Clock, workspace: Workspace) -> None:
        self._store = Store(config, clock)
        self._workspace = workspace
        self._stamp: tuple[int, ...] = ()
        self._parts: dict[str, bytes] = {}
        self._news = asyncio.Event()
        self._reading = asyncio.Lock()  # one connection to each file, so one reader at a time
        self._clients = 0
        self._stopped = False
        self._head = 0
        self._tick = 0
        self.rate: deque[int] = deque([0] * RATE_S, maxlen=RATE_S)
        """Events taken by the log in each of the latest seconds, oldest first."""

    async def run(self) -> None:
        """Look until stopped."""
        self._head = await run_in_threadpool(self._store.head)
        try:
            while not self._stopped:
                await asyncio.sleep(TICK_S)
                await self._look()
        finally:
            self._store.__exit__()

    async def _look(self) -> None:
        self._tick += 1
        try:
            async with self._reading:
                if self._tick % round(1 / TICK_S) == 0:
                    await run_in_threadpool(self._sample)
                if self._clients and await run_in_threadpool(self._read):
                    self._tell()
        except (sqlite3.Error, TooSlow) as error:
            _log.warning("live figures: %s; they are read again in %s s", error, TICK_S)

    def _sample(self) -> None:
        head = self._store.head()
        self.rate.append(max(0, head - self._head))
        self._head = head
        if any(self.rate):
            self._parts["rate"] = msgspec.json.encode(list(self.rate))

    def _read(self) -> bool:
        """Bring `_parts` up to date; whether there is anything to tell."""
        store = self._store
        stamp = (store.head(), store.serving.version(), store.ledger.version(), store.inbox.version(), sum(self.rate))
        if stamp == self._stamp and not self.rate[-1]:
            return False
        self._stamp = stamp
        shot = msgspec.to_builtins(figures.snapshot(store, self._workspace.shown()))
        self._parts.update({name: msgspec.json.encode(part) for name, part in shot.items()})
        return True

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def stop(self) -> None:
        """End the watcher and every stream."""
        self._stopped = True
        self._tell()

    async def stream(self, _request: Request) -> Response:
        """The endpoint ``/live``."""
        if self._clients >= MAX_CLIENTS or self._stopped:
            return PlainTextResponse("too many live pages; close one", 503, headers={"Retry-After": "5"})
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._messages(), media_type="text/event-stream", headers=headers)

    async def _messages(self) -> AsyncIterator[bytes]:
        self._clients += 1
        told: dict[str, bytes] = {}
        try:
            async with self._reading:
                await run_in_threadpool(self._read)
            while not self._stopped:
                news = self._news
                fresh = {name: part for name, part in self._parts.items() if told.get(name) != part}
                told |= fresh
                yield _message(fresh) if fresh else b": beat\n\n"
                try:
                    await asyncio.wait_for(news.wait(), BEAT_S)
                except TimeoutError:
                    continue
        except (sqlite3.Error, TooSlow) as error:
            _log.warning("live figures: %s; the page asks again", error)
        finally:
            self._clients -= 1


def _message(parts: dict[str, bytes]) -> bytes:
    body = b",".join(b'"' + name.encode() + b'":' + part for name, part in parts.items())
    return b"data: {" + body + b"}\n\n"
