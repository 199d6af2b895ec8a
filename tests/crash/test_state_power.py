"""Power cuts under RocksDB: what a commit wrote is there afterwards whole, and what was cut off is as if it never began.

Each commit syncs RocksDB's write-ahead log, so at a cut only the bytes written since the last sync are at risk: some
prefix of them is on disk, perhaps with a torn last sector. The test makes such disks from a real one, opens each, and
lets processing go on. The control shows that it can see a loss: bytes cut from *before* the sync lose the commit.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.property.test_laws import DEFINITIONS
from tidings.clock import SECOND_US, ManualClock
from tidings.domain.record import LogRecord
from tidings.hosts.drive import Driver
from tidings.hosts.simulator import MemorySink
from tidings.log.memory import MemoryLog
from tidings.pipeline import Pipeline
from tidings.state.rocks import RocksState
from tidings.testing.histories import call

START_US = 1_790_000_000 * SECOND_US
WEEK_US = 7 * 86_400 * SECOND_US
EVENTS = 120
PER_BATCH = 5
CUTS_PER_COMMIT = 6


def history() -> MemoryLog:
    """A log of people who look, fill carts and buy."""
    rng = random.Random(11)
    clock = ManualClock(START_US)
    log = MemoryLog(clock)
    for number in range(0, EVENTS, PER_BATCH):
        clock.advance(20 * SECOND_US)
        log.append([event(rng, number + i, clock.now_us()) for i in range(PER_BATCH)])
    return log


def event(rng: random.Random, number: int, at_us: int) -> LogRecord:
    name = rng.choice(["Product Viewed", "Product Added", "Order Completed"])
    properties = {"product_id": f"P{rng.randrange(9)}", "revenue": rng.randrange(1, 99), "order_id": f"O{number}"}
    return call("track", f"e{number}", at_us, user=f"u{rng.randrange(6)}", event=name, properties=properties)


def driver(log: MemoryLog, state: RocksState, sink: MemorySink) -> Driver:
    return Driver(Pipeline(DEFINITIONS), log, state, sink, max_batch=PER_BATCH)


def finish(log: MemoryLog, state: RocksState) -> list[bytes | None]:
    """Process to the end; the states of all people."""
    one = driver(log, state, MemorySink())
    while one.run_batch():
        one.fire(one.complete_us)
    ids = state.links([f"user_id:u{number}" for number in range(6)])
    return state.states([found for found in ids if found is not None])


def journal(folder: Path) -> Path:
    """The write-ahead log that is being written."""
    return max(folder.glob("*.log"))


def commits(folder: Path, log: MemoryLog) -> Iterator[tuple[int, int, int]]:
    """(offset, synced bytes before, bytes after) of each micro-batch's commits."""
    state = RocksState(folder, WEEK_US)
    one, before = driver(log, state, MemorySink()), journal(folder).stat().st_size
    while one.run_batch():
        after = journal(folder).stat().st_size
        yield one.offset, before, after
        before = after
    state.close()


def cut(disk: Path, copy: Path, size: int, rng: random.Random) -> None:
    """What is left of `disk` after a cut with `size` bytes of its journal on it, the last sector perhaps torn."""
    shutil.copytree(disk, copy)
    (copy / "LOCK").unlink(missing_ok=True)
    data = bytearray(journal(disk).read_bytes()[:size])
    if rng.random() < 0.5:
        data += rng.randbytes(rng.randrange(1, 512))
    (copy / journal(disk).name).write_bytes(data)


def cases(tmp_path: Path) -> Iterator[tuple[Path, int, int, random.Random]]:
    """(disk, size to cut to, offset that was acknowledged, chance): some prefixes of each commit."""
    rng = random.Random(5)
    acknowledged = 0
    for offset, before, after in commits(tmp_path / "disk", history()):
        for _ in range(CUTS_PER_COMMIT):
            yield tmp_path / "disk", rng.randrange(before, after), acknowledged, rng
        acknowledged = offset


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Sequence[bytes | None]:
    state = RocksState(tmp_path_factory.mktemp("undisturbed"), WEEK_US)
    try:
        return finish(history(), state)
    finally:
        state.close()


def test_a_power_cut_leaves_a_whole_prefix_and_processing_ends_as_if_nothing_had_happened(
    tmp_path: Path, undisturbed: Sequence[bytes | None]
) -> None:
    cuts = 0
    for disk, size, acknowledged, rng in cases(tmp_path):
        cut(disk, tmp_path / "copy", size, rng)
        state = RocksState(tmp_path / "copy", WEEK_US)
        assert state.position()[0] == acknowledged, "all that was synced, and nothing of what was torn"
        assert finish(history(), state) == undisturbed
        state.close()
        shutil.rmtree(tmp_path / "copy")
        cuts += 1
    print(f"{cuts} power cuts")
    assert cuts == EVENTS // PER_BATCH * CUTS_PER_COMMIT


def test_the_test_sees_a_commit_that_was_not_synced(tmp_path: Path) -> None:
    rng, lost, before = random.Random(5), 0, 0
    for offset, start, _ in commits(tmp_path / "disk", history()):
        if before:
            cut(tmp_path / "disk", tmp_path / "copy", rng.randrange(before, start), rng)
            state = RocksState(tmp_path / "copy", WEEK_US)
            lost += state.position()[0] < offset - PER_BATCH
            state.close()
            shutil.rmtree(tmp_path / "copy")
        before = start
    assert lost > EVENTS // PER_BATCH - 3
