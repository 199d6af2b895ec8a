"""The collector's server: connections, the coarse timer that ends slow ones, and the way from a request to its route."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import time
from collections.abc import Callable

from tidings.collect.connection import Connection
from tidings.collect.http import Request, date_line, problem
from tidings.config import CollectConfig
from tidings.errors import PortTaken

_TICK_S = 0.5
_BACKLOG = 1024
_LOG = logging.getLogger(__name__)


class Server:
    """Accepts connections and hands each complete request to `take`."""

    def __init__(self, config: CollectConfig, take: Callable[[Request], None], look: Callable[[], None]) -> None:
        """`take` gets each request; `look` is called twice a second."""
        self.config = config
        self.now_s = 0.0
        """Coarse monotonic time; moves twice a second, and with it the deadlines of what begins now."""
        self.head_deadline = self.body_deadline = self.idle_deadline = 0.0
        self.date_line = b""
        self.receiving_bytes = 0
        """Bytes of bodies that are not complete yet, over all connections."""
        self.public_url = config.public_url.rstrip("/")
        """How browsers reach it; from the configuration, else from the address it listens on."""
        self._route = take
        self._look = look
        self.stopping = False
        """Whether connections close as soon as they are idle."""
        self._empty = asyncio.Event()
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._ticking: asyncio.TimerHandle | None = None

    async def start(self) -> int:
        """Listen; the port. Raises PortTaken."""
        loop = asyncio.get_running_loop()
        try:
            self._listener = await loop.create_server(
                lambda: Connection(self), self.config.host, self.config.port, backlog=_BACKLOG
            )
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken("collect.port", self.config.host, self.config.port) from error
            raise
        self._tick()
        port: int = self._listener.sockets[0].getsockname()[1]
        self.public_url = self.public_url or f"http://{self.config.host}:{port}"
        return port

    def take(self, request: Request) -> None:
        """Route a request. A bug in a route must not take the door down with it, so every exception ends here."""
        try:
            self._route(request)
        except Exception:  # noqa: BLE001 - a boundary: logged, answered with 500
            _LOG.exception("request failed: %r", request.path[:200])
            request.answer(problem(500, "internal_error", "the collector failed on this request; see its log"))

    def admit(self, connection: Connection) -> bool:
        """Whether one more connection may stay."""
        self._connections.add(connection)
        return len(self._connections) <= self.config.max_connections

    def forget(self, connection: Connection) -> None:
        """A connection is closed."""
        self._connections.discard(connection)
        if self.stopping and not self._connections:
            self._empty.set()

    def connections(self) -> int:
        """How many are open."""
        return len(self._connections)

    async def stop(self, timeout_s: float) -> None:
        """Take no new connections, wait until the requests under way are answered, then close everything."""
        self.stopping = True
        if self._listener is not None:
            self._listener.close()
        for connection in list(self._connections):
            if connection.idle():
                connection.close()
        if self._connections:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), timeout_s)
        for connection in list(self._connections):
            connection.abort()
        if self._ticking is not None:
            self._ticking.cancel()

    def _tick(self) -> None:
        self.now_s = now_s = time.monotonic()
        self.head_deadline = now_s + self.config.header_timeout_s
        self.body_deadline = now_s + self.config.body_timeout_s
        self.idle_deadline = now_s + self.config.idle_timeout_s
        self.date_line = date_line(time.time())
        self._look()
        for connection in [c for c in self._connections if c.deadline < now_s]:
            connection.expire()
        self._ticking = asyncio.get_running_loop().call_later(_TICK_S, self._tick)
