"""A log in memory: for the simulator, for tests, and as the first adapter of the port."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

from tidings.clock import Clock
from tidings.domain.record import LogBlock, LogRecord


class MemoryLog:
    """Blocks in a list. `append` is "durable" for as long as the object lives: a simulated crash keeps it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._blocks: list[LogBlock] = []
        self._firsts: list[int] = []
        self._head = 0
        self._last_us = 0
        self._fence_us = 0

    def append(self, records: Sequence[LogRecord]) -> int:
        """See `Log.append`."""
        first = self._head
        if not records:
            return first
        self._last_us = max(self._clock.now_us(), self._last_us + 1, self._fence_us + 1)
        self._blocks.append(LogBlock(first, self._last_us, list(records)))
        self._firsts.append(first)
        self._head += len(records)
        return first

    def read(self, offset: int, limit: int) -> list[LogBlock]:
        """See `Log.read`."""
        found: list[LogBlock] = []
        count = 0
        index = max(0, bisect_right(self._firsts, offset) - 1)
        while index < len(self._blocks) and count < limit:
            block = self._blocks[index]
            skip = max(0, offset - block.first_offset)
            if skip < len(block.records):
                part = block if not skip else LogBlock(offset, block.taken_us, block.records[skip:])
                found.append(part)
                count += len(part.records)
            index += 1
        return found

    def head(self) -> int:
        """See `Log.head`."""
        return self._head

    def horizon_us(self, now_us: int) -> int:
        """See `Log.horizon_us`: nothing is ever in flight here."""
        return now_us

    def fence(self, until_us: int) -> None:
        """See `Log.fence`."""
        self._fence_us = max(self._fence_us, until_us)

    def close(self) -> None:
        """Nothing to release."""
