"""The inbox: every mail that the local receiver took, as a mail reader shows it. Part of the console, or mounted alone.

Mails are somebody else's markup: their HTML is served under a policy of its own (no script, no form, no frame) and
shown in a sandboxed frame. Links open in a new tab, because following them is part of the demonstration.
"""

from __future__ import annotations

import re
import sqlite3
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header, make_header
from email.utils import parseaddr
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from tidings.console import body, figures
from tidings.console.site import missing, number_from, of, text_from
from tidings.console.store import Store

PAGE = 50
"""Mails in the list."""
VIEWS = ("html", "text", "source")
"""Ways to look at a mail."""
MAX_SOURCE_CHARS = 200_000
"""Of the source view; the download has all."""
SHOWN_HEADERS = (
    "From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "List-ID", "Feedback-ID",
)  # fmt: skip
"""Headers in the details."""


def routes() -> list[Route]:
    """The inbox's pages; they need a `Site` in the app's state."""
    return [
        Route("/inbox", inbox, name="inbox"),
        Route("/inbox/list.json", newer),
        Route("/inbox/{id:int}", inbox),
        Route("/inbox/{id:int}/body", mail_body),
        Route("/inbox/{id:int}/raw", raw),
    ]


def inbox(request: Request) -> Response:
    """List and reader; without an id the newest mail is open."""
    site = of(request)
    asked = request.path_params.get("id")
    view = text_from(request, "view")
    with site.store() as store:
        rows = store.inbox.rows("mails", before=number_from(request, "before", 1 << 62), limit=PAGE + 1)
        total = store.inbox.row("mail_count")
        chosen = asked if asked is not None else rows[0]["id"] if rows else None
        mail = _mail(store, chosen) if chosen is not None else None
    if asked is not None and mail is None:
        raise missing("The inbox does not keep this mail (any more).")
    return site.page(
        request,
        "inbox.html",
        title="Inbox",
        mails=[figures.mail_row(row) for row in rows[:PAGE]],
        older=rows[PAGE - 1]["id"] if len(rows) > PAGE else None,
        total=total["n"] if total else 0,
        explains=any(page[1] == "/messages" for page in site.pages),
        mail=mail,
        opened=asked is not None,
        view=view if view in VIEWS else "html",
    )


def _mail(store: Store, number: int) -> dict[str, Any] | None:
    row = store.inbox.row("mail", number)
    if row is None:
        return None
    data = bytes(row["raw"])
    return {
        **figures.mail_row(row),
        "sender": row["sender"],
        **_sender(data, row["sender"]),
        "headers": [(name, text) for name in SHOWN_HEADERS if (text := _header(data, name))],
        "html": body.part(data, "text/html") is not None,
        "text": body.part(data, "text/plain"),
        "source": data[:MAX_SOURCE_CHARS].decode("utf-8", "backslashreplace"),
        "size_bytes": len(data),
        "message": _message(store, row),
    }


def _header(raw: bytes, name: str) -> str:
    value = str(message_from_bytes(raw[: raw.find(b"\r\n\r\n") + 4 or None]).get(name, ""))
    return re.sub(r"\s+", " ", value)


def _sender(raw: bytes, envelope: str) -> dict[str, str]:
    name, address = parseaddr(_header(raw, "From"))
    try:
        name = str(make_header(decode_header(name)))
    except (LookupError, UnicodeError, HeaderParseError, ValueError):
        name = ""  # an encoding that nobody knows: the address says enough
    return {"from": name or address or envelope, "from_address": address or envelope}


def _message(store: Store, row: sqlite3.Row) -> str:
    """Our own id of the message, when the ledger knows it."""
    found = re.fullmatch(r"<([0-9a-f]{32})@[^>]*>", row["message_id"])
    known = store.ledger.row("message", found[1]) if found else None
    return str(known["message_id"]) if known else ""


def newer(request: Request) -> Response:
    """The list as JSON, for the page's script."""
    site = of(request)
    with site.store() as store:
        rows = store.inbox.rows("mails", before=1 << 62, limit=PAGE)
    return JSONResponse(msgspec.to_builtins([figures.mail_row(row) for row in rows]))


def mail_body(request: Request) -> Response:
    """A mail's HTML for the frame; links open in a new tab."""
    found = _raw(request)
    html = body.part(found, "text/html")
    if html is None:
        raise missing("This mail has no HTML part.")
    policy = body.policy("http: https: data:", popups=True)
    return HTMLResponse(_in_new_tabs(html), headers={"Content-Security-Policy": policy})


def _in_new_tabs(html: str) -> str:
    """The reader's own base element, as mail readers add it; the sandbox forbids all else anyway."""
    base = '<base target="_blank">'
    head = re.search(r"<head[^>]*>", html, re.IGNORECASE)
    return f"{html[: head.end()]}{base}{html[head.end() :]}" if head else base + html


def raw(request: Request) -> Response:
    """The mail as it was handed over, to save."""
    number = request.path_params["id"]
    headers = {"Content-Disposition": f'attachment; filename="mail-{number}.eml"'}
    return Response(_raw(request), media_type="application/octet-stream", headers=headers)


def _raw(request: Request) -> bytes:
    with of(request).store() as store:
        row = store.inbox.row("mail", request.path_params["id"])
    if row is None:
        raise missing("The inbox does not keep this mail (any more).")
    return bytes(row["raw"])
