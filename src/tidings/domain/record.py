"""A record of the log: one event as it arrived, with what the door knew about it."""

from __future__ import annotations

import msgspec

BACKFILL = 1
"""Record flag: loaded history; builds state, starts no journey."""
REFUSED = 2
"""Record flag: refused at the door; `reason` and `body` are kept, it is never applied."""


class LogRecord(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One event as it arrived."""

    source: str
    """Name of the source that the write key belongs to."""
    kind: str
    """Call type given by the path (``track``, …); empty when the body's `type` says it."""
    sent_us: int
    """The client's own clock when it sent the request (`sentAt`); 0 when unknown."""
    body: bytes
    """The event's own JSON bytes, as received."""
    flags: int = 0
    """`BACKFILL`, `REFUSED`, or both."""
    reason: str = ""
    """Why it was refused at the door (``word: sentence``); empty otherwise."""


class LogBlock(msgspec.Struct, frozen=True, gc=False):
    """Consecutive records of one commit (or the tail of one, when reading from its middle)."""

    first_offset: int
    """Offset of `records[0]`."""
    taken_us: int
    """When the log took these records: their `received_us`."""
    records: list[LogRecord]
