"""A record to everybody: something in the log that each person hears, at the instant of the record, once.

A broadcast that begins, is paused, goes on or is given up; items whose price or stock changed. Nobody is loaded for it at that
instant: whoever is reached later, by an event, by a timer or in her turn, hears it first, as of then. See
docs/adr/0013-records-to-everybody.md.
"""

from __future__ import annotations

import msgspec

from tidings.domain.item import ItemChange
from tidings.domain.record import REFUSED, LogRecord

KIND = "everybody"
"""Kind of such a record. No public path gives it to one, and its source is our own."""
SOURCE = "tidings"
"""As `wire.INTERNAL_SOURCE`."""


class Start(msgspec.Struct, frozen=True, kw_only=True, tag="start"):
    """A broadcast shall be sent."""

    broadcast: str
    """Its name."""
    version: str
    """Content hash of its definition, which must be the one that runs."""
    start: str
    """Id of this start: the same id a second time starts nothing."""
    audience: int = 0
    """How many people were in its segment when it was asked for; a rate is kept by it."""
    again: bool = False
    """Whether it may be sent though it was before."""
    who: str = ""


class Pause(msgspec.Struct, frozen=True, kw_only=True, tag="pause"):
    """Nobody gets it for now."""

    broadcast: str
    who: str = ""


class Resume(msgspec.Struct, frozen=True, kw_only=True, tag="resume"):
    """It goes on where it was paused."""

    broadcast: str
    who: str = ""


class Cancel(msgspec.Struct, frozen=True, kw_only=True, tag="cancel"):
    """Nobody gets it any more."""

    broadcast: str
    who: str = ""


Asked = Start | Pause | Resume | Cancel


class ItemsChanged(msgspec.Struct, frozen=True, kw_only=True, tag="items"):
    """Items changed, and somebody may have waited for it. No record asks for it: it follows from what is said of items."""

    changes: tuple[ItemChange, ...]


class Coming(msgspec.Struct, frozen=True, kw_only=True):
    """A start whose instant is to come."""

    offset: int
    """Where its record is in the log."""
    known_us: int
    """The instant."""
    what: Start


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A record to everybody that holds: what, and from when on."""

    number: int
    """Running number, in the order in which they are heard."""
    offset: int
    """Where its record is in the log."""
    known_us: int
    """When it happens to everybody: when the log took the record, or the instant that it names."""
    what: Asked | ItemsChanged


def cause_of(asked: Asked, offset: int) -> str:
    """What facts say that it causes: with the offset, as the same may be told again."""
    return f"broadcast:{asked.broadcast}@{offset}"


_DECODER: msgspec.json.Decoder[Asked] = msgspec.json.Decoder(Asked)


def is_asked(record: LogRecord) -> bool:
    """Whether the record is one; cheap, it is asked of every record."""
    return record.kind == KIND and record.source == SOURCE and not record.flags & REFUSED


def asked_of(record: LogRecord) -> Asked | None:
    """What such a record asks for; None when it cannot be read."""
    try:
        return _DECODER.decode(record.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def record_of(asked: Asked) -> LogRecord:
    """The record of it."""
    return LogRecord(SOURCE, KIND, 0, msgspec.json.encode(asked))
