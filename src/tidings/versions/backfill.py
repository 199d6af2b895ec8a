"""The backfill: new memories of the events below an offset, folded from the lake, beside the running definitions.

One shard of the people after the other, each committed with what it found, so that it can be interrupted and goes on
where it was. What it makes is a file of (profile id as it was then, values).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from tidings.domain.event import Event
from tidings.errors import CorruptData
from tidings.lake.duck import run, text
from tidings.process.backfill import Folding

SHARD_EVENTS = 500_000
"""Events of one shard, about: bounds memory and what an interruption costs."""
_FETCH = 5_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (fresh TEXT NOT NULL, below_offset INTEGER NOT NULL, shards INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS done (shard INTEGER PRIMARY KEY, events INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS people (profile_id TEXT PRIMARY KEY, vals BLOB NOT NULL) WITHOUT ROWID;
"""
_COUNT = 'SELECT count(*) FROM events WHERE "offset" < $1 AND name IN ({names})'
_ROWS = """SELECT profile_id, event_id, kind, name, epoch_us(occurred_at), epoch_us(received_at), "offset", properties
  FROM events WHERE "offset" < $1 AND name IN ({names})"""
_EVENTS = f"""{_ROWS} AND hash(profile_id) % $2 = $3 ORDER BY profile_id, "offset" """
_EVENTS_OF = f"""{_ROWS} AND profile_id IN (SELECT id FROM wanted)"""
_DECODE = msgspec.json.Decoder(dict[str, Any])

Show = Callable[[int, int], None]
"""(events done, events in all)."""


def quiet(done: int, total: int) -> None:
    """Show nothing."""


def path_of(folder: Path, version: str, prepared_offset: int) -> Path:
    """The file of a backfill."""
    return folder / f"{version}-{prepared_offset}.db"


class Backfill:
    """One backfill and its file."""

    def __init__(self, path: Path, folding: Folding, fresh: Sequence[str], below_offset: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._folding = folding
        self._about = (msgspec.json.encode(list(fresh)).decode(), below_offset)
        self._below = below_offset

    def complete(self) -> bool:
        """Whether all of it is there. Raises CorruptData when the file is of another backfill."""
        if not self._path.exists():
            return False
        with closing(self._open()) as db:
            shards = self._shards(db)
            return shards > 0 and shards == db.execute("SELECT count(*) FROM done").fetchone()[0]

    def run(self, lake: duckdb.DuckDBPyConnection, show: Show = quiet) -> int:
        """Do what is left; how many events were folded by this call. `lake` has the view `events` of lake/query.py."""
        names = ", ".join(text(name) for name in self._folding.names) or "NULL"
        (total,) = run(lake, _COUNT.format(names=names), [self._below])[0]
        folded = 0
        with closing(self._open()) as db:
            shards = self._begin(db, total)
            done = db.execute("SELECT coalesce(sum(events), 0) FROM done").fetchone()[0]
            have = {row[0] for row in db.execute("SELECT shard FROM done")}
            for shard in range(shards):
                if shard not in have:
                    show(done + folded, total)
                    folded += self._shard(db, lake, names, shard, shards)
            show(done + folded, total)
        return folded

    def _shard(
        self, db: sqlite3.Connection, lake: duckdb.DuckDBPyConnection, names: str, shard: int, shards: int
    ) -> int:
        rows = _rows(lake, _EVENTS.format(names=names), [self._below, shards, shard])
        events = 0
        db.execute("BEGIN IMMEDIATE")
        for profile_id, own in groupby(rows, itemgetter(0)):
            values = self._folding.start()
            for row in own:
                events += 1
                self._folding.fold(values, _event(row))
            if any(value is not None for value in values):
                db.execute("INSERT OR REPLACE INTO people VALUES (?, ?)", (profile_id, msgspec.msgpack.encode(values)))
        db.execute("INSERT INTO done VALUES (?, ?)", (shard, events))
        db.execute("COMMIT")
        return events

    def _begin(self, db: sqlite3.Connection, total: int) -> int:
        shards = self._shards(db)
        if not shards:
            shards = total // SHARD_EVENTS + 1
            db.execute("INSERT INTO about VALUES (?, ?, ?)", (*self._about, shards))
        return shards

    def _shards(self, db: sqlite3.Connection) -> int:
        row = db.execute("SELECT fresh, below_offset, shards FROM about").fetchone()
        if row is None:
            return 0
        if (row[0], row[1]) != self._about:
            msg = f"{self._path}: is the backfill of something else; delete it, it is made again"
            raise CorruptData(msg)
        return int(row[2])

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=30.0, isolation_level=None)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.executescript(_SCHEMA)
        return db


def progress(path: Path) -> tuple[int, int]:
    """(shards done, shards in all) of the backfill in a file; zeros before it begins."""
    if not path.exists():
        return 0, 0
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30.0)) as db:
        try:
            done, shards = db.execute("SELECT (SELECT count(*) FROM done), (SELECT max(shards) FROM about)").fetchone()
        except sqlite3.OperationalError as error:
            if not str(error).startswith("no such table"):
                raise
            return 0, 0  # the file was just made, its tables come next
    return done, shards or 0


def folded(
    lake: duckdb.DuckDBPyConnection, folding: Folding, profile_ids: Sequence[str], below_offset: int
) -> dict[str, list[Any]]:
    """The same for a few people, in memory."""
    names = ", ".join(text(name) for name in folding.names) or "NULL"
    run(lake, "CREATE OR REPLACE TEMP TABLE wanted AS SELECT DISTINCT unnest($1::VARCHAR[]) AS id", [list(profile_ids)])
    rows = _rows(lake, _EVENTS_OF.format(names=names), [below_offset])
    return folding.of((row[0], _event(row)) for row in rows)


class StoredPast:
    """See `process.adopt.Past`: from the file of a finished backfill."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)

    def of(self, profile_ids: Sequence[str]) -> list[list[Any]]:
        """See `Past.of`."""
        marks = ", ".join("?" * len(profile_ids))
        rows = self._db.execute(
            f"SELECT vals FROM people WHERE profile_id IN ({marks}) ORDER BY profile_id",
            list(profile_ids),
        )
        return [msgspec.msgpack.decode(row[0]) for row in rows]


def _rows(lake: duckdb.DuckDBPyConnection, sql: str, values: Sequence[object]) -> Iterator[tuple[Any, ...]]:
    cursor = lake.execute(sql, list(values))
    while rows := cursor.fetchmany(_FETCH):
        yield from rows


def _event(row: tuple[Any, ...]) -> Event:
    _, event_id, kind, name, occurred_us, received_us, offset, properties = row
    return Event(
        event_id=event_id,
        kind=kind,
        name=name,
        occurred_us=occurred_us,
        received_us=received_us,
        offset=offset,
        properties=_DECODE.decode(properties),
    )
