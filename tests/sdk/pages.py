"""A shop's web site for the browser tests: a few pages in memory, on an origin other than the collector's."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar


class Site:
    """Serves `pages` (path to HTML or JavaScript) on a free loopback port."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        site = self

        class Answer(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            pages: ClassVar[dict[str, str]] = site.pages

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                text = self.pages.get(path, "")
                self.send_response(200 if text or path == "/favicon.ico" else 404)
                kind = "text/javascript" if path.endswith(".js") else "text/html"
                self.send_header("Content-Type", f"{kind}; charset=utf-8")
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
