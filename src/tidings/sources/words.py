"""Words for people: names as a shop window shows them."""

from __future__ import annotations

import re

_SMALL_WORDS = frozenset(["a", "an", "and", "at", "by", "for", "from", "in", "of", "on", "or", "the", "to", "with"])
_CAPITALS = frozenset(["bbq", "cd", "diy", "led", "tv", "uk", "usb"])
_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")


def title(description: str) -> str:
    """A name as a shop window shows it: ``SET OF 3 CAKE TINS`` becomes ``Set of 3 Cake Tins``.

    Names that already have small letters are left as they are, but for spaces and a full stop at the end.
    """
    text = " ".join(description.split()).rstrip(" .,")
    return _WORD.sub(_capitalised, text) if text.isupper() else text


def _capitalised(match: re.Match[str]) -> str:
    word, before = match[0].lower(), match.string[: match.start()]
    if word in _CAPITALS:
        return word.upper()
    if before.endswith(" ") and word in _SMALL_WORDS:
        return word  # "Set of 3"
    if before.rstrip("'")[-1:].isdigit():
        return word  # "60cm", "50's"
    return word.capitalize()
