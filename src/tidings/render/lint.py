"""Findings about a template that compiles: what would look wrong, break a promise or a mailbox provider's rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from tidings.render.protect import blanked
from tidings.render.template import RESERVED, Template

GMAIL_CLIP_BYTES = 102 * 1024
"""Gmail cuts off a message whose HTML is larger."""

ELEMENTS = frozenset(
    """
    mjml mj-head mj-attributes mj-all mj-class mj-breakpoint mj-font mj-html-attributes mj-selector mj-html-
    attribute mj-preview mj-style mj-title mj-raw mj-body mj-accordion mj-accordion-element mj-accordion-title mj-
    accordion-text mj-button mj-carousel mj-carousel-image mj-column mj-divider mj-group mj-hero mj-image mj-
    navbar mj-navbar-link mj-section mj-social mj-social-element mj-spacer mj-table mj-text mj-wrapper
    """.split()  # noqa: SIM905 - one word after the other reads better
)
"""Elements that MJML knows; it drops others without a word."""
_SETTINGS = ("mj-attributes", "mj-head")  # below them an element is a default, not a picture
_FAKE = re.compile(r"^\s*(re|fwd?|aw|wg)\s*:", re.IGNORECASE)
_TRANSACTIONAL = "transactional"


def findings(template: Template) -> list[str]:
    """Each finding as a sentence; empty when there is nothing to say."""
    return [*_markup(template), *_names(template), *_weight(template), *_rules(template)]


class _Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []
        self._settings = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._settings += tag in _SETTINGS
        self._look(tag, {name for name, _ in attrs})

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._look(tag, {name for name, _ in attrs})

    def handle_endtag(self, tag: str) -> None:
        self._settings -= tag in _SETTINGS

    def _look(self, tag: str, attributes: set[str]) -> None:
        line = self.getpos()[0]
        if tag.startswith("mj-") and tag not in ELEMENTS:
            self.notes.append(f"line {line}: <{tag}> is no MJML element; it would be dropped or shown as it is")
        if tag in ("mj-image", "img", "mj-carousel-image") and "alt" not in attributes and not self._settings:
            self.notes.append(f'line {line}: <{tag}> has no alt text; write alt="" when it is decoration')


def _markup(template: Template) -> list[str]:
    elements = _Elements()
    elements.feed(blanked(template.source))
    elements.close()
    return elements.notes


def _names(template: Template) -> Iterator[str]:
    known = RESERVED | set(template.front.slots)
    for part, words in (
        (template.html, ""),
        (template.subject, " in the subject"),
        (template.preheader, " in the preheader"),
    ):
        for name in sorted(set(part.analyze().globals) - known):
            yield f"{{{{ {name} }}}}{words} is always empty; known names are {', '.join(sorted(known))}"


def _weight(template: Template) -> Iterator[str]:
    if template.html_bytes > GMAIL_CLIP_BYTES:
        yield f"the HTML has {template.html_bytes:,} bytes; Gmail cuts it off after {GMAIL_CLIP_BYTES:,}"


def _rules(template: Template) -> Iterator[str]:
    if _FAKE.match(template.front.subject):
        yield "the subject looks like a reply or a forward; mailbox providers count that as deception"
    if template.front.category == _TRANSACTIONAL:
        return
    if "unsubscribe_url" not in template.source:
        yield "no {{ unsubscribe_url }}; marketing mail needs a visible unsubscribe link"
    if "shop.postal_address" not in template.source:
        yield "no {{ shop.postal_address }}; the law in many places asks for it in marketing mail"
