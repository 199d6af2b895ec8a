"""A visitor without a browser: calls a web app in this process, with cookies; and a server for real browsers."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import urlencode

from starlette.types import ASGIApp

from tidings.console import serve

HOST = "127.0.0.1:8301"


@dataclass
class Answer:
    """What the app answered."""

    status: int
    headers: dict[str, str]
    body: bytes
    cookies: list[str]

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def said(self) -> str:
        """The text as a reader sees it: entities undone."""
        return unescape(self.text)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Visitor:
    """One visitor of `app`."""

    app: ASGIApp
    cookies: dict[str, str] = field(default_factory=dict)
    follow: bool = True

    def get(self, path: str, **headers: str) -> Answer:
        """GET, following redirects."""
        return self.send("GET", path, b"", headers)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> Answer:
        """POST a form as a page of the same site does."""
        sent = {"origin": f"http://{HOST}", "content-type": "application/x-www-form-urlencoded", **headers}
        return self.send("POST", path, urlencode(form or {}).encode(), sent)

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Any request; a header set to the empty string is left out."""
        answer = asyncio.run(self._call(method, path, body, headers))
        for cookie in answer.cookies:
            name, _, value = cookie.split(";")[0].partition("=")
            self.cookies[name] = value
        if self.follow and answer.status in (302, 303, 307):
            return self.get(answer.headers["location"])
        return answer

    async def _call(self, method: str, path: str, body: bytes, extra: dict[str, str]) -> Answer:
        path, _, query = path.partition("?")
        headers = {"host": HOST, "content-length": str(len(body))} if method == "POST" else {"host": HOST}
        headers.update({name.replace("_", "-"): value for name, value in extra.items()})
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items() if value],
            "client": ("127.0.0.1", 40_000),
            "server": ("127.0.0.1", 8301),
        }
        answer = Answer(0, {}, b"", [])

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            if message["type"] == "http.response.start":
                pairs = [(name.decode().lower(), value.decode("latin-1")) for name, value in message["headers"]]
                answer.status, answer.headers = message["status"], dict(pairs)
                answer.cookies = [value for name, value in pairs if name == "set-cookie"]
            else:
                answer.body += message.get("body", b"")

        await self.app(scope, receive, send)
        return answer


@contextmanager
def serving(app: ASGIApp, *, before_stop: Callable[[], None] = lambda: None) -> Iterator[str]:
    """Serve `app` on a free loopback port in a thread, for as long as the block runs; its base URL."""
    sock = serve.bind("127.0.0.1", 0)
    url = serve.address(sock)
    started = threading.Event()
    ends: list[Callable[[], None]] = []

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(stop.set))
        await serve.serve(app, sock, on_start=started.set, stop=stop, before_stop=before_stop)

    thread = threading.Thread(target=lambda: asyncio.run(main()), daemon=True)
    thread.start()
    assert started.wait(10), "the server did not start within 10 s"
    try:
        yield url
    finally:
        ends[0]()
        thread.join(10)
        assert not thread.is_alive(), "the server did not end within 10 s"
