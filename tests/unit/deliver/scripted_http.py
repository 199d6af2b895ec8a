"""A server that answers POSTs as told, byte by byte: what webhooks meet out there."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import msgspec


class Got(msgspec.Struct):
    """One request."""

    head: str
    headers: dict[str, str]
    body: bytes


Script = Callable[[Got, asyncio.StreamWriter], Awaitable[None]]
"""Writes the answer."""


def says(*pieces: bytes, pause_s: float = 0.0) -> Script:
    """Writes these pieces, with a pause after each, and hangs up."""

    async def script(_got: Got, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause_s)

    return script


def answer(status: int, body: bytes = b"{}", *headers: str) -> Script:
    """An answer with a length."""
    lines = "".join(f"{one}\r\n" for one in headers)
    return says(f"HTTP/1.1 {status} X\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode() + body)


@asynccontextmanager
async def serving(script: Script, got: list[Got], tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port of such a server on this machine."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            got.append(Got(head, headers, await reader.readexactly(int(headers.get("content-length", "0")))))
            await script(got[-1], writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the caller went away
        finally:
            writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
