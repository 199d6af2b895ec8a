"""The web guard: what every response says and every request must satisfy, around the console, inbox and demo shop.

One ASGI middleware. It refuses foreign Host names (DNS rebinding), foreign or missing Origins on anything but reads
(CSRF), and bodies over the bound; it adds the security headers to whatever the app answers. A response that brings
its own ``Content-Security-Policy`` keeps it.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 16 * 1024
"""Largest form or JSON body that any of our pages sends."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
"""Host names that mean this machine."""
READS = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""

_FIXED = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}


def policy(*, scripts: str = "'self'", connects: str = "'self'", images: str = "'self' data:") -> str:
    """A Content-Security-Policy for our own pages; each argument is a source list. No inline script or style."""
    return (
        f"default-src 'none'; script-src {scripts}; style-src 'self'; img-src {images}; connect-src {connects}; "
        "font-src 'none'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def hosts_for(bind: str) -> frozenset[str]:
    """Host names to accept when listening on `bind`: loopback names, the name itself; empty (any) for a wildcard."""
    if bind in ("0.0.0.0", "::", ""):  # noqa: S104 - recognised, not bound
        return frozenset()
    return LOOPBACK | {bind.lower()}


def harden(response: Response, csp: str) -> Response:
    """`response` with the security headers; for answers made outside the guard (the last-resort 500)."""
    _add(response.headers, csp)
    return response


class Guard:
    """The middleware; see the module."""

    def __init__(self, app: ASGIApp, *, csp: str, hosts: Collection[str]) -> None:
        """`hosts` are the accepted Host names, without ports; empty accepts any."""
        self._app = app
        self._csp = csp
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse, or pass on and add headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(MutableHeaders(scope=message), self._csp)
            await send(message)

        answer = refusal(scope["method"], Headers(scope=scope), self._hosts)
        await (answer or self._app)(scope, receive, send_hardened)


def refusal(method: str, headers: Headers, hosts: Collection[str]) -> Response | None:
    """Why this request is not let in, as an answer; None when it is."""
    host = headers.get("host", "")
    name = (urlsplit(f"//{host}").hostname or "") if _sane(host) else ""
    if hosts and name not in hosts:
        return PlainTextResponse("Host: not served here; open the address that Tidings printed at start.", 421)
    if method in READS:
        return None
    if not same_origin(headers, host):
        return PlainTextResponse("Origin: a form may only be sent from this site's own pages.", 403)
    length = headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        return PlainTextResponse("Content-Length: wanted, chunked bodies are not taken.", 411)
    if int(length[:12]) > MAX_BODY_BYTES:
        return PlainTextResponse(f"Body: wanted at most {MAX_BODY_BYTES} bytes.", 413)
    return None


def same_origin(headers: Headers, host: str) -> bool:
    """True when the browser says that the request comes from a page of this very site."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "same-origin"
    scheme, _, rest = origin.partition("://")
    return scheme in ("http", "https") and rest == host


def _sane(host: str) -> bool:
    return 0 < len(host) < 256 and host.isascii() and not set(host) & set("/\\@?# ")


def _add(headers: MutableHeaders, csp: str) -> None:
    for name, value in _FIXED.items():
        headers.setdefault(name, value)
    headers.setdefault("Content-Security-Policy", csp)
    headers.setdefault("Cache-Control", "no-store")
