"""Training: what is bought together, from the lake's events, in SQL that DuckDB runs; the result is a small SQLite file.

Sits after the lake, runs now and then in a process of its own (hosts/train.py). The deliver role reads the file through
`recommend.store`. Everything is bounded: the newest baskets, items in a basket, neighbours of an item, memory.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import msgspec

RECENT_DAYS = 30
"""Popularity counts baskets of so many days before the newest one."""
_BOUNDS: dict[str, int] = {
    "item_chars": 200,
    "basket_items": 200,
    "max_baskets": 1_000_000,
    "support": 2,
    "damping": 5,
    "neighbours": 50,
    "recent_days": RECENT_DAYS,
}
_STEPS = ("lines", "baskets", "bought", "sold", "together", "scored", "facts")
_FETCH = 10_000
_FOLDER = Path(__file__).parent


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """What a training saw."""

    events: int
    """Events in the lake."""
    baskets: int
    """Orders used."""
    lines: int
    """Items in these orders, each once per order."""
    items: int
    """Different items."""
    pairs: int
    """Pairs of items that were bought together often enough."""


def train(db: duckdb.DuckDBPyConnection, path: Path, trained_us: int) -> Trained:
    """Train on the view `events` of `db` and put the model at `path`, replacing an older one in one step.

    Leaves its working tables in `db`, which the caller closes. `trained_us` is noted in the model.
    """
    sql = _sections((_FOLDER / "train.sql").read_text("utf-8"))
    for step in _STEPS:
        wanted = {name: value for name, value in _BOUNDS.items() if f"${name}" in sql[step]}
        db.execute(sql[step], wanted or None).fetchall()
    trained = Trained(**dict(zip(Trained.__struct_fields__, db.execute(sql["counts"]).fetchall()[0], strict=True)))
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{path.name}.*"):  # of a training that was killed
        stale.unlink(missing_ok=True)
    work = path.with_name(f".{path.name}.{os.getpid()}")
    _write(work, _rows(db, sql["items"]), _rows(db, sql["neighbours"]), trained, trained_us)
    work.rename(path)
    _sync(path.parent)
    return trained


def _write(path: Path, items: Iterator[Any], neighbours: Iterator[Any], trained: Trained, trained_us: int) -> None:
    model = sqlite3.connect(path, isolation_level=None)
    try:
        model.execute("PRAGMA journal_mode=OFF")  # nobody sees it before it is whole
        model.executescript((_FOLDER / "model.sql").read_text("utf-8"))
        model.execute("BEGIN")
        model.executemany("INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?)", items)
        model.executemany("INSERT INTO neighbours VALUES (?, ?, ?, ?, ?)", neighbours)
        about = msgspec.structs.asdict(trained) | {"trained_us": trained_us}
        model.executemany("INSERT INTO about VALUES (?, ?)", about.items())
        model.execute("COMMIT")
    finally:
        model.close()
    _sync(path)


def _rows(db: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[Any, ...]]:
    result = db.execute(sql)
    while rows := result.fetchmany(_FETCH):
        yield from rows


def _sections(text: str) -> dict[str, str]:
    """The statements of a .sql file by the names that their ``-- name:`` lines give."""
    found = {}
    for part in text.split("-- name: ")[1:]:
        name, _, statement = part.partition("\n")
        found[name.strip()] = statement
    return found


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
