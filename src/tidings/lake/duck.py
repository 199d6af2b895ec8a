"""Opening DuckDB the way the lake wants it: bounded, in UTC, and never on the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb


def open_duck(*, memory_mb: int = 1_024, threads: int = 1, spill: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An empty in-memory database. Above `memory_mb` it writes to the folder `spill`, if there is one."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",  # or an unknown function would make it look for one on the web
        "autoload_known_extensions": "false",
        "memory_limit": f"{memory_mb}MB",
        "threads": str(threads),
        "temp_directory": str(spill) if spill else "",
    }
    db = duckdb.connect(":memory:", config=config)
    run(db, "SET TimeZone = 'UTC'")
    run(db, "SET enable_progress_bar = false")  # else in a process that it takes for a prompt it draws one
    return db


def run(db: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """Run one statement to its end and give all its rows (for statements that give few)."""
    return db.execute(sql, list(parameters)).fetchall()


def text(value: str) -> str:
    """A text literal, for the places where DuckDB takes no parameter (views)."""
    return "'" + value.replace("'", "''") + "'"
