"""Say where table bodies begin and end.

An HTML parser that meets ``<table><tr>`` puts a ``<tbody>`` in front of the first row. When that row stands inside a
Liquid loop, the loop then opens a body for each row and closes none. So tables get their bodies before they are parsed.
"""

from __future__ import annotations

from html.parser import HTMLParser

_SECTIONS = ("tbody", "thead", "tfoot", "colgroup", "caption")


class _Table:
    def __init__(self, start: int) -> None:
        self.start = start
        self.bare = False
        self.sections = False


class _Finder(HTMLParser):
    """Finds tables whose rows stand in no section."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=False)
        self._lines = [0]
        for line in html.split("\n"):  # as the parser counts them
            self._lines.append(self._lines[-1] + len(line) + 1)
        self._open: list[_Table] = []
        self.insertions: list[tuple[int, str]] = []
        self.feed(html)
        self.close()

    def _at(self) -> int:
        line, column = self.getpos()
        return self._lines[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag == "table":
            self._open.append(_Table(self._at() + len(self.get_starttag_text() or "")))
        elif self._open and tag in _SECTIONS:
            self._open[-1].sections = True
        elif self._open and tag == "tr":
            self._open[-1].bare = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "table" and self._open:
            table = self._open.pop()
            if table.bare and not table.sections:
                self.insertions += [(table.start, "<tbody>"), (self._at(), "</tbody>")]


def with_bodies(html: str) -> str:
    """`html` in which each table that has rows and no sections has one body around all it holds."""
    parts: list[str] = []
    position = 0
    for at, tag in sorted(_Finder(html).insertions):
        parts += [html[position:at], tag]
        position = at
    return "".join(parts) + html[position:]
