"""What the console reads: the serving copy, the ledger, webhook calls, the local inbox and the log, all read-only.

Each may be missing (nothing has started yet): then every question has an empty answer, and the pages say what to do.
Opened per request and closed after it, so that a page never holds up a checkpoint. Every question has a time limit.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from tidings.clock import Clock
from tidings.config import Config
from tidings.deliver.calls import FILE as CALLS
from tidings.deliver.database import named
from tidings.domain.record import LogRecord
from tidings.errors import CorruptData
from tidings.log.sqlite import SqliteLog

LIMIT_S = 5.0
"""Longest time one question may take."""
_BUSY_S = 2.0
_STEPS = 20_000
"""SQLite instructions between two looks at the clock."""

SQL = named(files("tidings.console").joinpath("queries.sql").read_text("utf-8"))
"""Questions by name."""


class TooSlow(Exception):
    """A question took longer than `LIMIT_S`."""


class Database:
    """One SQLite file, opened at the first question, read-only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._until_s = 0.0

    def rows(self, name: str, *values: Any, **named_values: Any) -> list[sqlite3.Row]:
        """The answer to the question `name` of queries.sql; empty when there is no such file or table yet."""
        db = self._open()
        if db is None:
            return []
        self._until_s = time.monotonic() + LIMIT_S
        try:
            return db.execute(SQL[name], named_values or values).fetchall()
        except sqlite3.OperationalError as error:
            if str(error).startswith("no such table"):
                return []  # the file was just made, its tables come next
            if str(error) == "interrupted":
                msg = f"{name}: took longer than {LIMIT_S:.0f} s"
                raise TooSlow(msg) from error
            raise

    def row(self, name: str, *values: Any, **named_values: Any) -> sqlite3.Row | None:
        """The first row of the answer, if there is one."""
        found = self.rows(name, *values, **named_values)
        return found[0] if found else None

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Questions inside see one state of the file."""
        db = self._open()
        if db is None:
            yield
            return
        db.execute("BEGIN")
        try:
            yield
        finally:
            db.execute("COMMIT")

    def version(self) -> int:
        """Another number when somebody committed since the last look; 0 while there is no file."""
        db = self._open()
        return int(db.execute("PRAGMA data_version").fetchone()[0]) if db is not None else 0

    def close(self) -> None:
        """Release the file."""
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self) -> sqlite3.Connection | None:
        if self._db is None and self._path.exists():
            uri = f"{self._path.absolute().as_uri()}?mode=ro"
            self._db = sqlite3.connect(uri, uri=True, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
            self._db.row_factory = sqlite3.Row
            self._db.set_progress_handler(lambda: time.monotonic() > self._until_s, _STEPS)
        return self._db


class LoggedEvent(msgspec.Struct, frozen=True, kw_only=True):
    """One record of the log, for showing."""

    offset: int
    taken_us: int
    record: LogRecord


class Store:
    """All of them, for one request or one live hub. Use as a context manager."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self.config = config
        self.clock = clock
        self.serving = Database(config.data / "serving.db")
        self.ledger = Database(config.data / "ledger.db")
        self.inbox = Database(config.data / "inbox.db")
        self.calls = Database(config.data / CALLS)
        self._log: SqliteLog | None = None

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        for database in (self.serving, self.ledger, self.inbox, self.calls):
            database.close()
        if self._log is not None:
            self._log.close()
            self._log = None

    def head(self) -> int:
        """How many records the log holds; 0 while there is none."""
        log = self._open_log()
        return log.head() if log is not None else 0

    def record(self, offset: int) -> LoggedEvent | None:
        """One record of the log; None when it is not there (any more)."""
        log = self._open_log()
        if log is None or offset < 0:
            return None
        try:
            blocks = log.read(offset, 1)
        except CorruptData:
            return None  # the page says that the bytes cannot be read; `tidings doctor` says more
        if not blocks or blocks[0].first_offset != offset:
            return None
        return LoggedEvent(offset=offset, taken_us=blocks[0].taken_us, record=blocks[0].records[0])

    def _open_log(self) -> SqliteLog | None:
        path = self.config.data / "log.db"
        if self._log is None and path.exists():
            self._log = SqliteLog(path, self.clock)
        return self._log
