"""Backtests: events a second of history from a lake, beside the same events processed live (durable state, all definitions) in the
same run, and most resident memory of histories once, twice and four times as long. See docs/reference/benchmarks.md.

    python -m benchmarks.backtest [--people N] [--events N]
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from benchmarks.process import START_US, WORKSPACE, _Forgetful, blocks_of, drive, zipf_people
from tidings import workspace
from tidings.backtest.lake import LakeHistory
from tidings.backtest.run import Asked, Backtest
from tidings.backtest.tally import Bought
from tidings.backtest.version import Version
from tidings.clock import DAY_US
from tidings.domain import wire
from tidings.domain.event import Event
from tidings.domain.record import LogBlock
from tidings.hosts.simulator import MemorySink
from tidings.ids import profile_id
from tidings.lake.base import LakeCursor, LakeRow, row_of
from tidings.lake.parquet import ParquetLake
from tidings.serving.db import open_writing
from tidings.state.rocks import RocksState

VISIT = 10
"""Events of one person, one after the other: a visit of some minutes."""
WANTED = 5
"""So many times as fast as live, at least."""
BOUGHT = Bought(names=frozenset({"Order Completed"}), within_us=2 * DAY_US, revenue="revenue")
GROWTH = (1, 2, 4)
MAX_GROWTH = 1.25
"""Four times the history may take so much of the memory of once, at most."""
JOURNEYS = {
    "by event": "journey: by_event\nentry: {event: Product Added}\nsteps:\n"
    "  - id: left\n    wait_until: {event: Order Completed, timeout: 5m, restart_on: Product Added, on_event: exit}\n"
    "  - id: remind\n    send: {template: abandoned_cart, category: marketing}\n",
    "by segment": "journey: by_segment\nentry: {segment: high_value}\nreentry: once\nsteps:\n"
    "  - id: thank\n    send: {template: abandoned_cart, category: marketing}\n",
}


def rows(blocks: list[LogBlock]) -> Iterator[LakeRow]:
    """The rows that the lake would have of these events."""
    for block in blocks:
        for index, record in enumerate(block.records):
            event = wire.normalise(record, block.first_offset + index, block.taken_us)
            assert isinstance(event, Event)
            kind, value = ("user_id", event.user_id) if event.user_id else ("anonymous_id", event.anonymous_id)
            yield row_of(event, profile_id(kind, value))


def data_directory(folder: Path, blocks: list[LogBlock]) -> Path:
    """A data directory whose lake has these events."""
    folder.mkdir()
    with closing(open_writing(folder / "serving.db")) as register:
        lake = ParquetLake(folder / "lake", register)
        lake.append(rows(blocks), LakeCursor(1, sum(len(block.records) for block in blocks)))
        lake.close()
    return folder


def most_resident_mb() -> float:
    """Of this process since it is this program; what `getrusage` tells begins with its parent's."""
    (line,) = (one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def rehearse(data: Path, draft: Path) -> dict[str, float]:
    """One backtest: events, messages, seconds of CPU and by the clock, most resident MB."""
    definitions = workspace.load(WORKSPACE, drafts=[draft])
    name = draft.stem
    wall, cpu = time.perf_counter(), time.process_time()
    with closing(LakeHistory(data)) as history:
        late = history.span().late > 0
        version = Version(
            "draft", definitions, [name], BOUGHT, assume_consent=["marketing"], assume_address=True, late=late
        )
        found = Backtest(history, [version], Asked(from_us=0, to_us=0, bought=BOUGHT)).run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    memory_mb = most_resident_mb()
    messages = float(found.versions[0].messages)
    return {"events": found.events, "messages": messages, "cpu_s": cpu, "wall_s": wall, "memory_mb": memory_mb}


def in_its_own_process(data: Path, draft: Path) -> dict[str, float]:
    """The same, so that memory is that of the backtest alone."""
    command = [sys.executable, "-m", "benchmarks.backtest", "--child", str(data), str(draft)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def live(blocks: list[LogBlock], folder: Path) -> float:
    """Events a second and core of the live path, with durable state and all definitions."""
    store, sink = RocksState(folder / "state", 7 * DAY_US), MemorySink(keep_outcomes=False)
    sink.facts = _Forgetful()
    _, cpu, _ = drive(blocks, store, sink, 0)
    store.close()
    return sum(len(block.records) for block in blocks) / cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--child", nargs=2, type=Path)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(rehearse(*options.child)))
        return
    folder = Path(tempfile.mkdtemp(prefix="tidings-bench-"))
    try:
        compare(options.people, options.events, folder)
    finally:
        shutil.rmtree(folder)


def compare(people: int, events: int, folder: Path) -> None:
    drafts = {}
    for name, text in JOURNEYS.items():
        drafts[name] = folder / f"{name.replace(' ', '_')}.yml"
        drafts[name].write_text(text, "utf-8")
    rng = random.Random(7)
    most = [one for one in zipf_people(events * GROWTH[-1] // VISIT, people, rng) for _ in range(VISIT)]
    blocks = blocks_of(most, rng, 0, 100, START_US, 60 * DAY_US // (events * GROWTH[-1]))
    places = {times: data_directory(folder / f"data{times}", blocks[: events * times // 100]) for times in GROWTH}
    rate = live(blocks, folder)
    print(f"live: {rate:,.0f} events/s per core, {events * GROWTH[-1]:,} events of {people:,} people", flush=True)
    ratios = {}
    for name, draft in drafts.items():
        found = in_its_own_process(places[GROWTH[-1]], draft)
        ratios[name] = found["events"] / found["cpu_s"] / rate
        print(
            f"backtest of a journey {name}: {found['events'] / found['cpu_s']:,.0f} events/s per core, "
            f"{found['events'] / found['wall_s']:,.0f} events/s, {found['messages']:,.0f} messages; {ratios[name]:.1f} times live"
        )
    sizes = [in_its_own_process(places[times], drafts["by event"])["memory_mb"] for times in GROWTH]
    print(
        "most resident: " + ", ".join(f"{size:,.0f} MB at {times}x" for times, size in zip(GROWTH, sizes, strict=True))
    )
    if ratios["by event"] < WANTED:
        sys.exit(f"the backtest is {ratios['by event']:.1f} times as fast as live; wanted: at least {WANTED}")
    if sizes[-1] > MAX_GROWTH * sizes[0]:
        sys.exit(f"memory grows with the length of history: {sizes}")


if __name__ == "__main__":
    main()
