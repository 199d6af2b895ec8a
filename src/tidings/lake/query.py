"""Asking the lake: a DuckDB connection with a view `events` over the registered files.

Used by the command line, training, measuring and tests. Columns of `events`: ``offset, event_id, kind, name,
profile_id, user_id, anonymous_id, source, occurred_at, received_at, backfill, properties, traits, context, day`` and
``profile``, the profile that survives after all merges known to the serving copy. (`offset` is a word of SQL: write
it in double quotes.) ``merges`` has ``absorbed, survivor, occurred_us, known_us``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import duckdb

from tidings.errors import InputError
from tidings.lake.duck import open_duck, run, text

_CHUNK = 10_000
_TABLES = """CREATE TABLE merges (absorbed VARCHAR, survivor VARCHAR, occurred_us BIGINT, known_us BIGINT)"""
_ADD_MERGES = """INSERT INTO merges SELECT unnest($1::VARCHAR[]), unnest($2::VARCHAR[]), unnest($3::BIGINT[]),
  unnest($4::BIGINT[])"""
# UNION, not UNION ALL: it ends even if the merges went in a circle.
_SURVIVORS = """CREATE TABLE survivors AS
  WITH RECURSIVE chain (absorbed, survivor) AS (
    SELECT absorbed, survivor FROM merges
    UNION SELECT chain.absorbed, merges.survivor FROM chain JOIN merges ON merges.absorbed = chain.survivor)
  SELECT absorbed, survivor FROM chain ANTI JOIN merges ON merges.absorbed = chain.survivor"""
_EVENTS = """CREATE VIEW events AS
  SELECT stored.*, COALESCE(survivors.survivor, stored.profile_id) AS profile
  FROM {stored} AS stored LEFT JOIN survivors ON survivors.absorbed = stored.profile_id"""
_STORED = "read_parquet([{paths}], hive_partitioning = true, hive_types = {{'day': DATE}})"
_NOTHING = """(SELECT NULL::BIGINT AS "offset", NULL::VARCHAR AS event_id, NULL::VARCHAR AS kind, NULL::VARCHAR AS name,
  NULL::VARCHAR AS profile_id, NULL::VARCHAR AS user_id, NULL::VARCHAR AS anonymous_id, NULL::VARCHAR AS source,
  NULL::TIMESTAMPTZ AS occurred_at, NULL::TIMESTAMPTZ AS received_at, NULL::BOOLEAN AS backfill,
  NULL::VARCHAR AS properties, NULL::VARCHAR AS traits, NULL::VARCHAR AS context, NULL::DATE AS day WHERE false)"""


def connect(
    data_dir: Path,
    *,
    memory_mb: int = 1_024,
    threads: int = 2,
    spill: Path | None = None,
    known_us: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """A connection that sees the lake of `data_dir` as it is registered now. Close it soon: files are joined later.

    With `known_us`, people are one only if that was known by then. Above `memory_mb` it writes to the folder `spill`, if there is one; else a question too large fails. Raises InputError when there is no serving copy yet.
    """
    files, merges = _read_register(data_dir / "serving.db")
    if known_us is not None:
        merges = [merge for merge in merges if merge[3] <= known_us]
    db = open_duck(memory_mb=memory_mb, threads=threads, spill=spill)
    run(db, _TABLES)
    for chunk in _chunks(merges):
        run(db, _ADD_MERGES, [list(column) for column in zip(*chunk, strict=True)])
    run(db, _SURVIVORS)
    paths = ", ".join(text(str(data_dir / "lake" / path)) for path in files)
    run(db, _EVENTS.format(stored=_STORED.format(paths=paths) if files else _NOTHING))
    return db


def _read_register(path: Path) -> tuple[list[str], list[tuple[str, str, int, int]]]:
    if not path.exists():
        msg = f"{path}: no serving copy yet; start `tidings serve` on this data directory first"
        raise InputError(msg)
    register = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30.0)
    try:
        register.execute("BEGIN")  # files and merges of the same instant
        files = [row[0] for row in register.execute("SELECT path FROM lake_files ORDER BY path")]
        merges = register.execute("SELECT absorbed, survivor, occurred_us, known_us FROM merges").fetchall()
    finally:
        register.close()
    return files, merges


def _chunks(rows: Iterable[tuple[str, str, int, int]]) -> Iterator[list[tuple[str, str, int, int]]]:
    iterator = iter(rows)
    while chunk := list(islice(iterator, _CHUNK)):
        yield chunk
