"""A crash at each record of a trace, at each point of its commit, on disk: afterwards all is as if nothing had happened.

Each crash begins from the files as they were before that record, ends in the files as they must be after it; what
follows from there on is the same as without a crash, so all crashes are covered, one by one. TIDINGS_CRASH_EVENTS says how many
records; 200 is a longer run by hand.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from tests.crash.process_trace import records, uncrashed
from tidings import workspace
from tidings.clock import DAY_US, SECOND_US, ManualClock
from tidings.config import Config
from tidings.deliver.ledger import Ledger
from tidings.domain import profile as profiles
from tidings.hosts.drive import Driver
from tidings.hosts.process import DiskSink
from tidings.log.base import Log
from tidings.log.sqlite import SqliteLog
from tidings.outputs.sqlite import SqliteOutputs
from tidings.pipeline import Pipeline
from tidings.state.base import MOVED
from tidings.state.rocks import RocksState
from tidings.testing.histories import POINTS, Killed

DEFINITIONS = workspace.load(Path(__file__).resolve().parents[1] / "data/workspaces/laws")
START_US = 1_800_000_000_000_000
EVENTS = int(os.environ.get("TIDINGS_CRASH_EVENTS", "50"))
GAP_US = 600 * SECOND_US  # between two records, so that waits of 30 minutes end on the way


def write_log(path: Path) -> SqliteLog:
    clock = ManualClock(START_US)
    log = SqliteLog(path, clock, writer=True)
    for n, record in enumerate(records(EVENTS, 6, START_US - DAY_US, seed=7)):
        clock.set(START_US + n * GAP_US)
        log.append([record])
    return log


class Disk:
    """State, outputs and ledger in a folder, opened as the process role opens them."""

    def __init__(self, folder: Path, log: Log, checkpoint: Callable[[str], None] = lambda point: None) -> None:
        (folder / "run").mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._state = RocksState(folder / "state", 7 * DAY_US, cache_bytes=1 << 20)
        self._sink = DiskSink(Config(data=folder))
        self._driver = Driver(Pipeline(DEFINITIONS), log, self._state, self._sink, max_batch=1, checkpoint=checkpoint)

    def upto(self, offset: int) -> None:
        """Process up to there, with all timers that are complete by then."""
        while self._driver.offset < offset:
            self._driver.run_batch()
        while self._driver.fire(START_US + (offset - 1) * GAP_US):
            pass

    def everything(self, people: list[str]) -> dict[str, Any]:
        """What is on the disk."""
        with closing(SqliteOutputs(self._folder / "outputs.db")) as outputs:
            blocks = outputs.read(0, 10_000)
        with closing(Ledger(self._folder / "ledger.db")) as ledger:
            rows = sorted(ledger.recent(10_000), key=lambda row: row.message_id)
            sends = [(row.message_id, row.state, ledger.intent(row.message_id)) for row in rows]
        return {
            "position": self._state.position(),
            "states": self._state.states(people),
            "kept": self._state.outputs(0),
            "blocks": blocks,
            "ledger": sends,
        }

    def close(self) -> None:
        self._sink.close()
        self._state.close()


def after(folder: Path, log: Log, offset: int, people: list[str]) -> dict[str, Any]:
    """What is on the disk when all records below `offset` are processed."""
    disk = Disk(folder, log)
    disk.upto(offset)
    found = disk.everything(people)
    disk.close()
    return found


def crash(folder: Path, log: Log, offset: int, point: str) -> bool:
    """Process the record below `offset` and be killed at that point; whether it came to that."""

    def killer(reached: str) -> None:
        if reached == point:
            raise Killed

    disk = Disk(folder, log, killer)
    try:
        disk.upto(offset)
    except Killed:
        return True
    finally:
        disk.close()
    return False


def living(states: Iterable[bytes | None]) -> set[bytes]:
    """States of those who were not absorbed, without where the wake-up index lists them, which goes by batches."""
    found = [profiles.decode(raw) for raw in states if raw is not None and raw[:1] != MOVED]
    return {profiles.encode(msgspec.structs.replace(state, indexed_us=0)) for state in found}


def test_a_crash_at_any_record_and_point_changes_nothing(tmp_path: Path) -> None:
    log = write_log(tmp_path / "log.db")
    sink, memory = uncrashed(DEFINITIONS, log, START_US + (EVENTS - 1) * GAP_US)
    people = sorted({outcome.profile_id for outcome in sink.outcomes if outcome.profile_id})
    kept, crashes, found = tmp_path / "kept", 0, {}
    for offset in range(1, EVENTS + 1):
        tried = [tmp_path / point for point in POINTS]
        for folder, point in zip(tried, POINTS, strict=True):
            if kept.exists():
                shutil.copytree(kept, folder)
            crashes += crash(folder, log, offset, point)
        found = after(kept, log, offset, people)
        for folder in tried:
            assert after(folder, log, offset, people) == found, (offset, folder.name)
            shutil.rmtree(folder)
    assert crashes == EVENTS * len(POINTS)
    assert [one for block in found["blocks"] for one in block.outcomes] == sink.outcomes
    assert [row[0] for row in found["ledger"]] == sorted(sink.sends)
    assert len(found["ledger"]) > 3
    assert living(found["states"]) == living(memory.all_states())
    log.close()
