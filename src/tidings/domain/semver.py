"""Semantic versions as keys that compare like them; in Python and, the same, in SQL.

Source: Semantic Versioning 2.0.0, item 11 (https://semver.org). Beyond it, as apps write them: a ``v`` before, one to four
numbers (``2.1`` is ``2.1.0``), zeros before a number. What comes after ``+`` does not count. A key is a list of texts.
"""

from __future__ import annotations

import re

MAX_IDENTIFIERS = 10
"""Identifiers of a pre-release."""
_DIGITS = 9
_CHARS = 20
_CORE = rf"v?(\d{{1,{_DIGITS}}})" + rf"(?:\.(\d{{1,{_DIGITS}}}))?" * 3
_IDENTIFIER = rf"[0-9A-Za-z-]{{1,{_CHARS}}}"
_PRE = rf"(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER}){{0,{MAX_IDENTIFIERS - 1}}}))?"
PATTERN = rf"{_CORE}{_PRE}(?:\+[0-9A-Za-z.-]{{1,100}})?"
"""Of the whole text: four numbers and the pre-release."""
_VERSION = re.compile(PATTERN, re.ASCII)


def key(text: str) -> list[str] | None:
    """What the version compares by; None when the text is no version."""
    found = _VERSION.fullmatch(text)
    if found is None:
        return None
    *numbers, pre = found.groups()
    core = [(number or "").rjust(_DIGITS, "0") for number in numbers]
    # A release comes after its pre-releases; numbers compare as numbers and come before words.
    return [*core, "1"] if pre is None else [*core, "0", *map(_identifier, pre.split("."))]


def _identifier(text: str) -> str:
    return "0" + text.rjust(_CHARS, "0") if text.isdigit() else "1" + text


def key_sql(own: str) -> str:
    """The same of a SQL text: a list of VARCHAR; only for a text of which `PATTERN` is true."""
    numbers = ", ".join(f"lpad(regexp_extract({own}, '^{PATTERN}', {n}), {_DIGITS}, '0')" for n in range(1, 5))
    pre = f"regexp_extract({own}, '^{PATTERN}', 5)"
    one = f"CASE WHEN regexp_full_match(part, '[0-9]+') THEN '0' || lpad(part, {_CHARS}, '0') ELSE '1' || part END"
    parts = f"list_transform(string_split({pre}, '.'), lambda part: {one})"
    return f"list_concat([{numbers}], CASE WHEN {pre} = '' THEN ['1'] ELSE list_concat(['0'], {parts}) END)"
