"""Rows of a file, before and after the map: the nouns that reader, map and importer hand to each other."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

Values: TypeAlias = dict[str, str]
"""Column to text, in the order of the file. A column that is not there means the same as an empty one."""


class Row(msgspec.Struct, frozen=True, gc=False):
    """One record of a file, as text."""

    line: int
    """Number of its first line in the file; the first line of the file (a CSV's header) is 1."""
    raw: str
    """The line or lines as they stand in the file, without the final line end."""
    values: Values
    """What they say."""


class RefusedRow(msgspec.Struct, frozen=True, gc=False):
    """A record that becomes no event; kept with its reason, so that every line is accounted for (law 5)."""

    line: int
    """Number of its first line in the file."""
    reason: str
    """``word: sentence``; the word is what refusals are counted by."""
    raw: str
    """The original line."""


class MappedEvent(msgspec.Struct, frozen=True, gc=False):
    """A record that became an event in the wire form."""

    line: int
    """Number of its first line in the file."""
    occurred_us: int
    """When it happened, with the shift (if one was asked for)."""
    body: bytes
    """The event as JSON, as a client would send it."""


Mapped: TypeAlias = MappedEvent | RefusedRow


class Unmappable(Exception):
    """Raised inside the map only: this row has a value that cannot become what the map wants."""

    def __init__(self, *, word: str, sentence: str) -> None:
        super().__init__(f"{word}: {sentence}")
