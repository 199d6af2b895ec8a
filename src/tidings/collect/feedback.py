"""Mail readers come back here: opens, clicks and unsubscribes become events of our own source, stored before the answer.

    GET  /o/<token>.gif   the open pixel
    GET  /l/<token>       a tracked link: 302 to the destination kept in the send ledger
    GET  /u/<token>       a page with one button; looking at it changes nothing, because scanners look
    POST /u/<token>       unsubscribe at once (RFC 8058: no cookie, no login, no redirect)

A forged, truncated or unknown token gets one and the same 404 and changes nothing. Event ids are made from the message
(and link and minute), so that a repeated request is a duplicate and not a second event.
"""

from __future__ import annotations

import re
from html import escape
from typing import Any, Protocol

import msgspec

from tidings.clock import MINUTE_US, Clock
from tidings.collect.committer import Committer
from tidings.collect.evidence import Evidence
from tidings.collect.http import GIF, HTML, PIXEL, Request, Response, busy, problem, respond
from tidings.collect.pressure import Pressure
from tidings.deliver.records import Row
from tidings.domain.feedback import EMAIL_CLICKED, EMAIL_OPENED, UNSUBSCRIBED
from tidings.domain.record import LogRecord
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.feedback.tokens import LINK, OPEN, UNSUBSCRIBE, Token, Tokens

PREFIXES = (b"/o/", b"/l/", b"/u/")

_KINDS = {b"/o/": OPEN, b"/l/": LINK, b"/u/": UNSUBSCRIBE}
_MAX_URL_CHARS = 8_000
_PRIVATE = b"Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Robots-Tag: noindex\r\n"
_PAGE = _PRIVATE + (
    b"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; "
    b"frame-ancestors 'none'; base-uri 'none'\r\nX-Content-Type-Options: nosniff\r\n"
)
_MACHINES = re.compile(
    r"bot\b|crawl|spider|scan|preview|prefetch|monitor|python|curl|wget|go-http|java/|okhttp|libwww|headless|"
    r"barracuda|proofpoint|mimecast|safelinks|symantec|fortinet|trendmicro|zscaler|urldefense|ironport",
    re.IGNORECASE,
)
"""Scanners and tools. Gmail's and Yahoo's image proxies are not among them: they fetch when a person opens the mail."""
_APPLE_PROXY = "Mozilla/5.0"
"""Apple's mail privacy proxy says no more than this, and fetches whether or not anybody reads."""


class Messages(Protocol):
    """What is asked of the send ledger (`deliver.ledger.Ledger`)."""

    def message(self, message_id: str) -> Row | None:
        """One message, or None."""
        ...

    def link(self, message_id: str, index: int) -> str | None:
        """The destination of one tracked link, or None."""
        ...


class Feedback:
    """Opens, clicks and unsubscribes."""

    def __init__(
        self,
        tokens: Tokens,
        messages: Messages,
        committer: Committer,
        pressure: Pressure,
        clock: Clock,
        evidence: Evidence,
    ) -> None:
        self._evidence = evidence
        self._tokens = tokens
        self._messages = messages
        self._committer = committer
        self._pressure = pressure
        self._clock = clock

    def take(self, request: Request) -> None:
        """One request below /o/, /l/ or /u/."""
        found = self._find(request)
        if found is None:
            request.answer(_unknown())
            return
        token, message = found
        if token.kind == UNSUBSCRIBE:
            self._unsubscribe(request, message)
        elif request.method not in (b"GET", b"HEAD"):
            request.answer(problem(405, "method", "follow it with GET", b"Allow: GET, HEAD\r\n"))
        elif token.kind == OPEN:
            self._open(request, message)
        else:
            self._click(request, message, token.index)

    def _find(self, request: Request) -> tuple[Token, Row] | None:
        """The token and its message; None when anything about them is not right, and never why."""
        prefix = request.path[:3]
        token = self._tokens.read(request.tail(prefix).removesuffix(".gif"))
        if token is None or token.kind != _KINDS.get(prefix):
            return None
        message = self._messages.message(token.message_id)
        return None if message is None else (token, message)

    def _open(self, request: Request, message: Row) -> None:
        # The picture is shown whatever happens to the event: a mail must look right even when we are busy.
        picture = respond(200, PIXEL, GIF, _PRIVATE)
        event_id = f"open-{message.message_id}-{self._minute()}"
        self._append(
            request, message, EMAIL_OPENED, event_id, {"machine": _machine(request)}, stored=picture, otherwise=picture
        )

    def _click(self, request: Request, message: Row, index: int) -> None:
        url = self._messages.link(message.message_id, index)
        if url is None or not _safe(url):
            request.answer(_unknown())
            return
        # Likewise: the person gets where the link leads, even when the click cannot be counted.
        redirect = respond(302, b"", HTML, b"Location: %s\r\n" % _header_safe(url) + _PRIVATE)
        event_id = f"click-{message.message_id}-{index}-{self._minute()}"
        extra = {"url": url, "link": index, "machine": _machine(request)}
        self._append(request, message, EMAIL_CLICKED, event_id, extra, stored=redirect, otherwise=redirect)

    def _unsubscribe(self, request: Request, message: Row) -> None:
        if request.method in (b"GET", b"HEAD"):
            request.answer(respond(200, _ask_page(message), HTML, _PAGE))
            return
        if request.method != b"POST":
            request.answer(problem(405, "method", "unsubscribe with POST", b"Allow: GET, HEAD, POST\r\n"))
            return
        # by the minute, so that somebody who opted in again can unsubscribe again through the same mail
        event_id = f"unsub-{message.message_id}-{message.category}-{self._minute()}"
        method = "page" if b"from=page" in request.body[:200] else "one_click"
        done = respond(200, _done_page(), HTML, _PAGE)
        later = busy("the request could not be stored", 5)
        self._append(request, message, UNSUBSCRIBED, event_id, {"method": method}, stored=done, otherwise=later)

    def _append(
        self,
        request: Request,
        message: Row,
        name: str,
        event_id: str,
        extra: dict[str, Any],
        *,
        stored: Response,
        otherwise: Response,
    ) -> None:
        if self._pressure.refusal() is not None and name != UNSUBSCRIBED:
            request.answer(otherwise)  # a withdrawal is taken even when the door is shut for others
            return
        event = _event(message, name, event_id[:200], extra)
        record = LogRecord(INTERNAL_SOURCE, "track", 0, event)

        def done(first: int | None) -> None:
            request.answer(otherwise if first is None else stored)
            if first is not None:
                self._evidence.heard(message, name)

        self._committer.submit([record], 1, len(event), done)

    def _minute(self) -> int:
        return self._clock.now_us() // MINUTE_US


def _event(message: Row, name: str, event_id: str, extra: dict[str, Any]) -> bytes:
    properties = {
        "message_id": message.message_id,
        "journey": message.journey,
        "template": message.template,
        "category": message.category,
        **extra,
    }
    context = {"profile_id": message.profile_id}
    return msgspec.json.encode({"event": name, "messageId": event_id, "properties": properties, "context": context})


def _machine(request: Request) -> bool:
    """Whether this does not look like a person: a HEAD, no user agent, or one that scanners and proxies use."""
    agent = request.header(b"user-agent")
    return request.method == b"HEAD" or not agent or agent == _APPLE_PROXY or bool(_MACHINES.search(agent))


def _safe(url: str) -> bool:
    return url.startswith(("https://", "http://")) and len(url) <= _MAX_URL_CHARS and url.isprintable()


def _header_safe(url: str) -> bytes:
    """The URL in ASCII, other characters percent-encoded as UTF-8; it is printable, so no line can end in it."""
    return b"".join(c.encode() if c.isascii() else b"".join(b"%%%02X" % b for b in c.encode()) for c in url).replace(
        b" ", b"%20"
    )


def _unknown() -> Response:
    return problem(404, "not_found", "this link is not valid, or not any more", _PRIVATE)


_STYLE = "body{font:1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem;color:#222}button{font:inherit;padding:.6rem 1.2rem}"


def _page(title: str, content: str) -> bytes:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{content}</main></body></html>"
    ).encode()


def _ask_page(message: Row) -> bytes:
    what = escape(message.category)
    return _page(
        "Unsubscribe",
        f"<p>You will get no more e-mail of the kind <strong>{what}</strong> from us.</p>"
        '<form method="post"><input type="hidden" name="from" value="page">'
        '<button type="submit">Unsubscribe</button></form>',
    )


def _done_page() -> bytes:
    return _page("You are unsubscribed", "<p>It is done. You need not do anything else.</p>")
