"""Serving a web app until SIGTERM or SIGINT: the loop under the console role and the demo shop.

The socket is bound before the server starts, so that port 0 works and the real port can be told. Heads are bounded by
h11 (64 KB), connections by `MAX_CONNECTIONS`; this is a server for people on a trusted network, not for the internet.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Callable, Iterator
from urllib.parse import quote

import uvicorn
from starlette.types import ASGIApp

from tidings.errors import PortTaken

MAX_CONNECTIONS = 256
"""Open connections; above it new requests are answered 503."""
GRACE_S = 2
"""How long open answers may take to finish when we are told to stop."""


class _Server(uvicorn.Server):
    """uvicorn without its signal handling: a role ends cleanly instead of dying of the signal it caught."""

    def __init__(self, config: uvicorn.Config, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_start = on_start

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_start()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def bind(host: str, port: int, setting: str = "port") -> socket.socket:
    """A listening socket on `host`; port 0 lets the system choose. `setting` is where the port comes from. Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(setting, host, port) from error
        raise
    return sock


def address(sock: socket.socket) -> str:
    """``http://host:port`` of a bound socket."""
    host, port = sock.getsockname()[:2]
    return f"http://[{quote(host)}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(
    app: ASGIApp,
    sock: socket.socket,
    *,
    on_start: Callable[[], None],
    stop: asyncio.Event,
    before_stop: Callable[[], None],
) -> None:
    """Serve `app` on `sock` until `stop` is set; `before_stop` ends answers that would never end by themselves."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="auto",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        log_level="warning",
        limit_concurrency=MAX_CONNECTIONS,
        timeout_graceful_shutdown=GRACE_S,
    )
    server = _Server(config, on_start)

    async def watch() -> None:
        await stop.wait()
        before_stop()
        server.should_exit = True

    watcher = asyncio.create_task(watch())
    try:
        await server.serve([sock])
    finally:
        watcher.cancel()


def serve_role(
    app: ASGIApp, sock: socket.socket, *, on_start: Callable[[], None], before_stop: Callable[[], None] = lambda: None
) -> None:
    """`serve` in this process's main thread until SIGTERM or SIGINT."""

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await serve(app, sock, on_start=on_start, stop=stop, before_stop=before_stop)

    asyncio.run(main())
