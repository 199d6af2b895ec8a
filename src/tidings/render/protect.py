"""Carry Liquid tags unharmed through MJML and an HTML parser.

An HTML parser moves a bare ``{% if %}`` out of a table, and MJML stumbles over ``{% if x < 3 %}``. So each tag
travels as a token: inside an attribute as a plain word, between elements as a comment (which may stand anywhere, and
stays where it is), and comes back afterwards.
"""

from __future__ import annotations

import re

import msgspec

_PIECE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|<!--.*?-->|<(?=[A-Za-z/!?])|[>\"']", re.DOTALL)
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_SPACES = re.compile(r"\s+")
# A conditional comment that hides what it holds (<!--[if mso]>…), not one that reveals it (<!--[if !mso]><!-->…).
_HIDDEN = re.compile(r"<!--\[if[^\]]*\]>(?!<!-->).*?<!\[endif\]-->", re.DOTALL)


class Protected(msgspec.Struct, frozen=True):
    """A source in which tokens stand for Liquid tags."""

    text: str
    """The source with tokens."""
    tags: tuple[str, ...]
    """The tags, by token number."""
    word: str
    """What tokens begin with."""


def protect(source: str) -> Protected:
    """Put tokens in place of Liquid tags, drop ordinary comments, and straighten white space inside attributes."""
    word = "lq"
    while re.search(rf"{word}\d", source):
        word += "x"
    return _Scanner(word).scan(_CONTROL.sub("", source))


class _Scanner:
    """Walks over a source, knowing whether it stands in text, in an element's tag, or in a quoted attribute."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._tags: dict[str, int] = {}
        self._out: list[str] = []
        self._in_element = False
        self._quote = ""

    def scan(self, source: str) -> Protected:
        position = 0
        for match in _PIECE.finditer(source):
            self._text(source[position : match.start()])
            self._piece(match[0])
            position = match.end()
        self._text(source[position:])
        return Protected("".join(self._out), tuple(self._tags), self._word)

    def _text(self, text: str) -> None:
        # A newline inside an attribute comes out of the MJML compiler as a backslash and an n.
        self._out.append(_SPACES.sub(" ", text) if self._quote else text)

    def _piece(self, piece: str) -> None:
        if piece[0] == "{":
            token = self._token(piece)
            self._out.append(token if self._in_element or piece[1] == "{" else f"<!--{token}-->")
        elif piece.startswith("<!--"):
            keep = piece.startswith(("<!--[if", "<!--<![endif"))
            self._out.append(_TAG.sub(lambda tag: self._token(tag[0]), piece) if keep else "")
        else:
            self._step(piece)
            self._out.append(piece)

    def _step(self, mark: str) -> None:
        if self._quote:
            self._quote = "" if mark == self._quote else self._quote
        elif mark == "<":
            self._in_element = True
        elif mark == ">":
            self._in_element = False
        elif self._in_element:
            self._quote = mark

    def _token(self, tag: str) -> str:
        # Equal tags share a token, so that equal addresses can be seen to be equal.
        return f"{self._word}{self._tags.setdefault(tag, len(self._tags))}q"


def unhide(html: str, protected: Protected) -> str:
    """Tokens inside Outlook's conditional comments as plain words: a comment inside a comment would end it."""
    comment = re.compile(rf"<!--({protected.word}\d+q)-->")
    return _HIDDEN.sub(lambda block: comment.sub(r"\1", block[0]), html)


def restore(text: str, protected: Protected) -> str:
    """The tags back in place of their tokens."""
    token = re.compile(rf"<!--{protected.word}(\d+)q-->|{protected.word}(\d+)q")
    return token.sub(lambda match: protected.tags[int(match[1] or match[2])], text)


def blanked(source: str) -> str:
    """`source` with Liquid tags and comments replaced by spaces, line for line, for finding places in it."""
    empty = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|<!--.*?-->", re.DOTALL)
    return empty.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), source)
