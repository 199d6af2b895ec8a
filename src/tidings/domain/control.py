"""A change of definitions as a record of the log, so that a replay changes at the same place (law 2).

Two records make a change. At *prepare* the running definitions go on, and what the new ones need to remember is remembered
beside; what came before is folded meanwhile from the lake. At *switch* the new ones run, for every person at that place in
the log. See docs/adr/0009-definitions-versions.md.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tidings.domain.record import REFUSED, LogRecord

KIND = "definitions"
"""Kind of such a record. No public path gives it to one, and its source is our own."""
SOURCE = "tidings"
"""As `wire.INTERNAL_SOURCE`."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What the record asks for. One that does not fit what runs by then changes nothing."""

    phase: Literal["prepare", "switch"]
    version: str
    """The definitions that shall run."""
    parent: str
    """The definitions that must run until then."""
    prepared_offset: int = -1
    """Of a switch: the offset of its prepare."""
    enter: bool = False
    """Of a switch: whether who is a member by then starts the journeys of her new segments."""
    who: str = ""
    why: str = ""


_DECODER = msgspec.json.Decoder(Change)


def is_change(record: LogRecord) -> bool:
    """Whether the record is one; cheap, it is asked of every record."""
    return record.kind == KIND and record.source == SOURCE and not record.flags & REFUSED


def change_of(record: LogRecord) -> Change | None:
    """What such a record asks for; None when it cannot be read."""
    try:
        return _DECODER.decode(record.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def record_of(change: Change) -> LogRecord:
    """The record of a change."""
    return LogRecord(SOURCE, KIND, 0, msgspec.json.encode(change))
