"""A condition's SQL asks the real lake: Parquet files under a connection of `lake.query`."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec

from tests.conformance.test_lake import DAY_US, row
from tests.unit.rules.build import build
from tidings.domain.sql import LAKE, Query
from tidings.lake.base import LakeCursor
from tidings.lake.duck import run
from tidings.lake.parquet import ParquetLake
from tidings.lake.query import connect
from tidings.serving.db import open_writing


def test_the_members_are_found_in_the_files_as_of_an_instant(tmp_path: Path) -> None:
    with (
        closing(open_writing(tmp_path / "serving.db")) as register,
        closing(ParquetLake(tmp_path / "lake", register)) as lake,
    ):
        rows = [msgspec.structs.replace(row(day, day), profile_id=f"p{day}", name="Order") for day in range(1, 6)]
        lake.append(rows, LakeCursor(1, 6))
    condition, _ = build({"did": {"event": "Order", "within": "2d"}})
    with closing(connect(tmp_path)) as db:
        for day, members in ((2, ["p1", "p2"]), (5, ["p4", "p5"])):
            query = Query(day * DAY_US + DAY_US // 2, 10 * DAY_US)
            asked = f"SELECT * FROM ({condition.sql(query)}) ORDER BY profile_id"
            assert [one for (one,) in run(db, query.statement(LAKE, asked))] == members
        unknown = Query(5 * DAY_US, 0)
        assert run(db, unknown.statement(LAKE, condition.sql(unknown))) == []
