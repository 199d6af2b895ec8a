"""The SQLite log beyond the common suite: restarts, one writer, stamps against the horizon, damage, full disks."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tidings.clock import ManualClock
from tidings.domain.record import LogRecord
from tidings.errors import CorruptData, InputError, Permanent
from tidings.log import mark, sqlite
from tidings.log.packed import Packed
from tidings.log.sqlite import Database, Rows, SqliteLog, connect

START_US = 1_800_000_000_000_000
RECORDS = [LogRecord("web", "track", 0, b'{"n":%d}' % number) for number in range(3)]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_US)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "log.db"


class Watched:
    """A connection that calls `around` for each insert."""

    def __init__(self, inner: Database, around: Callable[[Callable[[], Rows]], Rows]) -> None:
        self._inner = inner
        self._around = around

    def execute(self, statement: str, parameters: Sequence[Any] = (), /) -> Rows:
        if statement.startswith("INSERT"):
            return self._around(lambda: self._inner.execute(statement, parameters))
        return self._inner.execute(statement, parameters)

    def close(self) -> None:
        self._inner.close()


def watched_writer(path: Path, clock: ManualClock, around: Callable[[Callable[[], Rows]], Rows]) -> SqliteLog:
    return SqliteLog(path, clock, writer=True, connect=lambda p, w: Watched(connect(p, w), around))


class Killed(BaseException):
    """Stands for kill -9 at one instruction."""


# Opening again.


def test_a_reopened_log_goes_on_where_it_ended(path: Path, clock: ManualClock) -> None:
    first = SqliteLog(path, clock, writer=True)
    first.append(RECORDS)
    first.close()
    clock.set(START_US - 1_000_000)
    again = SqliteLog(path, clock, writer=True)
    assert again.append(RECORDS) == 3
    before, after = again.read(0, 10)
    assert after.taken_us > before.taken_us
    again.close()


def test_there_is_one_writer(path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_WRITER_WAIT_S", 0.05)
    writer = SqliteLog(path, clock, writer=True)
    with pytest.raises(InputError, match="another process is writing this log"):
        SqliteLog(path, clock, writer=True)
    writer.close()
    SqliteLog(path, clock, writer=True).close()


def test_a_reader_may_come_before_the_writer(path: Path, clock: ManualClock) -> None:
    reader = SqliteLog(path, clock)
    assert (reader.head(), reader.read(0, 5)) == (0, [])
    writer = SqliteLog(path, clock, writer=True)
    writer.append(RECORDS)
    assert reader.read(0, 5)[0].records == RECORDS
    reader.close()
    writer.close()


def test_a_reader_cannot_append(path: Path, clock: ManualClock) -> None:
    reader = SqliteLog(path, clock)
    with pytest.raises(Permanent, match="opened for reading"):
        reader.append(RECORDS)
    with pytest.raises(Permanent, match="opened for reading"):
        reader.trim(1)
    reader.close()


@pytest.mark.parametrize("first", ["writer", "reader"])
def test_after_a_reboot_the_mark_is_made_again_from_the_database(
    path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    log = SqliteLog(path, clock, writer=True)
    log.append(RECORDS)
    taken_us = log.read(0, 1)[0].taken_us
    log.close()
    content = bytearray(path.with_suffix(".mark").read_bytes())
    content[16:64] = bytes(48)  # what a power cut may leave: an older page
    path.with_suffix(".mark").write_bytes(content)
    monkeypatch.setattr(mark, "_boot", lambda: 77)
    opened = SqliteLog(path, clock, writer=first == "writer")
    assert opened.head() == 3
    assert opened.horizon_us(0) == taken_us
    opened.close()


def test_a_log_put_back_from_a_backup_may_be_shorter_than_its_mark(path: Path, clock: ManualClock) -> None:
    log = SqliteLog(path, clock, writer=True)
    log.append(RECORDS)
    log.close()
    backup = path.read_bytes()
    log = SqliteLog(path, clock, writer=True)
    log.append(RECORDS)
    log.close()
    path.write_bytes(backup)
    log = SqliteLog(path, clock, writer=True)
    assert log.head() == 3
    assert log.append(RECORDS) == 3
    log.close()


# The stamp and the horizon.


def test_the_horizon_stops_short_of_a_block_in_flight(path: Path, clock: ManualClock) -> None:
    reader = SqliteLog(path, clock)
    seen: list[int] = []

    def around(insert: Callable[[], Rows]) -> Rows:
        clock.advance(1_000_000)
        seen.append(reader.horizon_us(clock.now_us()))
        assert reader.read(0, 1) == []
        return insert()

    writer = watched_writer(path, clock, around)
    writer.append(RECORDS)
    assert seen == [START_US - 1]
    assert reader.read(0, 1)[0].taken_us == START_US
    assert reader.horizon_us(clock.now_us()) == clock.now_us()
    reader.close()
    writer.close()


def test_the_horizon_never_falls_when_the_clock_does(path: Path, clock: ManualClock) -> None:
    reader = SqliteLog(path, clock)
    assert reader.horizon_us(START_US) == START_US
    assert reader.horizon_us(START_US - 500) == START_US
    reader.close()


def test_a_block_after_a_horizon_is_stamped_after_it_without_a_fence(path: Path, clock: ManualClock) -> None:
    reader, writer = SqliteLog(path, clock), SqliteLog(path, clock, writer=True)
    horizon_us = reader.horizon_us(START_US + 999)
    writer.append(RECORDS)
    assert reader.read(0, 1)[0].taken_us == horizon_us + 1
    reader.close()
    writer.close()


@pytest.mark.parametrize("committed", [True, False])
def test_a_writer_killed_in_flight_does_not_hold_time_up_and_its_block_does_not_fall_behind_it(
    path: Path, clock: ManualClock, committed: bool
) -> None:
    def around(insert: Callable[[], Rows]) -> Rows:
        if committed:
            insert()
        raise Killed

    reader = SqliteLog(path, clock)
    writer = watched_writer(path, clock, around)
    with pytest.raises(Killed):
        writer.append(RECORDS)
    assert reader.horizon_us(START_US + 5_000) == START_US - 1, "the writer lives: the block may still come"
    writer.close()  # the kernel drops the lock of a killed process like this
    assert reader.horizon_us(START_US + 5_000) == START_US + 5_000
    assert reader.head() == 0, "nobody was told that it is stored, so nobody sees it yet"

    writer = SqliteLog(path, clock, writer=True)
    assert reader.head() == (3 if committed else 0)
    assert all(block.taken_us > START_US + 5_000 for block in reader.read(0, 10))
    assert writer.append(RECORDS) == reader.head() - 3
    stamps = [block.taken_us for block in reader.read(0, 10)]
    assert stamps == sorted(set(stamps))
    reader.close()
    writer.close()


def test_no_block_appears_behind_a_horizon_while_two_processes_race(path: Path, clock: ManualClock) -> None:
    """The law itself, under load: whatever was not read at a horizon is stamped after it."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom tidings.clock import SystemClock\n"
        "from tidings.domain.record import LogRecord\nfrom tidings.log.sqlite import SqliteLog\n"
        "log = SqliteLog(Path(sys.argv[1]), SystemClock(), writer=True)\nprint(flush=True)\n"
        "while True: log.append([LogRecord('web', 'track', 0, b'{}')])\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, env=_environment())
    assert process.stdout is not None
    try:
        process.stdout.readline()
        _follow_for(SqliteLog(path, clock), 1.0)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _follow_for(reader: SqliteLog, seconds: float) -> None:
    offset, horizon_us, rounds, end = 0, 0, 0, time.monotonic() + seconds
    while time.monotonic() < end:
        ahead_us = 300 if rounds % 2 else 0  # a clock that is ahead of the writer's by less than a commit takes
        next_us = reader.horizon_us(time.time_ns() // 1_000 + ahead_us)
        head = reader.head()
        while offset < head:
            for block in reader.read(offset, head - offset):
                assert block.taken_us > horizon_us, f"offset {block.first_offset} came behind the horizon"
                offset = block.first_offset + len(block.records)
        horizon_us = next_us
        rounds += 1
    assert rounds > 100
    assert offset > 100
    reader.close()


def _environment() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(sqlite.__file__).parents[2])}


# Progress and retention.


def test_progress_is_shared_and_a_tail_read_is_cheap(path: Path, clock: ManualClock) -> None:
    writer, reader = SqliteLog(path, clock, writer=True), SqliteLog(path, clock)
    writer.append(RECORDS)
    reader.mark_processed(2)
    assert writer.processed() == 2
    began = time.perf_counter()
    for _ in range(2_000):
        reader.read(3, 100)
    assert (time.perf_counter() - began) / 2_000 < 50e-6
    writer.close()
    reader.close()


def test_trimming_forgets_whole_processed_blocks_and_keeps_the_newest(path: Path, clock: ManualClock) -> None:
    log = SqliteLog(path, clock, writer=True)
    for _ in range(5):
        log.append(RECORDS)
    log.mark_processed(10)
    assert log.trim(5) == 1
    assert log.read(0, 1)[0].first_offset == 3
    assert log.trim(1_000) == 2, "what is not processed stays"
    log.mark_processed(15)
    assert log.trim(1_000) == 1
    assert [block.first_offset for block in log.read(0, 100)] == [12]
    log.close()
    log = SqliteLog(path, clock, writer=True)
    assert log.append(RECORDS) == 15
    log.close()


# Packed batches.


def test_a_packed_batch_takes_an_offset_an_event_and_is_taken_apart_when_read(path: Path, clock: ManualClock) -> None:
    log = SqliteLog(path, clock, writer=True)
    body = b'{"sentAt":5, "batch" : [{"n":0}, {"n":1} ,{"n":2}],"writeKey":"k"}'
    assert log.append([RECORDS[0], Packed("web", "", 17, body, 0, "", 3), RECORDS[1]]) == 0
    assert log.head() == 5
    assert log.append([Packed("app", "", 0, body, 1, "", 3)]) == 5
    first, second = log.read(0, 100)
    parts = [b'{"n":0}', b'{"n":1}', b'{"n":2}']
    assert first.records == [RECORDS[0], *[LogRecord("web", "", 17, part) for part in parts], RECORDS[1]]
    assert second.records == [LogRecord("app", "", 0, part, 1) for part in parts]
    assert log.read(3, 1)[0].records == [LogRecord("web", "", 17, parts[2]), RECORDS[1]]
    log.close()


def test_a_packed_batch_that_is_not_what_it_says_is_named(path: Path, clock: ManualClock) -> None:
    log = SqliteLog(path, clock, writer=True)
    log.append([Packed("web", "", 0, b'{"batch":[1,2]}', 0, "", 3)])
    with pytest.raises(CorruptData, match=r"offset 0: got 2 records, wanted 3"):
        log.read(0, 1)
    log.append([Packed("web", "", 0, b"nonsense", 0, "", 1)])
    with pytest.raises(CorruptData, match=r"offset 3: JSON"):
        log.read(3, 1)
    log.close()


# Damage.


@pytest.fixture
def damaged(path: Path, clock: ManualClock) -> Iterator[Callable[[str], SqliteLog]]:
    log = SqliteLog(path, clock, writer=True)
    for _ in range(3):
        log.append(RECORDS)
    log.close()
    opened: list[SqliteLog] = []

    def damage(statement: str) -> SqliteLog:
        with sqlite3.connect(path) as db:
            assert db.execute(statement).rowcount == 1
        db.close()
        opened.append(SqliteLog(path, clock))
        return opened[-1]

    yield damage
    for reader in opened:
        reader.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE blocks SET block = zeroblob(length(block)) WHERE first_offset = 3",
        "UPDATE blocks SET block = substr(block, 1, 20) WHERE first_offset = 3",
        "UPDATE blocks SET taken_us = taken_us + 1 WHERE first_offset = 3",
        "UPDATE blocks SET count = 2 WHERE first_offset = 3",
        "UPDATE blocks SET format = 3 WHERE first_offset = 3",
        "UPDATE blocks SET format = 2 WHERE first_offset = 3",
        "DELETE FROM blocks WHERE first_offset = 3",
    ],
)
def test_a_damaged_block_is_named_and_never_passed_on(damaged: Callable[[str], SqliteLog], statement: str) -> None:
    reader = damaged(statement)
    assert reader.read(0, 1)[0].records == RECORDS
    with pytest.raises(CorruptData, match=r"log\.db.*offset [36]"):
        reader.read(3, 100)


def test_a_missing_tail_is_noticed(damaged: Callable[[str], SqliteLog]) -> None:
    reader = damaged("DELETE FROM blocks WHERE first_offset = 6")
    with pytest.raises(CorruptData, match="offset 6 is missing although the log reaches to 9"):
        reader.read(6, 1)


def test_no_flipped_bit_in_the_file_goes_unnoticed(path: Path, clock: ManualClock) -> None:
    log = SqliteLog(path, clock, writer=True)
    rng = random.Random(5)
    for _ in range(20):
        log.append([LogRecord("web", "track", 0, rng.randbytes(300))])
    good = log.read(0, 100)
    log.close()
    sound = path.read_bytes()
    noticed = harmless = 0
    for _ in range(300):
        content = bytearray(sound)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        reader = SqliteLog(path, clock)
        try:
            assert reader.read(0, 100) == good, "silently wrong"
            harmless += 1
        except CorruptData:
            noticed += 1
        reader.close()
    assert noticed > 100
    assert noticed + harmless == 300


# Full and failing disks.


def test_a_full_disk_refuses_the_append_and_everything_after_it(path: Path, clock: ManualClock) -> None:
    def small(file: Path, writer: bool) -> Database:
        db = connect(file, writer)
        list(db.execute("PRAGMA max_page_count=40"))
        return db

    log = SqliteLog(path, clock, writer=True, connect=small)
    big = LogRecord("web", "track", 0, random.Random(1).randbytes(20_000))
    acknowledged = 0

    def fill() -> None:
        nonlocal acknowledged
        for _ in range(1_000):
            log.append([big])
            acknowledged += 1

    with pytest.raises(Permanent, match=r"could not be stored.*full"):
        fill()
    assert 0 < acknowledged == log.head()
    with pytest.raises(Permanent, match="an earlier write failed"):
        log.append([RECORDS[0]])
    log.close()

    again = SqliteLog(path, clock, writer=True)  # a new process, and room again
    assert again.head() == acknowledged
    assert again.append([big]) == acknowledged
    assert sum(len(block.records) for block in again.read(0, 1_000)) == acknowledged + 1
    again.close()


def test_a_failed_sync_is_not_tried_again(path: Path, clock: ManualClock) -> None:
    tries: list[int] = []

    def around(insert: Callable[[], Rows]) -> Rows:
        tries.append(1)
        msg = "disk I/O error"
        raise sqlite3.OperationalError(msg)

    log = watched_writer(path, clock, around)
    for _ in range(3):
        with pytest.raises(Permanent):
            log.append(RECORDS)
    assert len(tries) == 1
    assert log.head() == 0
    log.close()
