"""Joins output blocks to the log: an outcome says what became of a record, the log still has the record itself.

Every follower that needs the event (serving copy, lake) reads it here, once, in order, without holding more than one
piece of the log in memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tidings.domain.event import Event, Rejected
from tidings.domain.output import Outcome
from tidings.domain.record import LogBlock, LogRecord
from tidings.domain.wire import normalise
from tidings.errors import CorruptData
from tidings.log.base import Log

_READ_RECORDS = 2_000


class Taken(NamedTuple):
    """One record and what became of it."""

    outcome: Outcome
    """What processing said."""
    record: LogRecord
    """As it arrived."""
    received_us: int
    """When the log took it."""
    event: Event | Rejected
    """What the record says, read again."""


def join(log: Log, outcomes: Iterable[Outcome]) -> Iterator[Taken]:
    """The record of each outcome, in order. Raises CorruptData when the log does not have it."""
    reader = _Reader(log)
    for outcome in outcomes:
        record, taken_us = reader.at(outcome.offset)
        yield Taken(outcome, record, taken_us, normalise(record, outcome.offset, taken_us))


class _Reader:
    """Reads forward through the log, one piece at a time."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._blocks: list[LogBlock] = []
        self._firsts: list[int] = []

    def at(self, offset: int) -> tuple[LogRecord, int]:
        """The record at `offset` and when the log took it."""
        found = self._find(offset)
        if found is None:
            self._blocks = self._log.read(offset, _READ_RECORDS)
            self._firsts = [block.first_offset for block in self._blocks]
            found = self._find(offset)
        if found is None:
            msg = f"log: no record at offset {offset}, but processing took it; restore log.db from a backup"
            raise CorruptData(msg)
        return found

    def _find(self, offset: int) -> tuple[LogRecord, int] | None:
        index = bisect_right(self._firsts, offset) - 1
        if index < 0:
            return None
        block = self._blocks[index]
        at = offset - block.first_offset
        return (block.records[at], block.taken_us) if at < len(block.records) else None
