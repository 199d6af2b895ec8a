"""``/tidings.js``: the browser script, served compressed, with an ETag, from the package."""

from __future__ import annotations

import gzip
from hashlib import blake2b
from pathlib import Path

from tidings.collect.http import Request, Response, problem, respond

PATH = b"/tidings.js"

_FILE = Path(__file__).parent / "static" / "tidings.js"
_KIND = b"text/javascript; charset=utf-8"


class Script:
    """Keeps the file in memory, and reads it again when it has changed on disk."""

    def __init__(self, path: Path = _FILE) -> None:
        self._path = path
        self._version = (0, 0)
        self._plain = b""
        self._packed = b""
        self._etag = b""

    def answer(self, request: Request) -> Response:
        """The script, or 304 when the browser has it already."""
        if request.method not in (b"GET", b"HEAD"):
            return problem(405, "method", "fetch the script with GET", b"Allow: GET, HEAD\r\n")
        if not self._load():
            return problem(404, "not_found", f"{self._path.name} is not part of this installation; build sdk/js first")
        lines = (
            b"Cache-Control: public, max-age=3600\r\nETag: %s\r\nVary: Accept-Encoding\r\n"
            b"Access-Control-Allow-Origin: *\r\nX-Content-Type-Options: nosniff\r\n" % self._etag
        )
        if self._etag in request.headers.get(b"if-none-match", b""):
            return respond(304, b"", _KIND, lines)
        if b"gzip" in request.headers.get(b"accept-encoding", b""):
            return respond(200, self._packed, _KIND, lines + b"Content-Encoding: gzip\r\n")
        return respond(200, self._plain, _KIND, lines)

    def _load(self) -> bool:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return False
        version = (stat.st_mtime_ns, stat.st_size)
        if version != self._version:
            self._plain = self._path.read_bytes()
            self._packed = gzip.compress(self._plain, mtime=0)
            self._etag = b'"%s"' % blake2b(self._plain, digest_size=10).hexdigest().encode()
            self._version = version
        return True
