"""A place in the tokens of a text: what is next, whether it is this, go past it, or say what was wanted."""

from __future__ import annotations

from typing import NoReturn

from tidings.rules import tokens
from tidings.rules.form import Phrases
from tidings.rules.tokens import MARK, NUMBER, TEXT, WORD, Token

MAX_NESTING = 64
"""Deepest nesting of parentheses, lists and objects."""
LITERALS = {"true": True, "false": False, "null": None}
"""Words that are values."""
_LONGEST = 4
"""Words of a phrase that are looked at."""


class Cursor:
    """Goes forward only. What it is asked `ahead` is so many tokens further."""

    def __init__(self, source: str, where: str) -> None:
        self.source, self.where = source, where
        self.at = 0
        self._tokens = tokens.cut(source, where)
        self._depth = 0

    def see(self, ahead: int = 0) -> Token:
        return self._tokens[min(self.at + ahead, len(self._tokens) - 1)]

    def is_(self, shown: str, kind: str = WORD, ahead: int = 0) -> bool:
        token = self.see(ahead)
        return token.kind == kind and token.shown == shown

    def take(self, shown: str, kind: str = WORD) -> bool:
        """Go past a word or a mark, if it is next."""
        found = self.is_(shown, kind)
        self.at += found
        return found

    def need(self, shown: str, kind: str = MARK, do: str = "") -> None:
        if not self.take(shown, kind):
            self.refuse(f"needs `{shown}` here", wanted=shown, do=do)

    def refuse(self, problem: str, wanted: str = "", do: str = "") -> NoReturn:
        token = self.see()
        raise tokens.wrong(self.source, token.at, self.where, problem, got=token.shown[:60], wanted=wanted, do=do)

    def deeper(self, by: int) -> None:
        self._depth += by
        if self._depth > MAX_NESTING:
            self.refuse(f"nested deeper than {MAX_NESTING}")

    def phrases(self, table: Phrases, ahead: int = 0) -> list[tuple[str, int]]:
        """Names that read from here on, and how many tokens further each ends; the longest first."""
        pieces: list[str] = []
        found = []
        for further in range(ahead, ahead + _LONGEST):
            if self.see(further).kind != WORD:
                break
            pieces += self.see(further).shown.split("_")
            if tuple(pieces) in table:
                found.append((table[tuple(pieces)], further + 1))
        return found[::-1]

    def phrase(self, table: Phrases, ahead: int = 0) -> tuple[str, int]:
        """The longest of them; an empty name if there is none."""
        return next(iter(self.phrases(table, ahead)), ("", ahead))

    def literal(self, ahead: int) -> bool:
        """Whether a value that is no name begins here."""
        token = self.see(ahead)
        return (
            token.kind in (TEXT, NUMBER)
            or token.shown in ("[", "{")
            or (token.kind == WORD and token.shown in LITERALS)
        )

    def comparison(self, table: Phrases, ahead: int = 0) -> tuple[str, int]:
        """As `phrase`, the longest one that a value follows: a comparison together with what it asks for."""
        valued = (one for one in self.phrases(table, ahead) if self.literal(one[1]))
        return next(valued, ("", ahead))
