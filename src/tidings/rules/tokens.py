"""A text of rules cut into words, numbers, quoted texts and marks, each with its place; bounded."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

from tidings.errors import DefinitionError

MAX_CHARS = 20_000
"""Longest text of a rule."""
MAX_TOKENS = 5_000
"""Most words, numbers, texts and marks in it."""

WORD, TEXT, NUMBER, MARK, END = "word", "text", "number", "mark", "end"
BARE = re.compile(r"[^\W\d][\w.-]*")
"""A name that needs no quotes."""
BARE_TIME = re.compile(
    r"[0-9]{1,18}(\.[0-9]{1,6})?(ms|s|m|h|d|w)"  # a span
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]+(Z|[+-][0-9:]+)?)?"  # a date
    r"|[0-9]{2}:[0-9]{2}",  # a time of day
    re.ASCII,
)
"""A span, a date or a time of day: a text that needs no quotes."""
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?", re.ASCII)
_PIECE = re.compile(
    r"(?P<space>\s+)"
    r'|(?P<text>"(?:[^"\\\x00-\x1f]|\\.)*")'
    rf"|(?P<word>{BARE.pattern})"
    r"|(?P<figure>-?[0-9][0-9A-Za-z:.+-]*)"
    r"|(?P<mark>[()\[\]{},:])"
)


class Token(msgspec.Struct, frozen=True):
    """One piece of the text."""

    kind: str
    shown: str
    """As it is written."""
    value: Any
    at: int
    """Its place: characters before it."""


def cut(source: str, where: str) -> list[Token]:
    """The pieces of a text, and an end. Raises DefinitionError."""
    if len(source) > MAX_CHARS:
        raise DefinitionError(
            where,
            "too long",
            got=len(source),
            wanted=f"at most {MAX_CHARS:,} characters",
            do="use in_segment for parts",
        )
    found: list[Token] = []
    at = 0
    while at < len(source):
        match = _PIECE.match(source, at)
        if match is None:
            do = "close the quotes, and write a quote inside as \\" + '"' if source[at] == '"' else ""
            raise wrong(source, at, where, "cannot be read", got=source[at : at + 20], do=do)
        at = match.end()
        if match.lastgroup != "space":
            found.append(_token(match, source, where))
        if len(found) > MAX_TOKENS:
            raise DefinitionError(
                where, "too many words", wanted=f"at most {MAX_TOKENS:,}", do="use in_segment for parts"
            )
    return [*found, Token(END, "the end", None, len(source))]


def _token(match: re.Match[str], source: str, where: str) -> Token:
    kind, shown, at = str(match.lastgroup), match[0], match.start()
    if kind == TEXT:
        try:
            value = json.loads(shown)
            value.encode()  # half of a pair of escapes is no character
            return Token(TEXT, shown, value, at)
        except ValueError as error:
            raise wrong(source, at, where, "no text", got=shown, wanted="quotes and escapes as in JSON") from error
    if kind != "figure":
        return Token(kind, shown, shown, at)
    if BARE_TIME.fullmatch(shown):
        return Token(TEXT, shown, shown, at)
    return Token(NUMBER, shown, _number(shown, at, source, where), at)


def _number(shown: str, at: int, source: str, where: str) -> int | float:
    wanted = "a number, a span such as 30d, a date such as 2026-01-31 or a time of day such as 09:00"
    if not _NUMBER.fullmatch(shown):
        raise wrong(source, at, where, "neither a number nor a time", got=shown, wanted=wanted)
    try:
        number: int | float = json.loads(shown)
        if math.isfinite(number):
            return number
    except (ValueError, OverflowError) as error:  # an integer of hundreds or thousands of digits
        raise wrong(source, at, where, "a number must be shorter", got=shown[:20]) from error
    raise wrong(source, at, where, "a number must be finite", got=shown)


def place(source: str, at: int) -> str:
    """For people: ``column 12``, in a text of several lines ``line 2, column 5``."""
    line, column = source.count("\n", 0, at) + 1, at - source.rfind("\n", 0, at)
    return f"line {line}, column {column}" if "\n" in source.strip() else f"column {column}"


def wrong(
    source: str, at: int, where: str, problem: str, *, got: object = None, wanted: str = "", do: str = ""
) -> DefinitionError:
    """The error that says what is wrong at a place of the text."""
    return DefinitionError(f"{where}: {place(source, at)}", problem, got=got, wanted=wanted, do=do)
