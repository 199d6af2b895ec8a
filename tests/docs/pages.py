"""The documentation as data: pages, their fenced blocks, their links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block."""

    page: str
    """Path of its page from the repository's root."""
    line: int
    info: str
    """What follows the fence: ``sh``, ``yaml traits``."""
    text: str

    @property
    def name(self) -> str:
        """For test ids."""
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """All pages, in a stable order."""
    return sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@cache
def text(page: str) -> str:
    """The text of a page, by its path from the repository's root."""
    return (ROOT / page).read_text("utf-8")


def blocks(info: str) -> list[Block]:
    """All blocks of an info string, on all pages."""
    return [block for page in pages() for block in blocks_of(page) if block.info == info]


def blocks_of(page: Path) -> Iterator[Block]:
    """The blocks of one page, in order."""
    content = page.read_text("utf-8")
    for match in _FENCE.finditer(content):
        line = content.count("\n", 0, match.start()) + 1
        yield Block(str(page.relative_to(ROOT)), line, match["info"].strip(), match["text"])


def links(page: Path) -> Iterator[tuple[int, str]]:
    """(line, target) of the links and pictures of a page, code left aside."""
    content = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), page.read_text("utf-8"))
    content = re.sub(r"`[^`\n]*`", "", content)
    for match in _LINK.finditer(content):
        yield content.count("\n", 0, match.start()) + 1, match[1]


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings make, as GitHub names them."""
    content = _FENCE.sub("", page.read_text("utf-8"))
    found: set[str] = set()
    for heading in re.findall(r"^#+ +(.+?) *$", content, re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        found.add(re.sub(r"[^\w\- ]", "", words).replace(" ", "-"))
    return found


def says(page: str, word: str) -> bool:
    """Whether a page has `word` as code: in backticks, alone or in a longer piece of code, or in a block."""
    return word in _code(page)


@cache
def _code(page: str) -> frozenset[str]:
    content = text(page)
    pieces = [match["text"] for match in _FENCE.finditer(content)]
    inline = re.findall(r"`([^`\n]+)`", _FENCE.sub("", content))
    words = {word for piece in [*pieces, *inline] for word in re.findall(r"--?[\w-]+|[\w.-]+", piece)}
    return frozenset({*words, *inline, *(piece.strip() for piece in pieces)})
