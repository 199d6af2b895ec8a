"""The Parquet lake on disk: layout, what a crash leaves over, joining small files, and asking it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.conformance.test_lake import DAY_US, followed, row
from tests.unit.outputs.stream import Stream
from tidings.errors import CorruptData, InputError
from tidings.lake.base import LakeCursor
from tidings.lake.duck import run
from tidings.lake.parquet import GRACE_US, JOIN_FILES, ParquetLake
from tidings.lake.query import connect
from tidings.outputs.memory import MemoryOutputs
from tidings.serving.db import open_writing
from tidings.serving.projector import Projector


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_writing(tmp_path / "serving.db")
    yield opened
    opened.close()


@pytest.fixture
def lake(tmp_path: Path, db: sqlite3.Connection) -> Iterator[ParquetLake]:
    made = ParquetLake(tmp_path / "lake", db)
    yield made
    made.close()


def present(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.glob("day=*/*"))


def test_a_file_is_named_by_its_day_and_its_blocks(lake: ParquetLake, tmp_path: Path) -> None:
    lake.append([row(0, 0), row(1, 1), row(2, 1)], LakeCursor(4, 3))
    lake.append([row(3, 1)], LakeCursor(5, 4))
    assert present(tmp_path / "lake") == [
        "day=1970-01-01/1-4.parquet",
        "day=1970-01-02/1-4.parquet",
        "day=1970-01-02/5-5.parquet",
    ]
    assert [tuple(file) for file in lake.files()][1] == ("day=1970-01-02/1-4.parquet", "1970-01-02", 2, 4)


def test_any_parquet_reader_sees_the_columns_and_utc_instants(lake: ParquetLake, tmp_path: Path) -> None:
    lake.append([row(7, 19_000)], LakeCursor(1, 8))
    plain = duckdb.connect()
    path = str(tmp_path / "lake" / lake.files()[0].path)
    columns = dict(row[:2] for row in run(plain, "DESCRIBE SELECT * FROM read_parquet($1)", [path]))
    assert columns["occurred_at"] == columns["received_at"] == "TIMESTAMP WITH TIME ZONE"
    assert (columns["offset"], columns["backfill"], columns["properties"]) == ("BIGINT", "BOOLEAN", "VARCHAR")
    assert run(plain, "SELECT epoch_us(occurred_at) FROM read_parquet($1)", [path]) == [(19_000 * DAY_US + 1,)]
    plain.close()


def test_what_a_crash_left_over_is_swept(lake: ParquetLake, tmp_path: Path) -> None:
    lake.append([row(0, 0)], LakeCursor(1, 1))
    (tmp_path / "lake/day=1970-01-01/2-9.parquet").write_bytes(b"not registered")
    (tmp_path / "lake/day=1999-01-01").mkdir()
    (tmp_path / "lake/day=1999-01-01/2-9.parquet").write_bytes(b"not registered")
    assert lake.sweep() == 2
    assert present(tmp_path / "lake") == ["day=1970-01-01/1-1.parquet"]
    assert not (tmp_path / "lake/day=1999-01-01").exists()
    assert len(list(lake.rows())) == 1


def test_a_registered_file_that_is_missing_is_named(lake: ParquetLake, tmp_path: Path) -> None:
    lake.append([row(0, 0)], LakeCursor(1, 1))
    (tmp_path / "lake/day=1970-01-01/1-1.parquet").unlink()
    with pytest.raises(CorruptData, match=r"1-1[.]parquet: registered"):
        lake.sweep()


def test_files_of_one_day_and_size_are_joined_and_removed_after_a_grace(lake: ParquetLake, tmp_path: Path) -> None:
    for seq in range(1, JOIN_FILES + 1):
        lake.append([row(seq, 0)], LakeCursor(seq, seq + 1))
    lake.append([row(50, 1)], LakeCursor(9, 51))
    assert lake.compact(1_000) == JOIN_FILES
    assert [file.path for file in lake.files()] == ["day=1970-01-01/1-8.parquet", "day=1970-01-02/9-9.parquet"]
    assert len(present(tmp_path / "lake")) == JOIN_FILES + 2  # readers that began before still find theirs
    lake.compact(1_000 + GRACE_US)
    assert present(tmp_path / "lake") == [file.path for file in lake.files()]
    assert [r.offset for r in lake.rows()] == [*range(1, 9), 50]


def test_many_small_appends_leave_few_files(lake: ParquetLake) -> None:
    for seq in range(1, 201):
        lake.append([row(seq * 3 + n, 0) for n in range(seq % 3 + 1)], LakeCursor(seq, seq * 3 + 3))
        lake.compact(seq * GRACE_US)
    assert len(lake.files()) < 3 * JOIN_FILES
    assert sum(file.rows for file in lake.files()) == len(list(lake.rows())) == 401


def test_a_joined_file_never_takes_the_name_of_a_registered_one(lake: ParquetLake) -> None:
    """A file joined before may span blocks of one that was not: their join would have its name."""
    lake.append([row(0, 0)], LakeCursor(1, 1))
    lake.append([row(n, 0) for n in range(1, 30)], LakeCursor(2, 30))  # another size class
    for seq in range(3, 10):
        lake.append([row(seq + 100, 0)], LakeCursor(seq, seq + 101))
    assert lake.compact(0) == JOIN_FILES
    assert {file.path for file in lake.files()} == {"day=1970-01-01/1-9.parquet", "day=1970-01-01/2-2.parquet"}
    spanning = lake._joined(lake.files())
    assert spanning.path == "day=1970-01-01/1-9.2.parquet"
    lake._join(lake.files(), 0)
    assert len(list(lake.rows())) == 37


def test_the_view_gives_each_event_to_the_person_who_survived(tmp_path: Path, db: sqlite3.Connection) -> None:
    stream = Stream(seed=5, events=900)
    outputs = MemoryOutputs()
    outputs.append(stream.blocks)
    projector = Projector(tmp_path / "serving.db", stream.log, outputs)
    while projector.step():
        pass
    projector.close()
    lake = ParquetLake(tmp_path / "lake", db)
    followed(lake, stream, 200)
    lake.close()
    asked = connect(tmp_path)
    found = dict(run(asked, 'SELECT "offset", profile FROM events'))
    assert found == {offset: stream.final(who) for offset, who in stream.applied.items()}
    assert len(stream.survivor) > 3
    assert run(asked, "SELECT COUNT(*) FROM merges") == [(len(stream.survivor),)]
    asked.close()


def test_chains_and_even_circles_of_merges_end(tmp_path: Path, db: sqlite3.Connection, lake: ParquetLake) -> None:
    lake.append([row(0)], LakeCursor(1, 1))
    db.executemany("INSERT INTO merges VALUES (?, ?, 1, 1, '')", [("p1", "p2"), ("p2", "p3"), ("x", "y"), ("y", "x")])
    asked = connect(tmp_path)
    assert run(asked, "SELECT profile, profile_id FROM events") == [("p3", "p1")]
    asked.close()


def test_an_empty_lake_answers_with_no_rows_and_the_same_columns(tmp_path: Path, lake: ParquetLake) -> None:
    empty = connect(tmp_path)
    assert run(empty, "SELECT COUNT(*) FROM events") == [(0,)]
    columns = run(empty, "DESCRIBE events")
    empty.close()
    lake.append([row(0)], LakeCursor(1, 1))
    full = connect(tmp_path)
    assert run(full, "DESCRIBE events") == columns
    assert run(full, "SELECT day::VARCHAR FROM events") == [("2022-01-08",)]
    full.close()


def test_a_data_folder_with_odd_characters_works(tmp_path: Path) -> None:
    odd = tmp_path / "it's a [lake] *?"
    opened = open_writing(odd / "serving.db")
    lake = ParquetLake(odd / "lake", opened)
    lake.append([row(0), row(1)], LakeCursor(1, 2))
    assert len(list(lake.rows())) == 2
    asked = connect(odd)
    assert run(asked, "SELECT COUNT(*) FROM events") == [(2,)]
    asked.close()
    lake.close()
    opened.close()


def test_asking_before_there_is_anything_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no serving copy yet"):
        connect(tmp_path)


def test_the_lake_never_looks_for_extensions_on_the_network(tmp_path: Path, lake: ParquetLake) -> None:
    asked = connect(tmp_path)
    settings = dict(run(asked, "SELECT name, value FROM duckdb_settings() WHERE name LIKE 'auto%extensions'"))
    assert set(settings.values()) == {"false"}
    asked.close()
