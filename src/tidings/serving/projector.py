"""The projector: follows output blocks into the serving copy, each block exactly once.

Sits after processing; console and API read what it writes. It takes several blocks per transaction when it is
behind, and commits the number of the last one together with the rows, so that a crash at any moment neither misses
nor repeats a block. The tables are a function of the blocks: taking them again into an empty file gives the same.
"""

from __future__ import annotations

import sqlite3
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from tidings.domain.output import APPLIED, FactKind, OutputBlock
from tidings.log.base import Log
from tidings.outputs.base import OutputGapError, OutputStore
from tidings.outputs.join import join
from tidings.serving import facts, people
from tidings.serving.db import open_writing, sync
from tidings.serving.events import EventRows

MAX_OUTCOMES = 10_000
"""Outcomes per transaction, about: bounds memory and how long the lake waits for the file."""
MAX_BLOCKS = 500
"""Blocks per transaction."""

_CURSOR = "SELECT seq, upto_offset FROM cursor"
_SET_CURSOR = "UPDATE cursor SET seq = ?, upto_offset = ?"


class Cursor(NamedTuple):
    """How far a follower has come."""

    seq: int
    """Number of the last output block taken; 0 for none."""
    upto_offset: int
    """All records of the log below it are accounted for."""


class Projector:
    """Owns `serving.db` for writing. One at a time."""

    def __init__(
        self, db_path: Path, log: Log, outputs: OutputStore, computed: people.Computed | None = None, *,
        max_outcomes: int = MAX_OUTCOMES,
    ) -> None:  # fmt: skip
        self._db = open_writing(db_path)
        self._log = log
        self._outputs = outputs
        self._computed = computed
        self._max_outcomes = max_outcomes

    def cursor(self) -> Cursor:
        """How far the serving copy has come."""
        return Cursor(*self._db.execute(_CURSOR).fetchone())

    def step(self) -> int:
        """Take the next blocks, about `max_outcomes` records, in one transaction; how many blocks, 0 when up to date.

        Raises OutputGapError when the next block is not there any more.
        """
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            blocks = self._next(self.cursor())
            if blocks:
                self._take(blocks)
                self._db.execute(_SET_CURSOR, (blocks[-1].seq, blocks[-1].upto_offset))
        return len(blocks)

    def sync(self) -> int:
        """Make what was taken survive a power cut; the number of the last block taken."""
        sync(self._db)
        return self.cursor().seq

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def _next(self, cursor: Cursor) -> list[OutputBlock]:
        blocks = self._outputs.read(cursor.seq, MAX_BLOCKS)
        if blocks and blocks[0].seq != cursor.seq + 1:
            raise OutputGapError(cursor.seq, blocks[0].seq)
        total = 0
        for index, block in enumerate(blocks):
            total += len(block.outcomes)
            if total >= self._max_outcomes:
                return blocks[: index + 1]
        return blocks

    def _take(self, blocks: list[OutputBlock]) -> None:
        batch = _Batch(self._db)
        for taken in join(self._log, chain.from_iterable(block.outcomes for block in blocks)):
            batch.events.add(taken)
            if taken.outcome.status == APPLIED:
                batch.know(taken.outcome.profile_id, taken.received_us)
        for block in blocks:
            batch.add(block)
        batch.write(self._computed)


class _Batch:
    """What one transaction writes: only the last state of each profile, rows collected, facts in order."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self.events = EventRows()
        self._known: dict[str, int] = {}
        self._profiles: dict[str, bytes] = {}
        self._absorbed: dict[str, str] = {}

    def know(self, profile_id: str, known_us: int) -> None:
        """Something about this profile became known at `known_us`."""
        if known_us > self._known.get(profile_id, 0):
            self._known[profile_id] = known_us

    def add(self, block: OutputBlock) -> None:
        """Write the block's facts, and note its profiles."""
        for fact in block.facts:
            facts.store(self._db, fact)
            self.know(fact.profile_id, fact.known_us)
            if fact.kind == FactKind.PROFILE_MERGED:
                self._absorbed.pop(fact.profile_id, None)  # never a circle, whatever the facts say
                self._absorbed[fact.subject] = fact.profile_id
        self._profiles.update(block.profiles)

    def write(self, computed: people.Computed | None) -> None:
        """Write what was collected."""
        self.events.write(self._db, self._survivor)
        people.store(self._db, self._profiles, self._known, computed)

    def _survivor(self, profile_id: str) -> str:
        while profile_id in self._absorbed:
            profile_id = self._absorbed[profile_id]
        return profile_id
