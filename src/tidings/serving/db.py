"""Opening the serving copy (`serving.db`).

WAL with ``synchronous=NORMAL``: it is a copy, so a power cut may take its newest transactions; rows and cursor go
together and the projector takes those blocks again. Readers (console, API) never wait for the writer.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tidings.errors import InputError

_BUSY_S = 30.0
_SCHEMA = (Path(__file__).parent / "schema.sql").read_text("utf-8")
_LATER = {"runs": ("cause TEXT NOT NULL DEFAULT ''", "ended_by TEXT NOT NULL DEFAULT ''")}
"""Columns that a copy may lack which was made before they were; what they would say of earlier rows is not known."""


def open_writing(path: Path) -> sqlite3.Connection:
    """A connection for the project role; makes the file and its tables. Transactions are begun by hand."""
    path.parent.mkdir(parents=True, exist_ok=True)
    db = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=NORMAL")
    db.execute("PRAGMA wal_autocheckpoint=4000")
    db.execute("PRAGMA journal_size_limit=67108864")
    db.execute("PRAGMA cache_size=-65536")  # 64 MiB: people and timelines are touched in no order
    db.executescript(_SCHEMA)
    for table, columns in _LATER.items():
        _add_missing(db, table, columns)
    return db


def _add_missing(db: sqlite3.Connection, table: str, columns: tuple[str, ...]) -> None:
    """Add columns that are not there. Two processes may come at once, so it is looked at within the transaction."""
    present = f"SELECT name FROM pragma_table_info('{table}')"
    if all(one.split()[0] in {row[0] for row in db.execute(present)} for one in columns):
        return
    db.execute("BEGIN IMMEDIATE")
    have = {row[0] for row in db.execute(present)}
    for one in columns:
        if one.split()[0] not in have:
            db.execute(f"ALTER TABLE {table} ADD COLUMN {one}")
    db.execute("COMMIT")


def open_reading(path: Path) -> sqlite3.Connection:
    """A read-only connection with rows by name. Raises InputError when there is no serving copy yet."""
    if not path.exists():
        msg = f"{path}: no serving copy yet; start `tidings serve` on this data directory first"
        raise InputError(msg)
    db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S, isolation_level=None)
    db.row_factory = sqlite3.Row
    return db


def sync(db: sqlite3.Connection) -> None:
    """Make all transactions so far survive a power cut: one small commit that waits for the disk.

    It has to change something: SQLite writes nothing for an update that leaves the row as it was.
    """
    db.execute("PRAGMA synchronous=FULL")
    try:
        db.execute("UPDATE synced SET times = times + 1")
    finally:
        db.execute("PRAGMA synchronous=NORMAL")
