"""The log port: what a log must do.

The log is the truth. One writer appends groups of records; each group gets one `taken_us` ("the instant the log
took it"), which never decreases from group to group. Readers follow by offset. Records keep the event's original
bytes, so that a rejected event can be shown and sent again, and a replay sees what we saw.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tidings.domain.record import LogBlock, LogRecord


class Log(Protocol):
    """An append-only durable list of records. One writer, any number of readers (also in other processes)."""

    def append(self, records: Sequence[LogRecord]) -> int:
        """Make records durable (on disk when this returns) as one block; the offset of the first.

        The writer stamps the block with ``taken_us = max(now, last taken_us + 1, fence + 1)``.
        """
        ...

    def read(self, offset: int, limit: int) -> list[LogBlock]:
        """Blocks from `offset` on, in order, holding about `limit` records (at least one block when there is any)."""
        ...

    def head(self) -> int:
        """The offset that the next record will get; all below it are durable."""
        ...

    def horizon_us(self, now_us: int) -> int:
        """The latest instant that is complete: no record with `taken_us` at or before it can still appear, once the
        reader has read to the `head()` seen *after* this call. A host fires timers only up to here (law 2)."""
        ...

    def fence(self, until_us: int) -> None:
        """Promise made by the processor: it has fired timers up to `until_us`; later blocks are stamped after it."""
        ...

    def close(self) -> None:
        """Release files."""
        ...
