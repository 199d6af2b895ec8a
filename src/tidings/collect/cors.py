"""Cross-origin answers for the ingest paths: browsers send events from the shop's pages, with credentials or without.

The origin is echoed, because ``*`` fails for trackers that send credentials. `Retry-After` is exposed and
`x-retry-count` is allowed, because otherwise every retry of analytics.js is lost in its preflight.
"""

from __future__ import annotations

import re

from tidings.collect.http import Request, Response, respond

_HEADERS = b"authorization, content-type, content-encoding, x-retry-count, anonymousid, x-write-key"
_METHODS = b"GET, POST, HEAD, OPTIONS"
_ORIGIN = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]{0,20}://[A-Za-z0-9._:\[\]-]{1,255}|null")
_NAMES = re.compile(rb"[A-Za-z0-9-]{1,64}(?: ?, ?[A-Za-z0-9-]{1,64}){0,30}")
_MAX_AGE_S = 7200  # Chromium's own upper bound


def headers(request: Request) -> bytes:
    """Header lines for an answer to `request`; none when it does not come from a page."""
    origin = request.headers.get(b"origin")
    if origin is None or not _ORIGIN.fullmatch(origin):
        return b""
    return (
        b"Access-Control-Allow-Origin: %s\r\nAccess-Control-Allow-Credentials: true\r\n"
        b"Access-Control-Expose-Headers: Retry-After\r\nVary: Origin\r\n" % origin
    )


def preflight(request: Request) -> Response:
    """The answer to OPTIONS: the headers asked for are granted as they were asked for."""
    wanted = request.headers.get(b"access-control-request-headers", b"").strip()
    granted = wanted if _NAMES.fullmatch(wanted) else _HEADERS
    lines = b"Access-Control-Allow-Methods: %s\r\nAccess-Control-Allow-Headers: %s\r\nAccess-Control-Max-Age: %d\r\n"
    return respond(204, headers=headers(request) + lines % (_METHODS, granted, _MAX_AGE_S))
