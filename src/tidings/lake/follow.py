"""Follows output blocks into the lake: the applied events of each block, exactly once."""

from __future__ import annotations

from collections.abc import Iterator

from tidings.domain.event import Event
from tidings.domain.output import APPLIED, Outcome
from tidings.lake.base import Lake, LakeCursor, LakeRow, row_of
from tidings.log.base import Log
from tidings.outputs.base import OutputGapError, OutputStore
from tidings.outputs.join import join

MAX_ROWS = 100_000
"""Rows per append, about: bounds memory, and how long the serving copy waits for the lake."""
_READ_BLOCKS = 500


class LakeFollower:
    """Moves the lake forward, one append at a time."""

    def __init__(self, log: Log, outputs: OutputStore, lake: Lake, *, max_rows: int = MAX_ROWS) -> None:
        self._log = log
        self._outputs = outputs
        self._lake = lake
        self._max_rows = max_rows

    def step(self) -> int:
        """Append the next blocks' events, about `max_rows` at most; how many blocks, 0 when up to date.

        Raises OutputGapError when the next block is not there any more.
        """
        start = self._lake.cursor()
        outcomes, upto = self._next(start)
        if upto.seq > start.seq:
            self._lake.append(self._rows(outcomes), upto)
        return upto.seq - start.seq

    def _next(self, cursor: LakeCursor) -> tuple[list[Outcome], LakeCursor]:
        outcomes: list[Outcome] = []
        while len(outcomes) < self._max_rows:
            blocks = self._outputs.read(cursor.seq, _READ_BLOCKS)
            if not blocks:
                break
            for block in blocks:
                if block.seq != cursor.seq + 1:
                    raise OutputGapError(cursor.seq, block.seq)
                outcomes += [outcome for outcome in block.outcomes if outcome.status == APPLIED]
                cursor = LakeCursor(block.seq, block.upto_offset)
                if len(outcomes) >= self._max_rows:
                    break
        return outcomes, cursor

    def _rows(self, outcomes: list[Outcome]) -> Iterator[LakeRow]:
        for taken in join(self._log, outcomes):
            if isinstance(taken.event, Event):  # else it was erased from the log since
                yield row_of(taken.event, taken.outcome.profile_id)
