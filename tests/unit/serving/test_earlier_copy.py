"""A serving copy that an earlier release made gets the columns that it lacks, once, whoever opens it first."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from tidings.serving.db import open_writing

EARLIER = """CREATE TABLE runs (run_id TEXT PRIMARY KEY, journey TEXT NOT NULL, version TEXT NOT NULL, profile_id TEXT NOT NULL,
  step TEXT NOT NULL, state TEXT NOT NULL, outcome TEXT NOT NULL, started_us INTEGER NOT NULL, known_us INTEGER NOT NULL,
  updated_us INTEGER NOT NULL) WITHOUT ROWID"""


def test_columns_that_came_later_are_added_and_rows_stay(tmp_path: Path) -> None:
    path = tmp_path / "serving.db"
    db = sqlite3.connect(path)
    db.execute(EARLIER)
    db.execute("INSERT INTO runs VALUES ('r', 'j', 'v', 'p', 's', 'active', '', 1, 2, 3)")
    db.commit()
    db.close()

    for _ in range(2):
        opened = open_writing(path)
        row = opened.execute("SELECT run_id, updated_us, cause, ended_by FROM runs").fetchone()
        opened.close()

        assert row == ("r", 3, "", "")
