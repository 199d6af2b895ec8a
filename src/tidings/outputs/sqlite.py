"""Output blocks in a SQLite file (`outputs.db`): the default adapter on one machine.

WAL with ``synchronous=NORMAL``: a killed process loses nothing, a power cut may lose the newest blocks, which the
processor then sends again from the copy in its state. `sync` commits once with ``synchronous=FULL``; SQLite recovers
a prefix of its WAL, so when that commit survives, all blocks before it do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec
import zstandard

from tidings.domain.output import OutputBlock
from tidings.errors import CorruptData
from tidings.filelock import FileLock
from tidings.outputs.base import following

_READ_BYTES = 4 * 1024 * 1024
"""Compressed bytes that one `read` returns at most (one block may be larger)."""
_TRIM_BLOCKS = 500
"""Blocks forgotten per transaction, so that the processor never waits long for the write lock."""
_BUSY_S = 30.0
_SCHEMA = (Path(__file__).parent / "schema.sql").read_text("utf-8").split(";\n")
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(OutputBlock)


class Database(Protocol):
    """What the store needs of a SQLite connection in autocommit mode; `sqlite3` and `apsw` both have it."""

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Any:
        """Run one statement; its rows."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...


def connect(path: Path) -> Database:
    """A connection of the standard library, in autocommit mode."""
    return sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)


class SqliteOutputs:
    """See `OutputStore`. Each process opens its own; one thread at a time may use one."""

    def __init__(self, path: Path, *, connect: Callable[[Path], Database] = connect) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._pack = zstandard.ZstdCompressor(level=1, write_checksum=True)
        self._unpack = zstandard.ZstdDecompressor()
        self._db = connect(path)
        self._writing = FileLock(path.with_name(path.name + ".lock"))
        with self._writing:  # two who open a new file at once: SQLite does not wait where the journal's mode changes
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.execute("PRAGMA wal_autocheckpoint=4000")
            self._db.execute("PRAGMA journal_size_limit=67108864")
            for statement in _SCHEMA:
                self._db.execute(statement)

    def append(self, blocks: Sequence[OutputBlock]) -> None:
        """See `OutputStore.append`."""
        rows = [(b.seq, b.upto_offset, self._pack.compress(_ENCODER.encode(b))) for b in self._new(blocks)]
        if not rows:
            return
        with self._writing:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                for row in rows:
                    self._db.execute("INSERT INTO blocks VALUES (?, ?, ?)", row)
                self._db.execute("COMMIT")
            except BaseException:
                self._db.execute("ROLLBACK")
                raise

    def last_seq(self) -> int:
        """See `OutputStore.last_seq`."""
        return int(self._db.execute("SELECT COALESCE(MAX(seq), 0) FROM blocks").fetchone()[0])

    def kept(self) -> int:
        """How many blocks are here: those that a follower has not taken yet, and the newest."""
        # Two questions: SQLite looks at one end of the index for each, but walks all blocks for both at once.
        ends = "SELECT (SELECT MIN(seq) FROM blocks), (SELECT MAX(seq) FROM blocks)"
        oldest, newest = self._db.execute(ends).fetchone()
        return 0 if oldest is None else int(newest - oldest + 1)

    def read(self, after_seq: int, limit: int) -> list[OutputBlock]:
        """See `OutputStore.read`; stops early when the blocks are large."""
        found: list[OutputBlock] = []
        size = 0
        rows = self._db.execute(
            "SELECT seq, block FROM blocks WHERE seq > ? ORDER BY seq LIMIT ?", (after_seq, max(1, limit))
        )
        for seq, data in rows:
            found.append(self._decode(seq, data))
            size += len(data)
            if size >= _READ_BYTES:
                break
        rows.close()
        return found

    def trim(self, upto_seq: int) -> None:
        """See `OutputStore.trim`."""
        more = True
        while more:
            with self._writing:
                more = self._trim_some(min(upto_seq, self.last_seq() - 1))

    def sync(self) -> int:
        """See `OutputStore.sync`; one commit that waits for the disk."""
        self._db.execute("PRAGMA synchronous=FULL")
        try:
            with self._writing:
                self._db.execute("UPDATE durable SET seq = MAX(seq, (SELECT COALESCE(MAX(seq), 0) FROM blocks))")
        finally:
            self._db.execute("PRAGMA synchronous=NORMAL")
        return self.durable_seq()

    def durable_seq(self) -> int:
        """See `OutputStore.durable_seq`."""
        return int(self._db.execute("SELECT seq FROM durable").fetchone()[0])

    def close(self) -> None:
        """See `OutputStore.close`."""
        self._db.close()
        self._writing.close()

    def _new(self, blocks: Sequence[OutputBlock]) -> list[OutputBlock]:
        return following(self.last_seq(), blocks)

    def _trim_some(self, upto_seq: int) -> bool:
        oldest = self._db.execute("SELECT MIN(seq) FROM blocks").fetchone()[0]
        if oldest is None or oldest > upto_seq:
            return False
        self._db.execute("DELETE FROM blocks WHERE seq <= ?", (min(upto_seq, oldest + _TRIM_BLOCKS - 1),))
        return True

    def _decode(self, seq: int, data: bytes) -> OutputBlock:
        try:
            return _DECODER.decode(self._unpack.decompress(data))
        except (zstandard.ZstdError, msgspec.DecodeError) as error:
            msg = f"{self._path}: block {seq}: {error}; restore the file from a backup"
            raise CorruptData(msg) from error
