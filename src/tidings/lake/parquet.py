"""The lake as Parquet files by day: ``lake/day=YYYY-MM-DD/<first block>-<last block>.parquet``, zstd.

DuckDB writes them, Spark, Snowflake, BigQuery, DuckDB and the like read them. A file is written under another name,
synced and renamed; only then does one transaction in the serving copy register it and move the lake's cursor. What
is not registered does not exist: readers go by the register, and `sweep` removes what a crash left over. So a crash
at any moment neither loses nor doubles a row.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from tidings.clock import MINUTE_US
from tidings.errors import CorruptData
from tidings.lake.base import LakeCursor, LakeRow
from tidings.lake.duck import open_duck, run, text

JOIN_FILES = 8
"""So many files of one size class of one day are joined into one; a size class is a power of it, in rows."""
MAX_JOINED_ROWS = 2_000_000
"""Files with more rows are left alone."""
JOINS_PER_CALL = 16
"""Bounds how long one `compact` takes."""
GRACE_US = 10 * MINUTE_US
"""A file that was joined stays so long for readers that began before."""

_CHUNK = 1_000
_COLUMNS = {
    "offset": "BIGINT", "event_id": "VARCHAR", "kind": "VARCHAR", "name": "VARCHAR", "profile_id": "VARCHAR",
    "user_id": "VARCHAR", "anonymous_id": "VARCHAR", "source": "VARCHAR", "occurred_us": "BIGINT",
    "received_us": "BIGINT", "backfill": "BOOLEAN", "properties": "VARCHAR", "traits": "VARCHAR", "context": "VARCHAR",
}  # fmt: skip
_STAGE = """CREATE OR REPLACE TEMP TABLE staged AS
  SELECT "offset", event_id, kind, name, profile_id, user_id, anonymous_id, source,
    make_timestamptz(occurred_us) AS occurred_at, make_timestamptz(received_us) AS received_at,
    backfill, properties, traits, context, strftime(make_timestamp(occurred_us), '%Y-%m-%d') AS day
  FROM read_json($1, format = 'newline_delimited', columns = {columns})"""
_DAYS = "SELECT day, COUNT(*) FROM staged GROUP BY day ORDER BY day"
_COPY_DAY = """COPY (SELECT * EXCLUDE (day) FROM staged WHERE day = $1 ORDER BY "offset")
  TO $2 (FORMAT parquet, COMPRESSION zstd)"""
_COPY_FILES = """COPY (SELECT * FROM read_parquet($1, hive_partitioning = false) ORDER BY "offset")
  TO $2 (FORMAT parquet, COMPRESSION zstd)"""
_ROWS = """SELECT "offset", event_id, kind, name, profile_id, user_id, anonymous_id, source, epoch_us(occurred_at),
  epoch_us(received_at), backfill, properties, traits, context
  FROM read_parquet($1, hive_partitioning = false) ORDER BY "offset" """
_FILES = "SELECT path, day, rows, seq FROM lake_files ORDER BY path"
_COUNT = "SELECT COALESCE(SUM(rows), 0) FROM lake_files"
_ADD = "INSERT INTO lake_files VALUES (?, ?, ?, ?)"
_REMOVE = "DELETE FROM lake_files WHERE path = ?"
_CURSOR = "SELECT seq, upto_offset FROM lake_cursor"
_SET_CURSOR = "UPDATE lake_cursor SET seq = ?, upto_offset = ?"


class LakeFile(NamedTuple):
    """One registered file."""

    path: str
    """Relative to the lake folder."""
    day: str
    """YYYY-MM-DD, UTC."""
    rows: int
    """How many events it holds."""
    seq: int
    """Number of the last output block that it holds events of."""


class ParquetLake:
    """See `Lake`. `catalogue` is a connection to the serving copy, opened for writing and used by nobody else."""

    def __init__(self, folder: Path, catalogue: sqlite3.Connection, *, memory_mb: int = 512) -> None:
        self._folder = folder
        self._db = catalogue
        self._work = folder / ".work"
        self._obsolete: deque[tuple[int, Path]] = deque()
        shutil.rmtree(self._work, ignore_errors=True)
        self._work.mkdir(parents=True)
        self._duck = open_duck(memory_mb=memory_mb, spill=self._work)

    def cursor(self) -> LakeCursor:
        """See `Lake.cursor`."""
        return LakeCursor(*self._db.execute(_CURSOR).fetchone())

    def files(self) -> list[LakeFile]:
        """The registered files."""
        return [LakeFile(*row) for row in self._db.execute(_FILES)]

    def count(self) -> int:
        """How many rows there are."""
        return int(self._db.execute(_COUNT).fetchone()[0])

    def append(self, rows: Iterable[LakeRow], upto: LakeCursor) -> int:
        """See `Lake.append`."""
        first = self.cursor().seq + 1
        added = self._write(rows, f"{first}-{upto.seq}.parquet", upto.seq)
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            self._db.executemany(_ADD, added)
            self._db.execute(_SET_CURSOR, upto)
        return sum(file.rows for file in added)

    def rows(self) -> Iterator[LakeRow]:
        """See `Lake.rows`."""
        paths = [str(self._folder / file.path) for file in self.files()]
        if not paths:
            return
        for row in run(self._duck, _ROWS, [paths]):
            yield LakeRow(**dict(zip(LakeRow.__struct_fields__, row, strict=True)))

    def compact(self, now_us: int) -> int:
        """See `Lake.compact`: joins small files of one day, `JOINS_PER_CALL` times at most."""
        joined = 0
        for group in islice(_groups(self.files()), JOINS_PER_CALL):
            self._join(group, now_us)
            joined += len(group)
        while self._obsolete and self._obsolete[0][0] + GRACE_US <= now_us:
            self._obsolete.popleft()[1].unlink(missing_ok=True)
        return joined

    def sweep(self) -> int:
        """Remove files that are not registered; how many. Call it once at start, when no other process writes.

        Raises CorruptData when a registered file is missing.
        """
        registered = {self._folder / file.path for file in self.files()}
        present = set(self._folder.glob("day=*/*"))
        for path in sorted(registered - present):
            msg = f"{path}: registered in the serving copy but missing; restore the lake folder from a backup"
            raise CorruptData(msg)
        for path in present - registered:
            path.unlink()
        for folder in self._folder.glob("day=*"):
            with contextlib.suppress(OSError):  # not empty
                folder.rmdir()
        return len(present - registered)

    def close(self) -> None:
        """See `Lake.close`; the catalogue is its opener's to close."""
        self._duck.close()
        shutil.rmtree(self._work, ignore_errors=True)

    def _write(self, rows: Iterable[LakeRow], name: str, seq: int) -> list[LakeFile]:
        lines = self._work / "rows.ndjson"
        if not _write_lines(rows, lines):
            return []
        run(self._duck, _STAGE.format(columns=_columns()), [str(lines)])
        lines.unlink()
        files = [LakeFile(f"day={day}/{name}", day, count, seq) for day, count in run(self._duck, _DAYS)]
        for file in files:
            run(self._duck, _COPY_DAY, [file.day, str(self._work / name)])
            self._publish(self._work / name, file)
        run(self._duck, "DROP TABLE staged")
        return files

    def _join(self, group: list[LakeFile], now_us: int) -> None:
        file = self._joined(group)
        paths = [self._folder / old.path for old in group]
        work = self._work / "joined.parquet"
        run(self._duck, _COPY_FILES, [[str(path) for path in paths], str(work)])
        self._publish(work, file)
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            self._db.executemany(_REMOVE, [(old.path,) for old in group])
            self._db.execute(_ADD, file)
        self._obsolete.extend((now_us, path) for path in paths)

    def _joined(self, group: list[LakeFile]) -> LakeFile:
        day, rows, last = group[0].day, sum(file.rows for file in group), max(file.seq for file in group)
        first = min(int(Path(file.path).name.split("-")[0]) for file in group)
        path = f"day={day}/{first}-{last}.parquet"
        again = 1
        while (self._folder / path).exists():  # one of the group may span the others
            again += 1
            path = f"day={day}/{first}-{last}.{again}.parquet"
        return LakeFile(path, day, rows, last)

    def _publish(self, work: Path, file: LakeFile) -> None:
        """Give a finished file its name; on disk, and in its folder on disk, when this returns."""
        _sync(work)
        target = self._folder / file.path
        if not target.parent.exists():
            target.parent.mkdir()
            _sync(self._folder)
        work.rename(target)
        _sync(target.parent)


def _groups(files: list[LakeFile]) -> Iterator[list[LakeFile]]:
    """Files to join: of one day and one size class, oldest blocks first."""
    classes: dict[tuple[str, int], list[LakeFile]] = {}
    for file in sorted(files, key=lambda file: (file.day, file.seq)):
        if file.rows < MAX_JOINED_ROWS:
            classes.setdefault((file.day, _size_class(file.rows)), []).append(file)
    for group in classes.values():
        if len(group) >= JOIN_FILES:
            yield group[: JOIN_FILES * 8]


def _size_class(rows: int) -> int:
    size = 0
    while rows >= JOIN_FILES:
        rows //= JOIN_FILES
        size += 1
    return size


def _write_lines(rows: Iterable[LakeRow], path: Path) -> int:
    encoder = msgspec.json.Encoder()
    iterator = iter(rows)
    count = 0
    with path.open("wb") as file:
        while chunk := list(islice(iterator, _CHUNK)):
            file.write(encoder.encode_lines(chunk))
            count += len(chunk)
    return count


def _columns() -> str:
    return "{" + ", ".join(f"{text(name)}: {text(kind)}" for name, kind in _COLUMNS.items()) + "}"


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
