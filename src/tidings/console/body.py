"""A message as its reader sees it, for the console: rendered again from what the ledger keeps, without tracking.

Looking at a message here must not count as an open, and its links must lead nowhere. When the ledger keeps no template
for it, the copy in the local inbox serves, with the collector's pixel left out by the page's policy.
"""

from __future__ import annotations

import os
import re
import sqlite3
from email import message_from_bytes
from email.message import Message
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

from tidings.console import why
from tidings.console.store import Store
from tidings.errors import TidingsError
from tidings.feedback.tokens import Tokens
from tidings.render.mail import Sender, render_message
from tidings.render.template import Template, compile_template
from tidings.versions.shelf import Versions

MAX_ORIGINS = 20
"""Sites whose pictures one mail may show here."""

_TOKENS = Tokens(os.urandom(32))  # the preview's unsubscribe link shall be nobody's
_SOURCE = re.compile(
    r"""(?:src|background)\s*=\s*["']?(https?://[^"'\s>]+)|url\(["']?(https?://[^"')\s]+)""", re.IGNORECASE
)


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """HTML of a message, and where it comes from."""

    html: str
    origin: str
    """``rendered`` (again, from the ledger), ``inbox`` (the copy received) or ``preview`` (never sent)."""


def rendered_html(store: Store, row: sqlite3.Row) -> Body | None:
    """The message of a ledger row; None when nothing is left to make it from."""
    try:
        return _again(store, row) or _from_inbox(store, row) or _preview(store, row)
    except (TidingsError, msgspec.DecodeError, OSError):
        return _from_inbox(store, row)  # a template of a version that this code cannot compile


def _again(store: Store, row: sqlite3.Row) -> Body | None:
    if not row["template_version"]:
        return None
    source = store.ledger.row("kept", row["template_version"])
    sender = store.ledger.row("kept", row["sender_version"])
    if source is None or sender is None:
        return None
    template = _compiled(row["template"], bytes(source["body"]))
    return _render(template, row, Sender.decoded(bytes(sender["body"])), "rendered")


def _preview(store: Store, row: sqlite3.Row) -> Body | None:
    versions, decided = Versions(store.config.data), why.unpack(row).definitions
    folder = versions.folder(decided) if decided else versions.current(store.config.workspace)
    path = folder / "templates" / f"{row['template']}.mjml"
    if not re.fullmatch(r"[\w-]+", row["template"]) or not path.exists():
        return None
    template = _compiled(row["template"], path.read_bytes())
    mail = store.config.mail
    sender = Sender(
        from_name=mail.from_name,
        from_address=mail.from_address,
        public_url=store.config.public_url,
        shop_url=mail.shop_url,
        postal_address=mail.postal_address,
    )
    return _render(template, row, sender, "preview")


def _render(template: Template, row: sqlite3.Row, sender: Sender, origin: str) -> Body:
    intent = why.unpack(row)
    if not intent.address:
        intent = msgspec.structs.replace(intent, address="nobody@example.invalid")
    made = render_message(template, intent, why.items(row), tokens=_TOKENS, sender=sender, track=False)
    return Body(html=made.html, origin=origin)


@lru_cache(maxsize=32)
def _compiled(name: str, source: bytes) -> Template:
    return compile_template(name, source.decode())


def _from_inbox(store: Store, row: sqlite3.Row) -> Body | None:
    if not row["template_version"]:
        return None
    found = store.inbox.row("mail_by_message_id", f"<{row['message_id']}@%")
    mail = store.inbox.row("mail", found["id"]) if found else None
    html = part(bytes(mail["raw"]), "text/html") if mail else None
    return Body(html=html, origin="inbox") if html is not None else None


def part(raw: bytes, content_type: str) -> str | None:
    """The first part of this type of a raw mail, decoded; None when it has none."""
    for one in message_from_bytes(raw).walk():
        if one.get_content_type() == content_type:
            return _decoded(one)
    return None


def _decoded(one: Message) -> str:
    payload = one.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    try:
        return data.decode(one.get_content_charset("utf-8"), "replace")
    except LookupError:
        return data.decode("utf-8", "replace")


def policy(images: str, *, popups: bool) -> str:
    """The Content-Security-Policy of somebody else's HTML: no script, no form, no frame, nothing fetched but pictures."""
    allow = " allow-popups allow-popups-to-escape-sandbox" if popups else ""
    return (
        f"sandbox{allow}; default-src 'none'; img-src {images}; style-src 'unsafe-inline'; form-action 'none'; "
        "base-uri 'none'; frame-ancestors 'self'"
    )


def picture_sites(html: str, without: str) -> str:
    """A source list for the sites that a mail's pictures come from, all but `without` (the collector's pixel)."""
    barred = site(without)
    sites = {site(match[1] or match[2]) for match in _SOURCE.finditer(html)} - {barred, ""}
    return " ".join(["data:", *sorted(sites)[:MAX_ORIGINS]])


def site(url: str) -> str:
    """``scheme://host:port`` of an address; empty when it has none that may stand in a policy."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    fits = parts.scheme in ("http", "https") and re.fullmatch(r"[A-Za-z0-9.\-:\[\]]+", parts.netloc)
    return f"{parts.scheme}://{parts.netloc}".lower() if fits else ""
