"""A lake that dies at each of its steps in turn, and the one that is opened after it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.outputs.stream import Stream
from tidings.lake.follow import LakeFollower
from tidings.lake.parquet import LakeFile, ParquetLake
from tidings.outputs.memory import MemoryOutputs
from tidings.serving.db import open_writing


class Died(Exception):
    """Where the power went."""


class DyingLake(ParquetLake):
    """Dies before or after it gives the n-th finished file its name."""

    lives = 0

    def _publish(self, work: Path, file: LakeFile) -> None:
        self.lives -= 1
        if self.lives == 0:
            raise Died
        super()._publish(work, file)
        if self.lives == -1:
            raise Died


@pytest.mark.parametrize("compacting", [False, True])
@pytest.mark.parametrize("after", [0, 1])
def test_dying_at_any_file_neither_loses_nor_doubles_a_row(tmp_path: Path, after: int, compacting: bool) -> None:
    stream = Stream(seed=8, events=250)
    outputs = MemoryOutputs()
    outputs.append(stream.blocks)
    deaths, lives = 0, 1
    while True:
        with closing(open_writing(tmp_path / "serving.db")) as register:
            lake = DyingLake(tmp_path / "lake", register)
            lake.sweep()
            lake.lives = lives - 1 if after else lives
            follower = LakeFollower(stream.log, outputs, lake, max_rows=12)
            try:
                while follower.step():
                    if compacting:
                        lake.compact(0)
            except Died:
                deaths += 1
                lives += 1
                lake.close()
                continue
            rows = [row.offset for row in lake.rows()]
            lake.close()
        break
    assert deaths > 5
    assert rows == sorted(stream.applied)
