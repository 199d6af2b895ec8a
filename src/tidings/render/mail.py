"""One message: a template, a decision and the recommended items become the bytes that are handed over. Pure.

The same arguments give the same bytes (law 8): the Date is the instant of the decision, the Message-ID and the
boundary are made from the message id, and a retry repeats them all.
"""

from __future__ import annotations

import html as entities
import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from liquid import BoundTemplate
from liquid.exceptions import LiquidError

from tidings.domain import verp
from tidings.domain.message import SendIntent
from tidings.domain.tracking import BOUNCE, OPEN, UNSUBSCRIBE, TokenMaker
from tidings.errors import Permanent
from tidings.recommend.base import Recommendation
from tidings.render import headers, mime
from tidings.render.links import Links
from tidings.render.plain import LINK_END, LINK_START, tidy
from tidings.render.template import Template, slots

TRANSACTIONAL = "transactional"
"""The category that asks for no unsubscribe link."""
TRIAL = "[dry run]"
"""Stands before the subject of a mail that is only tried."""

_LINK = re.compile(f"{LINK_START}([^{LINK_END}]*){LINK_END}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_PIXEL = '<img src="{}" width="1" height="1" alt="" style="display:block;border:0;width:1px;height:1px;">'


class CannotRender(Permanent):
    """This message cannot be made; the text says why. Another attempt would fail alike."""


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends, and where things are: what a message is made from besides template, decision and items."""

    from_name: str
    """Display name of the sender identity; also ``shop.name``."""
    from_address: str
    """Its address; its domain also makes the Message-ID."""
    public_url: str
    """Base of tracked links, the open pixel and the unsubscribe page, without a trailing slash."""
    shop_url: str = ""
    """Where the shop is, without a trailing slash; a link without a usable address leads here."""
    postal_address: str = ""
    """For the footer."""
    bounce_domain: str = ""
    """Where bounces go to an address that names their message; empty: to `from_address`."""

    @property
    def version(self) -> str:
        """Content hash: 12 hexadecimal digits."""
        return blake2b(self.encoded(), digest_size=6).hexdigest()

    def encoded(self) -> bytes:
        """All of it as JSON, to keep beside the messages made with it."""
        return msgspec.json.encode(self)

    @staticmethod
    def decoded(data: bytes) -> Sender:
        """The inverse of `encoded`."""
        return msgspec.json.decode(data, type=Sender)


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """A finished message."""

    message_id: str
    """Our id of it."""
    message_id_header: str
    """``<id@domain>``; the same on every attempt."""
    sender: str
    """Envelope sender."""
    recipient: str
    """Envelope recipient."""
    date: str
    """The Date header: the instant of the decision."""
    subject: str
    html: str
    text: str
    mime: bytes
    """What is handed over."""
    links: list[str]
    """Destination of each tracked link, by index."""

    @property
    def digest(self) -> str:
        """Of the bytes: 32 hexadecimal digits."""
        return blake2b(self.mime, digest_size=16).hexdigest()


def render_message(
    template: Template,
    intent: SendIntent,
    items: Sequence[Recommendation],
    *,
    tokens: TokenMaker,
    sender: Sender,
    track: bool = True,
    trial: str = "",
) -> Rendered:
    """Make the message that `intent` decided on. Raises CannotRender.

    Without `track` there is no open pixel and links lead straight to their destinations; the unsubscribe link stays.
    A `trial` is marked in subject and headers, with what it is a trial of, and offers mail readers no unsubscribing.
    """
    recipient = headers.sendable(intent.address)
    if recipient is None:
        msg = "bad_address: not an address that mail can be sent to"
        raise CannotRender(msg)
    unsubscribe_url = f"{sender.public_url}/u/{tokens.make(UNSUBSCRIBE, intent.message_id)}"
    context = _context(template, intent, items, sender, unsubscribe_url)
    subject = headers.one_line(_merge(template.subject, context, "subject")) or headers.one_line(sender.from_name)
    if trial:
        subject = headers.one_line(f"{TRIAL} {subject}")
    context["subject"] = subject
    context["preheader"] = headers.one_line(_merge(template.preheader, context, "preheader"))
    links = Links(tokens, intent.message_id, sender.public_url, sender.shop_url, tracked=track)
    html = _finished_html(_merge(template.html, context, "HTML part"), links)
    if track:
        html = _with_pixel(html, f"{sender.public_url}/o/{tokens.make(OPEN, intent.message_id)}.gif")
    text = _finished_text(_merge(template.text, context, "text part"), links)
    name = template.front.from_name or sender.from_name
    head = _headers(intent, sender, name, recipient, subject, unsubscribe_url, trial)
    return Rendered(
        message_id=intent.message_id,
        message_id_header=_message_id(intent, sender),
        sender=_envelope_sender(intent, sender, tokens),
        recipient=recipient,
        date=headers.date(intent.decided_us),
        subject=subject,
        html=html,
        text=text,
        mime=mime.build(head, text, html, f"=_{intent.message_id}"),
        links=links.destinations,
    )


def _context(
    template: Template, intent: SendIntent, items: Sequence[Recommendation], sender: Sender, unsubscribe_url: str
) -> dict[str, Any]:
    values = intent.values
    return {
        "person": values.get("person") or {},
        "cart": values.get("cart") or [],
        "event": values.get("event") or {},
        "answers": values.get("answers") or {},
        "journey": intent.journey,
        "category": intent.category,
        "message_id": intent.message_id,
        "unsubscribe_url": unsubscribe_url,
        "shop": {
            "name": sender.from_name,
            "url": sender.shop_url,
            "cart_url": f"{sender.shop_url}/cart" if sender.shop_url else "",
            "postal_address": sender.postal_address,
        },
        **slots(template, [msgspec.to_builtins(item) for item in items]),
    }


def _merge(part: BoundTemplate, context: dict[str, Any], what: str) -> str:
    try:
        return part.render(context)
    except (LiquidError, RecursionError, UnicodeError) as error:
        # The error's text may quote values of the person; its kind and the place are enough.
        msg = f"render_failed: {what}: {type(error).__name__}"
        raise CannotRender(msg) from error


def _finished_html(merged: str, links: Links) -> str:
    def address(match: re.Match[str]) -> str:
        return entities.escape(links.address(entities.unescape(match[1]).strip()))

    return _CONTROL.sub("", _LINK.sub(address, merged))


def _finished_text(merged: str, links: Links) -> str:
    return tidy(_CONTROL.sub("", _LINK.sub(lambda match: links.address(match[1].strip()), merged)))


def _with_pixel(html: str, address: str) -> str:
    head, end, tail = html.rpartition("</body>")
    return f"{head}{_PIXEL.format(address)}{end}{tail}" if end else html


def _envelope_sender(intent: SendIntent, sender: Sender, tokens: TokenMaker) -> str:
    if not sender.bounce_domain:
        return sender.from_address
    return verp.address_of(tokens.make(BOUNCE, intent.message_id), sender.bounce_domain)


def _message_id(intent: SendIntent, sender: Sender) -> str:
    return f"<{intent.message_id}@{_domain(sender)}>"


def _domain(sender: Sender) -> str:
    return sender.from_address.rpartition("@")[2]


def _headers(
    intent: SendIntent, sender: Sender, from_name: str, recipient: str, subject: str, unsubscribe_url: str, trial: str
) -> list[str]:
    category = headers.atom(intent.category)
    head = [
        headers.mailbox_header("From", from_name, sender.from_address),
        f"To: <{recipient}>",
        headers.text_header("Subject", subject),
        f"Date: {headers.date(intent.decided_us)}",
        f"Message-ID: {_message_id(intent, sender)}",
        f"Feedback-ID: {_feedback_id(intent, sender)}",
        "X-Auto-Response-Suppress: OOF, AutoReply",  # Exchange's word for: no holiday notes
    ]
    if not intent.bulk:
        head.append("Auto-Submitted: auto-generated")  # RFC 3834; a broadcast is a person's decision
    if trial:
        head.append(headers.text_header("X-Tidings-Dry-Run", trial))
    elif intent.category != TRANSACTIONAL:
        head += [
            "Precedence: bulk",
            f"List-ID: <{category}.{_domain(sender)}>",
            f"List-Unsubscribe: <{unsubscribe_url}>",  # never folded, never encoded (RFC 8058)
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        ]
    return head


def _feedback_id(intent: SendIntent, sender: Sender) -> str:
    """Gmail's: three ids that differ from each other and name no person, and a stable sender id of 5 to 15 characters."""
    shop = re.sub(r"[^a-z0-9]", "", _domain(sender).lower())[:15].ljust(5, "0")
    return (
        f"j-{headers.atom(intent.journey)}:t-{headers.atom(intent.template)}:c-{headers.atom(intent.category)}:{shop}"
    )
