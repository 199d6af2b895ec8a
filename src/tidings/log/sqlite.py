"""The log in a SQLite file (`log.db`): the default adapter on one machine. The collector writes, all others read.

WAL with ``synchronous=FULL``, one row per group commit, so crash safety is SQLite's: a block is there whole or not at
all, also after a power cut. Next to it lie `log.lock` (a `flock` that the one writer holds) and `log.mark` (numbers
shared through memory, see `log/mark.py`). Only the writer writes and checkpoints; readers open the file read-only.

**The stamp and the horizon.** A host fires timers up to `horizon_us` and then never accepts a record stamped at or
before it (law 2). Two critical sections under the mark's lock make that exact, whatever the clocks do:

    writer, per block                                   processor, `horizon_us(now)`
      lock: taken = max(now, last + 1, fence + 1)         lock: inflight? until = min(now, inflight - 1)
            inflight = taken                                    none?     until = now
      commit to disk (no lock held)                             fence = until = max(until, fence)
      lock: head = …, last = taken, inflight = 0          then `head()`, and read up to it

The sections cannot overlap, so for each block the processor came before the stamp (then the block is stamped after
the fence), or between stamp and commit (then the horizon stops short of it), or after (then `head` covers it).

* *Clock steps back*, in either process: stamps still rise, because they follow `last` and `fence`; the horizon does
  not fall below the fence. Until the clock has caught up, blocks are stamped one microsecond apart.
* *Clock steps ahead and back*: stamps and fence stay ahead until real time catches up; order is never broken.
* *Writer killed between stamp and commit*: `log.lock` is free, so `inflight` is void and the horizon is now. The
  commit itself may have reached the file without being seen (SQLite finds it again at recovery). Nobody reads beyond
  `head`, nobody was told "stored", so the next writer stamps such a block after the fence before it shows it.
* *New writer between taking `log.lock` and clearing `inflight`*: the horizon stays short; only ever cautious.
* *Processor killed*: the fence stays in the mark.
* *Power cut*: the mark is not synced, so after a new boot it is rebuilt from the database: the fence is then the newest
  stamp. The processor knows better. The instant up to which it fired is in the same atomic write as the timers' effects,
  and it calls `fence` with that when it starts. One case is not covered: a collector that takes a block before the
  processor has started, by a clock set back to before the last timer that fired, so by more than the outage lasted.
* *A process stopped inside the lock* (a debugger): the others wait for it. It is held for microseconds.

Durability: after a failed write or sync nothing more is written (a repeated fsync may lie); the process must end, and
the next writer copies what the write-ahead log holds into the database with fresh writes before it starts.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import zstandard

from tidings.clock import Clock
from tidings.domain.record import LogBlock, LogRecord
from tidings.errors import CorruptData, InputError, Permanent
from tidings.log import packed
from tidings.log.mark import Mark
from tidings.log.packed import Packed

MAX_BLOCK_BYTES = 256 * 1024 * 1024
"""A block never decodes to more; a bound against corrupt sizes."""
_PACKING = zstandard.ZstdCompressionParameters.from_level(1, min_match=7, hash_log=12)
"""Level 1 for JSON: long matches, and a table that stays in the fastest cache. A quarter less time, the same size."""
_FORMATS = (packed.PLAIN, packed.MIXED)
_BUSY_S = 30
_WRITER_WAIT_S = 5.0
_TRIM_BLOCKS = 200
"""Blocks forgotten per transaction, so that an append never waits long."""

_SCHEMA = Path(__file__).with_suffix(".sql").read_text("utf-8")
_INSERT = "INSERT INTO blocks (first_offset, count, taken_us, format, crc, block) VALUES (?, ?, ?, ?, ?, ?)"
_EXISTS = "SELECT 1 FROM sqlite_master WHERE name = 'blocks'"
_LAST = "SELECT first_offset + count, taken_us FROM blocks ORDER BY first_offset DESC LIMIT 1"
_COLUMNS = "SELECT first_offset, count, taken_us, format, crc, block FROM blocks"
_FOLLOW = f"""{_COLUMNS} WHERE first_offset < ?2 AND first_offset >=
  coalesce((SELECT max(first_offset) FROM blocks WHERE first_offset <= ?1), 0) ORDER BY first_offset"""
_UNSEEN = f"{_COLUMNS} WHERE first_offset >= ? ORDER BY first_offset"
_RESTAMP = "UPDATE blocks SET taken_us = ?, crc = ? WHERE first_offset = ?"
_TRIM = """DELETE FROM blocks WHERE first_offset IN
  (SELECT first_offset FROM blocks WHERE first_offset + count <= ? ORDER BY first_offset LIMIT ?) RETURNING 1"""


class Rows(Protocol):
    """A result being read."""

    def __iter__(self) -> Iterator[Any]: ...

    def close(self) -> None:
        """Stop reading."""


class Database(Protocol):
    """What the log needs of a SQLite connection in autocommit mode; `sqlite3` and `apsw` both have it."""

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Rows:
        """Run one statement."""
        ...

    def close(self) -> None:
        """Release the file."""


def connect(path: Path, writer: bool) -> Database:
    """A connection of the standard library, in autocommit mode; read-only unless for the writer."""
    uri = f"{path.absolute().as_uri()}?mode={'rwc' if writer else 'ro'}"
    return sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


class SqliteLog:
    """See `Log`. One thread appends; each reading process (or thread) opens its own."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        writer: bool = False,
        *,
        connect: Callable[[Path, bool], Database] = connect,
    ) -> None:
        """`path` is ``log.db``. Raises InputError when `writer` and another process is the writer."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._clock = clock
        self._connect = connect
        self._writer = writer
        self._failed = False
        self._db: Database | None = None
        self._cached = LogBlock(0, 0, [])
        self._pack = zstandard.ZstdCompressor(compression_params=_PACKING)
        self._unpack = zstandard.ZstdDecompressor()
        self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._mark = Mark(path.with_suffix(".mark"))
        self._last_us = 0
        if writer:
            self._start_writing()
        else:
            self._start_reading()

    # Writing.

    def append(self, records: Sequence[LogRecord | Packed]) -> int:
        """See `Log.append`; batches may come packed. Raises Permanent when the disk fails; then this process must end."""
        if not self._writer or self._failed:
            raise Permanent(self._why_not_writable())
        mark = self._mark
        first: int = mark.head
        if not records:
            return first
        form, count, data = packed.encode(records)
        block = self._pack.compress(data)
        with mark:
            taken_us = max(self._clock.now_us(), self._last_us + 1, mark.fence_us + 1)
            mark.inflight_us = taken_us
        self._insert(first, count, taken_us, form, block)
        self._last_us = taken_us
        with mark:
            mark.last_taken_us = taken_us
            mark.head = first + count
            mark.inflight_us = 0
        return first

    def trim(self, before_offset: int) -> int:
        """Forget blocks that lie wholly below `before_offset` and are processed; how many. Only the writer may.

        The newest block always stays, so that offsets go on after a restart. Freed space is used again.
        """
        if not self._writer:
            raise Permanent(self._why_not_writable())
        keep = min(before_offset, self.processed(), self._mark.head - 1)
        gone = 0
        while some := len(list(self._open().execute(_TRIM, (keep, _TRIM_BLOCKS)))):
            gone += some
        return gone

    def _insert(self, first: int, count: int, taken_us: int, form: int, block: bytes) -> None:
        self._failed = True  # until proven otherwise: a write whose end is unknown is never repeated
        crc = _crc(first, count, taken_us, form, block)
        try:
            self._open().execute(_INSERT, (first, count, taken_us, form, crc, block))
        except sqlite3.Error as error:
            msg = (
                f"{self._path}: block at offset {first} could not be stored: {error}; free disk space or check the disk"
            )
            raise Permanent(msg) from error
        self._failed = False

    def _why_not_writable(self) -> str:
        if self._writer:
            return f"{self._path}: an earlier write failed, so nothing more is written; start the process again"
        return f"{self._path}: opened for reading; only the collector's process writes the log"

    # Reading.

    def read(self, offset: int, limit: int) -> list[LogBlock]:
        """See `Log.read`. Below the oldest kept block it begins with that one. Raises CorruptData."""
        head: int = self._mark.head
        if offset >= head:
            return []
        found = self._from_cache(offset)
        count = len(found[0].records) if found else 0
        if count < limit and offset + count < head:
            found += self._follow(offset + count, head, limit - count, strict=bool(found))
        return found

    def head(self) -> int:
        """See `Log.head`. One look into shared memory."""
        head: int = self._mark.head
        return head

    def horizon_us(self, now_us: int) -> int:
        """See `Log.horizon_us`; moves the fence along, so it also never falls."""
        mark = self._mark
        with mark:
            inflight_us = mark.inflight_us
            until_us: int = min(now_us, inflight_us - 1) if inflight_us and self._writer_lives() else now_us
            until_us = max(until_us, mark.fence_us)
            mark.fence_us = until_us
        return until_us

    def fence(self, until_us: int) -> None:
        """See `Log.fence`."""
        with self._mark:
            self._mark.fence_us = max(self._mark.fence_us, until_us)

    def mark_processed(self, offset: int) -> None:
        """Tell the collector (for back-pressure) and `trim` that all below `offset` is processed."""
        self._mark.processed = offset

    def processed(self) -> int:
        """What `mark_processed` last said; 0 after the machine started, until it says so again."""
        processed: int = self._mark.processed
        return processed

    def close(self) -> None:
        """See `Log.close`. After a failed write the database is left as it is: closing it would sync it again."""
        if self._db is not None and not self._failed:
            self._db.close()
        self._mark.close()
        os.close(self._lock)

    def _from_cache(self, offset: int) -> list[LogBlock]:
        skip = offset - self._cached.first_offset
        if not 0 <= skip < len(self._cached.records):
            return []
        return [self._cached if not skip else LogBlock(offset, self._cached.taken_us, self._cached.records[skip:])]

    def _follow(self, offset: int, head: int, limit: int, *, strict: bool) -> list[LogBlock]:
        found: list[LogBlock] = []
        expected = offset if strict else None
        for row in self._rows(offset, head):
            block = self._decode(row, expected)
            expected = block.first_offset + len(block.records)
            if expected <= offset:
                continue
            self._cached = block
            found += self._from_cache(max(offset, block.first_offset))
            limit -= len(found[-1].records)
            if limit <= 0:
                break
        if not found:
            msg = (
                f"{self._path}: offset {offset} is missing although the log reaches to {head}; restore it from a backup"
            )
            raise CorruptData(msg)
        return found

    def _rows(self, offset: int, head: int) -> Iterator[tuple[int, int, int, int, int, bytes]]:
        """Rows of the blocks from the one that holds `offset` up to `head`."""
        try:
            rows = self._open().execute(_FOLLOW, (offset, head))
            try:
                yield from rows
            finally:
                rows.close()  # ends the read transaction, so that the writer's checkpoints get on
        except sqlite3.DatabaseError as error:
            msg = f"{self._path}: reading at offset {offset}: {error}; restore the file from a backup"
            raise CorruptData(msg) from error

    def _decode(self, row: tuple[int, int, int, int, int, bytes], expected: int | None) -> LogBlock:
        first, count, taken_us, form, _, block = row
        where = f"{self._path}: block at offset {first}"
        if expected is not None and first != expected:
            msg = f"{where}: wanted offset {expected} next, so blocks are missing; restore the file from a backup"
            raise CorruptData(msg)
        if form not in _FORMATS or not _holds(row):
            msg = f"{where}: format {form}, checksum does not hold; restore the file from a backup"
            raise CorruptData(msg)
        try:
            records = packed.decode(form, self._unpack.decompress(block, max_output_size=MAX_BLOCK_BYTES))
        except (zstandard.ZstdError, msgspec.DecodeError, MemoryError) as error:
            msg = f"{where}: {error}; restore the file from a backup"
            raise CorruptData(msg) from error
        if len(records) != count:
            msg = f"{where}: got {len(records)} records, wanted {count}; restore the file from a backup"
            raise CorruptData(msg)
        return LogBlock(first, taken_us, records)

    # Opening.

    def _start_writing(self) -> None:
        self._become_writer()
        db = self._open()
        for statement in (
            "PRAGMA page_size=4096",
            "PRAGMA journal_mode=WAL",
            "PRAGMA synchronous=FULL",
            "PRAGMA wal_autocheckpoint=4000",
            "PRAGMA journal_size_limit=67108864",
            "PRAGMA wal_checkpoint(TRUNCATE)",
            _SCHEMA,
        ):
            list(db.execute(statement))
        mark = self._mark
        with mark:
            head, last_us = self._last()
            if not mark.trusted() or mark.head > head:
                mark.rebuild(head, last_us)
            elif mark.head < head:
                last_us = self._restamp(mark.head, mark.last_taken_us)
            mark.last_taken_us, mark.head, mark.inflight_us = last_us, head, 0
        self._last_us = last_us

    def _start_reading(self) -> None:
        with self._mark:
            if not self._mark.trusted():
                self._mark.rebuild(*self._last())

    def _become_writer(self) -> None:
        deadline = time.monotonic() + _WRITER_WAIT_S
        while not _try_lock(self._lock):
            if time.monotonic() > deadline:
                msg = f"{self._path}: another process is writing this log; there can be one writer, stop the other"
                raise InputError(msg)
            time.sleep(0.02)  # the one before us may just be ending, or a reader is looking whether we live

    def _writer_lives(self) -> bool:
        if self._writer or not _try_lock(self._lock):
            return True
        fcntl.flock(self._lock, fcntl.LOCK_UN)
        return False

    def _restamp(self, from_offset: int, last_us: int) -> int:
        """Stamp blocks that nobody has seen (their writer was killed) after the fence; the last stamp."""
        for row in list(self._open().execute(_UNSEEN, (from_offset,))):
            block = self._decode(row, None)
            last_us = max(block.taken_us, last_us + 1, self._mark.fence_us + 1)
            crc = _crc(row[0], row[1], last_us, row[3], row[5])
            list(self._open().execute(_RESTAMP, (last_us, crc, row[0])))
        return last_us

    def _last(self) -> tuple[int, int]:
        """(offset after the newest block, its stamp) according to the database."""
        if not self._writer and not self._path.exists():
            return 0, 0
        if not list(self._open().execute(_EXISTS)):
            return 0, 0
        rows = list(self._open().execute(_LAST))
        return rows[0] if rows else (0, 0)

    def _open(self) -> Database:
        if self._db is None:
            self._db = self._connect(self._path, self._writer)
        return self._db


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


_HEADER = struct.Struct("<qqqq")


def _holds(row: tuple[int, int, int, int, int, bytes]) -> bool:
    """Whether the checksum of a row is right; a damaged file may even give values of other types."""
    first, count, taken_us, form, crc, block = row
    try:
        return crc == _crc(first, count, taken_us, form, block)
    except (TypeError, struct.error):
        return False


def _crc(first: int, count: int, taken_us: int, form: int, block: bytes) -> int:
    return zlib.crc32(block, zlib.crc32(_HEADER.pack(first, count, taken_us, form)))
