"""Power cuts: what `append` acknowledged is there afterwards, whole and in order.

The disk is simulated below SQLite. The control runs show that the test can see a loss: with ``synchronous=NORMAL``
acknowledged blocks are gone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.property.power import PowerLossDisk
from tidings.clock import ManualClock
from tidings.domain.record import LogRecord
from tidings.log.sqlite import Rows, SqliteLog

SEEDS = 25
CUTS = 15


class Connection:
    """apsw on the simulated disk; `synchronous` replaces what the log asks for when it is set."""

    def __init__(self, disk: PowerLossDisk, synchronous: str) -> None:
        self._disk = disk
        self._synchronous = synchronous
        self._inner = apsw.Connection("log.db", vfs=disk.vfs_name)
        self._inner.execute("PRAGMA locking_mode=EXCLUSIVE")  # a simulated disk has no shared memory

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Rows:
        if self._synchronous and statement.startswith("PRAGMA synchronous"):
            statement = f"PRAGMA synchronous={self._synchronous}"
        return self._inner.execute(statement, parameters)

    def close(self) -> None:
        self._disk.abandon(self._inner.close)


def run(seed: int, folder: Path, synchronous: str = "") -> tuple[int, int]:
    """(records acknowledged, of these lost) over `CUTS` power cuts; ends at the first loss."""
    rng = random.Random(seed)
    disk = PowerLossDisk(f"log-{synchronous}-{seed}")
    clock = ManualClock(1_800_000_000_000_000)
    acknowledged: list[LogRecord] = []
    for _ in range(CUTS):
        if rng.random() < 0.5:
            (folder / "log.mark").unlink(missing_ok=True)  # not synced, so a cut may take it too
        log = SqliteLog(folder / "log.db", clock, writer=True, connect=lambda _p, _w: Connection(disk, synchronous))
        blocks = log.read(0, 1_000_000)
        found = [record for block in blocks for record in block.records]
        stamps = [block.taken_us for block in blocks]
        assert stamps == sorted(set(stamps))
        if found[: len(acknowledged)] != acknowledged:
            log.close()
            return len(acknowledged), len(acknowledged) - len(found)
        acknowledged = found
        for _ in range(rng.randrange(1, 25)):
            records = [LogRecord("web", "track", 0, rng.randbytes(rng.randrange(1, 3_000))) for _ in range(3)]
            clock.advance(rng.randrange(-1_000, 5_000))
            log.append(records)
            acknowledged += records
        disk.cut(rng)
        log.close()
    return len(acknowledged), 0


def test_a_power_cut_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged = lost = 0
    for seed in range(SEEDS):
        folder = tmp_path / str(seed)
        folder.mkdir()
        some, gone = run(seed, folder)
        acknowledged, lost = acknowledged + some, lost + gone
    print(f"{SEEDS * CUTS} power cuts: {acknowledged} records acknowledged, {lost} lost")
    assert acknowledged > 5_000
    assert lost == 0


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_the_test_sees_a_log_that_does_not_sync(tmp_path: Path, synchronous: str) -> None:
    losing = 0
    for seed in range(5):
        folder = tmp_path / str(seed)
        folder.mkdir()
        losing += run(seed, folder, synchronous)[1] != 0
    assert losing == 5
