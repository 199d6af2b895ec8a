"""The plain-text part, derived once from the compiled template's HTML.

Works on HTML in which tokens stand for Liquid tags (`protect`), and gives a text in which the same tokens stand in the
same order, so that it can be merged per person like the HTML. A link reads ``text: address``; its address stands
between `LINK_START` and `LINK_END` until it is tracked.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser

from tidings.render.protect import Protected

LINK_START = "\x02"
LINK_END = "\x03"

_BLOCKS = frozenset(
    """
    address article blockquote body center dd div dl dt figure footer h1 h2 h3 h4 h5 h6 header hr main ol p
    section table tbody tfoot thead tr ul
    """.split()  # noqa: SIM905 - one word after the other reads better
)
_PARAGRAPHS = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "ul", "ol"])
_UNSEEN = frozenset(["head", "style", "script", "title", "template"])
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_SPACES = re.compile(r"[ \t\r\n\xa0]+")
_EDGES = re.compile(r" *\n *")
_GAPS = re.compile(r"\n{3,}")
_INVISIBLE = str.maketrans("", "", "\u00ad\u034f\u200b\u200c\u200d\u2060\ufeff")


def to_text(html: str, protected: Protected) -> str:
    """The text of `html`, in which the tokens of `protected` stand."""
    finder = _LinkFinder(protected)
    finder.feed(html)
    writer = _Writer(protected, finder.named)
    writer.feed(html)
    writer.close()
    return tidy("".join(writer.out))


def tidy(text: str) -> str:
    """At most one empty line in a row, none at the ends, no spaces around line ends."""
    return _GAPS.sub("\n\n", _EDGES.sub("\n", text)).strip() + "\n"


class _Reader(HTMLParser):
    """Skips what is not read out: head, styles, ``display:none`` and ``aria-hidden``."""

    def __init__(self, protected: Protected) -> None:
        super().__init__(convert_charrefs=True)
        self._token = re.compile(rf"{protected.word}(\d+)q")
        self._tags = protected.tags
        self._unseen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        silent = "display:none" in values.get("style", "").replace(" ", "") or values.get("aria-hidden") == "true"
        hidden = tag in _UNSEEN or silent
        if tag in _VOID:
            if not self._unseen and not hidden:
                self.opened(tag, values)
        elif self._unseen or hidden:
            self._unseen.append(tag)
        else:
            self.opened(tag, values)

    def handle_endtag(self, tag: str) -> None:
        if not self._unseen:
            self.closed(tag)
        elif tag == self._unseen[-1]:
            self._unseen.pop()

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.text(data)

    def handle_comment(self, data: str) -> None:
        """A block tag by itself; or one that MJML moved into an Outlook block, whose partner may stand outside it."""
        if self._unseen:
            return
        for match in self._token.finditer(data):
            if self._tags[int(match[1])].startswith("{%"):
                self.tag(match[0])

    def opened(self, tag: str, values: dict[str, str]) -> None:
        """An element starts."""

    def closed(self, tag: str) -> None:
        """An element ends."""

    def text(self, data: str) -> None:
        """Characters, and tokens of output tags among them."""

    def tag(self, token: str) -> None:
        """A token of a block tag."""


class _LinkFinder(_Reader):
    """Which addresses are linked with words, so that a linked picture beside them need not say it again."""

    def __init__(self, protected: Protected) -> None:
        super().__init__(protected)
        self.named: set[str] = set()
        self._href = ""

    def opened(self, tag: str, values: dict[str, str]) -> None:
        if tag == "a":
            self._href = values.get("href", "")

    def closed(self, tag: str) -> None:
        if tag == "a":
            self._href = ""

    def text(self, data: str) -> None:
        if self._href and data.strip():
            self.named.add(self._href)


class _Writer(_Reader):
    """Writes the text."""

    def __init__(self, protected: Protected, named: set[str]) -> None:
        super().__init__(protected)
        self.out: list[str] = []
        self._named = named
        self._href = ""
        self._link_at = 0

    def opened(self, tag: str, values: dict[str, str]) -> None:
        if tag == "a":
            self._href, self._link_at = values.get("href", ""), len(self.out)
        elif tag == "img":
            self._picture(values.get("alt", ""))
        elif tag == "br":
            self.out.append("\n")
        elif tag == "hr":
            self.out.append("\n----\n")
        elif tag == "li":
            self.out.append("\n- ")
        elif tag in _BLOCKS:
            self.out.append("\n")

    def closed(self, tag: str) -> None:
        if tag == "a":
            self._end_link()
        elif tag in _PARAGRAPHS:
            self.out.append("\n\n")
        elif tag in _BLOCKS:
            self.out.append("\n")
        elif tag in ("td", "th"):
            self.out.append(" ")

    def text(self, data: str) -> None:
        words = _SPACES.sub(" ", data.translate(_INVISIBLE))
        if words[:1].strip() and self.out and self.out[-1].endswith(LINK_END):
            words = f" {words}"  # else they would read as part of the address
        self.out.append(words)

    def tag(self, token: str) -> None:
        self.out.append(f"<!--{token}-->")

    def _picture(self, alt: str) -> None:
        """A picture speaks only where it alone carries a link; elsewhere words stand next to it."""
        if self._href and self._href not in self._named:
            self.out.append(alt)

    def _end_link(self) -> None:
        written = "".join(self.out[self._link_at :])
        words = written.strip()
        if self._href and words:
            del self.out[self._link_at :]
            gap = " " if written[0].isspace() else ""
            self.out.append(f"{gap}{words}: {LINK_START}{self._href}{LINK_END}")
        self._href = ""
