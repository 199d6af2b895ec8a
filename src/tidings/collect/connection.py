"""One client connection: bytes to requests and responses to bytes, with a bound on everything a client may hold up.

Parsing is httptools'. A connection is always in one of these waits, each with a deadline that the server's one coarse
timer checks: for a request's first byte (idle), for its head, for its body, for us (no deadline), for the client to
read what it was sent, or lingering after a refusal.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

import httptools

from tidings.collect.http import Request, Response, busy, problem
from tidings.collect.limits import (
    LINGER_S,
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    MAX_HEADERS,
    MAX_INTERNAL_BYTES,
    MAX_OVERHEAD_BYTES,
    MAX_PIPELINED,
    MAX_UNREAD_BYTES,
)

if TYPE_CHECKING:
    from tidings.collect.server import Server

_NEVER = float("inf")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE = b"Connection: close\r\n"
_BETWEEN, _IN_HEAD, _IN_BODY = range(3)
"""Phases of receiving: between requests, in a head, in a body."""


class Connection(asyncio.Protocol):
    """See the module. Created by the server for each accepted socket.

    Most requests arrive whole, in one piece; what only matters for the others (deadlines, byte counts) happens at the
    end of a piece that leaves a request unfinished.
    """

    __slots__ = (
        *(
            "_before_bytes",
            "_body_bound",
            "_chunks",
            "_deaf",
            "_fed_bytes",
            "_headers",
            "_parser",
            "_paused",
            "_pending",
        ),
        *("_phase", "_piece_bytes", "_server", "_stuck", "_target", "_timed", "_transport", "_url", "deadline"),
        *("on_body", "on_url"),
    )

    def __init__(self, server: Server) -> None:
        self._server = server
        self._transport: asyncio.Transport | None = None
        self._pending: deque[Request] = deque()
        self._phase = self._timed = _BETWEEN
        self._target: list[bytes] = []
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []
        self._url = b""
        self._body_bound = MAX_BODY_BYTES
        self._piece_bytes = self._before_bytes = self._fed_bytes = 0
        self._deaf = False
        self._paused = False
        self._stuck = False
        self.deadline = 0.0
        """On the server's clock: when the timer calls `expire`."""
        # Called by the parser, often: straight into the lists.
        self.on_url = self._target.append
        self.on_body = self._chunks.append
        self._parser = httptools.HttpRequestParser(self)

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected; it has as long as for a head to say something."""
        self._transport = cast("asyncio.Transport", transport)
        server = self._server
        self.deadline = server.head_deadline
        if not server.admit(self):
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the loop's signature
        """The client has gone; what it sent completely is stored all the same."""
        self._drop()
        self._transport = None
        self._server.forget(self)

    def data_received(self, data: bytes) -> None:
        """Bytes from the client."""
        if self._deaf:
            return
        self._piece_bytes = len(data)
        self._before_bytes = 0
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse_upgrade()
        except httptools.HttpParserError as error:
            self._refuse(problem(400, "bad_request", f"request: {error}; wanted HTTP/1.1"))
        if self._phase and not self._deaf:
            self._await_rest()
        if len(self._pending) > MAX_PIPELINED:
            self._pause()

    def pause_writing(self) -> None:
        """The client does not read its answers: stop reading its requests, and give it until the deadline."""
        self._stuck = True
        self.deadline = self._server.body_deadline
        self._pause()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stuck = False
        self._after_flush()

    # Called by the parser.

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._phase = _IN_HEAD
        self._target.clear()
        self._headers = {}

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or one trailer."""
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """The head is complete: refuse what is too large before it is sent, let the client go on otherwise."""
        self._phase = _IN_BODY
        self._url = url = b"".join(self._target)
        headers = self._headers
        self._body_bound = MAX_INTERNAL_BYTES if url.startswith(b"/internal/") else MAX_BODY_BYTES
        if len(headers) > MAX_HEADERS:
            self._refuse(problem(431, "too_many_headers", f"headers: wanted at most {MAX_HEADERS}"))
        elif int(headers.get(b"content-length", b"0")) > self._body_bound:
            self._refuse_size()
        elif b"expect" in headers and headers[b"expect"].lower() == b"100-continue" and not self._pending:
            self._write(_CONTINUE)

    def on_message_complete(self) -> None:
        """The request is complete: hand it on."""
        if self._deaf:
            return
        body = b"".join(self._chunks)
        self._drop()
        if len(body) > self._body_bound:
            self._refuse_size()
            return
        self._before_bytes = self._piece_bytes  # what else this piece holds is not counted for the next request
        self.deadline = _NEVER
        request = Request(self._parser.get_method(), self._url, self._headers, body, self.flush)
        request.keep_alive = self._keep_alive()
        self._pending.append(request)
        if not request.keep_alive:
            self._deaf = True
        self._server.take(request)

    # Called by the server.

    def flush(self) -> None:
        """Send the answers that are ready, in the order of their requests."""
        pending = self._pending
        while pending and pending[0].response is not None:
            self._send(pending.popleft())
        if not pending:
            self._after_flush()

    def expire(self) -> None:
        """The deadline has passed: tell the client what we waited for, or cut it off."""
        if self._transport is None:
            return
        if self._deaf or self._stuck or not self._phase:
            self._transport.abort()
        elif self._phase == _IN_BODY:
            self._refuse(
                problem(408, "body_timeout", "body: did not arrive in time; send it faster or in smaller parts")
            )
        else:
            self._refuse(problem(408, "head_timeout", "headers: did not arrive in time; send them at once"))

    def idle(self) -> bool:
        """Whether nothing of this connection is under way."""
        return not self._pending and not self._phase

    def close(self) -> None:
        """Close after what has been written has gone out."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Cut the client off."""
        if self._transport is not None:
            self._transport.abort()

    def _send(self, request: Request) -> None:
        response = cast("Response", request.response)
        extra = b"" if request.keep_alive else _CLOSE
        body = b"" if request.method == b"HEAD" else response.body
        self._write(b"".join((response.line, self._server.date_line, extra, response.headers, b"\r\n", body)))
        if not request.keep_alive:
            self._linger()

    def _write(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        transport.write(data)
        if self._stuck and transport.get_write_buffer_size() > MAX_UNREAD_BYTES:
            self._deaf = True  # one piece can hold thousands of small requests with large answers
            transport.abort()

    def _after_flush(self) -> None:
        if self._deaf or self._stuck or self._pending:
            return
        if not self._phase:
            self.deadline = self._server.idle_deadline
            if self._server.stopping:
                self.close()
        if self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = False
            self._transport.resume_reading()

    def _keep_alive(self) -> bool:
        """HTTP/1.0 clients that ask to keep the connection are closed all the same: they would want a header back."""
        parser = self._parser
        return parser.should_keep_alive() and (b"connection" not in self._headers or parser.get_http_version() != "1.0")

    def _pause(self) -> None:
        if not self._paused and self._transport is not None and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _await_rest(self) -> None:
        """A piece has left a request unfinished: count its bytes, and give each phase its one deadline.

        Bytes are counted as they are fed, because the parser keeps unfinished headers and trailers to itself.
        """
        server = self._server
        more = self._piece_bytes - self._before_bytes
        self._fed_bytes += more
        server.receiving_bytes += more
        if self._timed != self._phase:
            self._timed = self._phase
            self.deadline = server.body_deadline if self._phase == _IN_BODY else server.head_deadline
        if self._phase == _IN_HEAD and self._fed_bytes > MAX_HEAD_BYTES:
            self._refuse(problem(431, "head_too_large", f"headers: wanted at most {MAX_HEAD_BYTES} bytes"))
        elif self._fed_bytes > self._body_bound and self._too_large():
            self._refuse_size()
        elif server.receiving_bytes > server.config.max_waiting_bytes:
            self._refuse(busy("too much is being received at once"))

    def _too_large(self) -> bool:
        return self._fed_bytes > self._body_bound + MAX_OVERHEAD_BYTES or sum(map(len, self._chunks)) > self._body_bound

    def _drop(self) -> None:
        """Forget the request being received; it is complete or not wanted."""
        self._server.receiving_bytes -= self._fed_bytes
        self._fed_bytes = 0
        self._phase = self._timed = _BETWEEN
        self._chunks.clear()

    def _refuse_size(self) -> None:
        self._refuse(
            problem(413, "body_too_large", f"body: wanted at most {self._body_bound} bytes; send smaller batches")
        )

    def _refuse_upgrade(self) -> None:
        if self._phase:
            self._refuse(
                problem(400, "no_upgrade", "upgrade: only HTTP/1.1 is spoken here; leave the Upgrade header out")
            )

    def _refuse(self, response: Response) -> None:
        """Answer a request that is not complete, then hear no more of this client."""
        if self._deaf:
            return
        self._deaf = True
        self._drop()
        self.deadline = _NEVER
        request = Request(b"POST", b"", {}, b"", self.flush)
        request.keep_alive = False
        self._pending.append(request)
        request.answer(response)

    def _linger(self) -> None:
        """Let the client read its answer: closing at once could destroy it while more of its bytes arrive."""
        self.deadline = self._server.now_s + LINGER_S
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write_eof()
