"""The output store port: blocks with a running number, written by the processor, followed by the project role.

It stands between processing and everything that only reads: serving copy, lake, training. The processor keeps the
newest blocks in its own state too and sends them again after a crash, so an adapter may forget the tail at a power
cut as long as it says truthfully, in `durable_seq`, how far it can be relied on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from tidings.domain.output import OutputBlock
from tidings.errors import Permanent


class OutputGapError(Permanent):
    """A block is missing: the store's last number and the first block offered do not meet."""

    def __init__(self, last: int, got: int) -> None:
        """`last` is the store's newest number, `got` the number of the block that does not follow it."""
        super().__init__(
            f"outputs: block {got} does not follow block {last}; wanted {last + 1}. Blocks in between are lost: "
            "stop, remove the folder state/ and outputs.db, serving.db and lake/, and start again; the log rebuilds them"
        )


class OutputStore(Protocol):
    """Blocks in order of `seq`. One writer, any number of followers (also in other processes)."""

    def append(self, blocks: Sequence[OutputBlock]) -> None:
        """Keep `blocks`, all or none. A block that is already here (seq at or below `last_seq()`) is ignored.

        Raises OutputGapError when a number is missing.
        """
        ...

    def last_seq(self) -> int:
        """Number of the newest block; 0 when there never was one."""
        ...

    def read(self, after_seq: int, limit: int) -> list[OutputBlock]:
        """Blocks with a number above `after_seq`, in order, at most `limit`, at least one when there is any."""
        ...

    def trim(self, upto_seq: int) -> None:
        """Forget blocks up to `upto_seq`, which all followers have taken for good. The newest block always stays."""
        ...

    def sync(self) -> int:
        """Make everything appended so far survive a power cut; `durable_seq()` as it is then."""
        ...

    def durable_seq(self) -> int:
        """Blocks up to this number survive a power cut: the processor may drop its own copy of them."""
        ...

    def close(self) -> None:
        """Release files."""
        ...


def following(last: int, blocks: Sequence[OutputBlock]) -> list[OutputBlock]:
    """The `blocks` that are new after `last`. Raises OutputGapError when they do not follow one another."""
    new: list[OutputBlock] = []
    for block in blocks:
        if block.seq <= last:
            continue
        if block.seq != last + 1:
            raise OutputGapError(last, block.seq)
        new.append(block)
        last = block.seq
    return new
