"""Backfill: events a second that are folded from the lake into the memories of new definitions, beside the same events
processed live under the same definitions, in the same run. It must be at least as fast, or a change would never be done.

The definitions are 20 computed traits and 50 segments, all of them new; the lake is a Parquet file. Both make the same
values, which is checked. See docs/reference/benchmarks.md.

    python -m benchmarks.backfill [--people N] [--events N] [--segments N]
"""

from __future__ import annotations

import argparse
import gc
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TypeVar

import duckdb
import msgspec

from benchmarks.process import START_US, zipf_people
from benchmarks.segments import WEEK_US, Counting, Made, drive, lake_of, load, states
from tidings.clock import SECOND_US
from tidings.domain import profile
from tidings.lake.duck import open_duck
from tidings.process.backfill import Folding
from tidings.state.rocks import RocksState
from tidings.versions.backfill import Backfill
from tidings.workspace import Definitions

Result = TypeVar("Result")
_WRITE = """COPY (SELECT row_number() OVER () - 1 AS "offset", profile_id, event_id, kind, name,
    make_timestamptz(occurred_us) AS occurred_at, make_timestamptz(received_us) AS received_at, properties FROM rows)
  TO '{path}' (FORMAT parquet, COMPRESSION zstd)"""


def timed(work: Callable[[], Result]) -> tuple[Result, float, float]:
    """What it made, seconds of CPU, seconds."""
    gc.collect()
    gc.disable()
    cpu, wall = time.process_time(), time.perf_counter()
    made = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    gc.enable()
    return made, cpu, wall


def lake_file(lines: Path, folder: Path) -> duckdb.DuckDBPyConnection:
    """The same events as the lake has them, with the view that a backfill asks."""
    path = folder / "events.parquet"
    with closing(lake_of(lines, folder)) as made:
        made.execute(_WRITE.format(path=path))
    lake = open_duck(memory_mb=512, threads=2, spill=folder)
    lake.execute(f"CREATE VIEW events AS SELECT * FROM read_parquet('{path}')")
    return lake


def different(store: RocksState, folded: Path) -> tuple[int, int]:
    """How many people the two ways know other values of, compared as they are stored; of how many."""
    with closing(sqlite3.connect(folded)) as db:
        found = dict(db.execute("SELECT profile_id, vals FROM people"))
    wrong = people = 0
    for state in map(profile.decode, states(store)):
        values = state.values
        people += 1
        wrong += found.get(state.profile_id) != (
            msgspec.msgpack.encode(values) if any(one is not None for one in values) else None
        )
    return wrong, people


def compare(definitions: Definitions, people: list[int], gap_us: int, folder: Path) -> float:
    """Print both; how many times as fast as live the backfill is, by CPU."""
    store, lines = RocksState(folder / "state", WEEK_US), folder / "rows.ndjson"
    with lines.open("w") as rows:
        log = Made(people, START_US, gap_us, rows)
        driver, cpu, wall = timed(lambda: drive(definitions, log, store, Counting()))
    events, live = driver.offset, driver.offset / (cpu - log.made_s)
    print(f"live: {live:,.0f} events/s per core, {events / (wall - log.made_s):,.0f} events/s")
    keys = definitions.layout.keys()
    backfill = Backfill(folder / "backfill.db", Folding(definitions.layout, keys), keys, events)
    with closing(lake_file(lines, folder)) as lake:
        folded, cpu, wall = timed(lambda: backfill.run(lake))
    rate = folded / cpu
    print(f"backfill of {len(keys)} memories: {rate:,.0f} events/s per core, {folded / wall:,.0f} events/s")
    wrong, known = different(store, folder / "backfill.db")
    print(f"people of whom the two know other values: {wrong or 'none'}, of {known:,}")
    store.close()
    if wrong:
        sys.exit("the backfill made other values than processing did")
    return rate / live


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=50_000)
    parser.add_argument("--events", type=int, default=150_000)
    parser.add_argument("--segments", type=int, default=50)
    options = parser.parse_args()
    rng = random.Random(7)
    folder = Path(tempfile.mkdtemp(prefix="tidings-bench-"))
    gap_us = 60 * 86_400 * SECOND_US // options.events  # sixty days of them
    print(f"{options.events:,} events of {options.people:,} people over sixty days", flush=True)
    people = zipf_people(options.events, options.people, rng)
    ratio = compare(load(folder / "workspace", options.segments), people, gap_us, folder)
    print(f"backfill is {ratio:.1f} times as fast as live (wanted: at least 1)")
    shutil.rmtree(folder)
    if ratio < 1:
        sys.exit("the backfill is slower than processing")


if __name__ == "__main__":
    main()
