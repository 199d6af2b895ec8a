"""Links of one message: each destination once, by index, behind a signed address of our own."""

from __future__ import annotations

import re
from urllib.parse import quote

from tidings.domain.tracking import LINK, TokenMaker

MAX_LINKS = 500
"""Tracked destinations per message; further ones are left as they are."""
MAX_URL_CHARS = 2_000
"""Longest destination; a longer one leads to the shop."""

_WEB = re.compile(r"(https?)://([^\s/?#@\\]+)([/?#].*)?", re.IGNORECASE | re.DOTALL)
_HOST = re.compile(r"[a-z0-9.-]+(:\d{1,5})?|\[[0-9a-f:]+\](:\d{1,5})?", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z0-9%/:?#\[\]@!$&'()*+,;=~._-]*")
_SAFE = "%/:?#[]@!$&'()*+,;=~-._"
_UNTRACKED = ("mailto:", "tel:", "#")


def destination(url: str) -> str | None:
    """`url` as an http(s) address fit for a Location header, or None when it is not one.

    Values come from events, so anything may stand here: other schemes, user names before the host, line breaks.
    """
    match = _WEB.fullmatch(url.strip()) if len(url) <= MAX_URL_CHARS else None
    if match is None:
        return None
    scheme, host, rest = match[1].lower(), match[2], match[3] or ""
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    if not _HOST.fullmatch(host):
        return None
    rest = rest if _PLAIN.fullmatch(rest) else quote(rest, safe=_SAFE, errors="replace")
    return f"{scheme}://{host}{rest}"


class Links:
    """Collects the destinations of one message while its parts are finished."""

    def __init__(self, tokens: TokenMaker, message_id: str, public_url: str, fallback: str, *, tracked: bool) -> None:
        """`fallback` is where a link leads whose address is no web address (the shop); may be empty."""
        self._tokens = tokens
        self._message_id = message_id
        self._public_url = public_url
        self._fallback = fallback
        self._tracked = tracked
        self._addresses: dict[str, str] = {}

    def address(self, url: str) -> str:
        """The address to put into the message for a link to `url`."""
        if url.startswith((*_UNTRACKED, f"{self._public_url}/u/")):
            return url
        target = destination(url) or destination(self._fallback)
        if target is None:
            return "#"
        if not self._tracked:
            return target
        if target not in self._addresses:
            if len(self._addresses) >= MAX_LINKS:
                return target
            token = self._tokens.make(LINK, self._message_id, len(self._addresses))
            self._addresses[target] = f"{self._public_url}/l/{token}"
        return self._addresses[target]

    @property
    def destinations(self) -> list[str]:
        """The tracked destinations, by index."""
        return list(self._addresses)
