"""Output blocks in memory: for the simulator, for tests, and as the first adapter of the port."""

from __future__ import annotations

from collections.abc import Sequence

from tidings.domain.output import OutputBlock
from tidings.outputs.base import following


class MemoryOutputs:
    """Blocks in a list. They are "durable" for as long as the object lives, once `sync` was called."""

    def __init__(self) -> None:
        self._blocks: list[OutputBlock] = []
        self._durable = 0

    def append(self, blocks: Sequence[OutputBlock]) -> None:
        """See `OutputStore.append`."""
        self._blocks += following(self.last_seq(), blocks)

    def last_seq(self) -> int:
        """See `OutputStore.last_seq`."""
        return self._blocks[-1].seq if self._blocks else 0

    def read(self, after_seq: int, limit: int) -> list[OutputBlock]:
        """See `OutputStore.read`."""
        if not self._blocks:
            return []
        start = max(0, after_seq + 1 - self._blocks[0].seq)
        return self._blocks[start : start + max(1, limit)]

    def trim(self, upto_seq: int) -> None:
        """See `OutputStore.trim`."""
        newest = self.last_seq()
        self._blocks = [block for block in self._blocks if block.seq > upto_seq or block.seq == newest]

    def sync(self) -> int:
        """See `OutputStore.sync`."""
        self._durable = self.last_seq()
        return self._durable

    def durable_seq(self) -> int:
        """See `OutputStore.durable_seq`."""
        return self._durable

    def close(self) -> None:
        """Nothing to release."""
