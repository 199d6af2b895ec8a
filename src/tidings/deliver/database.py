"""SQLite as the deliver package uses it: opening it durably, statements from .sql files, one transaction at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from tidings.filelock import FileLock, turn


class Rows(Protocol):
    """What a statement gives."""

    def fetchone(self) -> Any:
        """The next row as a tuple, or None."""
        ...

    def fetchall(self) -> list[Any]:
        """All further rows."""
        ...


class Connection(Protocol):
    """The part of a SQLite connection that we use; `sqlite3` has it, and so has `apsw` (for power-loss tests)."""

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        """Run one statement."""
        ...

    def executemany(self, statement: str, rows: Iterable[Sequence[Any]], /) -> object:
        """Run one statement for each row of values."""
        ...

    def close(self) -> None:
        """Release the file."""
        ...

    @property
    def in_transaction(self) -> bool:
        """True between BEGIN and its end."""
        ...


def open_durable(path: Path) -> Connection:
    """A connection on which a commit is on the disk when it returns: WAL with synchronous=FULL.

    NORMAL loses acknowledged commits at a power cut; see docs/adr/0004-ledger.md.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30.0)
    with turn(path.with_name(path.name + ".lock")):
        connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def statements(script: str) -> list[str]:
    """The statements of a SQL script, one by one; a trigger with its inner semicolons is one."""
    found: list[str] = []
    part = ""
    for line in script.splitlines(keepends=True):
        part += line
        if sqlite3.complete_statement(part):
            found.append(part.strip())
            part = ""
    return found


def named(script: str) -> dict[str, str]:
    """The statements of a script whose sections start with ``-- name: x``."""
    sections = script.split("-- name: ")[1:]
    return {head: body.strip() for head, _, body in (section.partition("\n") for section in sections)}


class Database:
    """One connection, used by one thread at a time; and of all processes one writes at a time (see filelock.py)."""

    def __init__(self, connection: Connection, lock: Path) -> None:
        """`lock` is the file that all writers of this database lock."""
        self._connection = connection
        self._lock = threading.Lock()
        self._writing = FileLock(lock)

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All or nothing: committed (and on the disk) when the block ends, rolled back when it raises."""
        with self._lock, self._writing:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:  # SQLite itself rolls back on some errors, such as a full disk
                    self._connection.execute("ROLLBACK")
                raise

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """All rows that a reading statement gives."""
        with self._lock:
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """Its first row, or None."""
        with self._lock:
            return self._connection.execute(statement, values).fetchone()

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._connection.close()
            self._writing.close()
