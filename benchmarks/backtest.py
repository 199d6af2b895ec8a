"""Backtests: events a second of history from a lake, in one process and in as many as there are cores, beside the same events
processed live (one process, durable state, all definitions) in the same run; and most resident memory of histories once, twice
and four times as long, of the same people. See docs/reference/benchmarks.md.

    python -m benchmarks.backtest [--people N] [--events N] [--workers N]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from benchmarks.process import BUSY, START_US, WORKSPACE, Mix, _Forgetful, blocks_of, drive, zipf_people
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
SHOP, BUSY_SHOP = "a shop's", "a busy"
MIXES: dict[str, Mix] = {SHOP: (0.94, 0.97, 0.98), BUSY_SHOP: BUSY}
"""A shop's: as RetailRocket published of its own (97 % looks, 2.5 % carts, 0.8 % orders); a busy one: as `process` has it."""
GROWTH = (1, 2, 4)
GROWN_PEOPLE = 10
"""Visits for each person in the shortest of those histories: nearly everybody has been there, so that only history grows."""
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


def versions(draft: Path, *, late: bool) -> list[Version]:
    """What is rehearsed."""
    definitions = workspace.load(WORKSPACE, drafts=[draft])
    return [
        Version(
            "draft", definitions, [draft.stem], BOUGHT, assume_consent=["marketing"], assume_address=True, late=late
        )
    ]


def rehearse(data: Path, draft: Path, workers: int = 1) -> dict[str, float]:
    """One backtest: events, messages, seconds of CPU of the busiest process (about) and by the clock, most resident MB."""
    wall, cpu = time.perf_counter(), time.process_time()
    with closing(LakeHistory(data)) as history:
        make = partial(versions, draft, late=history.span().late > 0)
        asked = Asked(from_us=0, to_us=0, bought=BOUGHT)
        found = Backtest(history, make(), asked, workers=workers, elsewhere=make).run()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    children = resource.getrusage(
        resource.RUSAGE_CHILDREN
    )  # they have equal shares, and work after this process or while it waits
    cpu += (children.ru_utime + children.ru_stime) / workers
    memory_mb = most_resident_mb()
    messages = float(found.versions[0].messages)
    return {"events": found.events, "messages": messages, "cpu_s": cpu, "wall_s": wall, "memory_mb": memory_mb}


def in_its_own_process(data: Path, draft: Path, workers: int = 1) -> dict[str, float]:
    """The same, so that memory is that of the backtest alone."""
    command = [sys.executable, "-m", "benchmarks.backtest", "--child", str(data), str(draft), str(workers)]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def live(blocks: list[LogBlock], folder: Path) -> float:
    """Events a second and core of the live path, with durable state and all definitions."""
    store, sink = RocksState(folder, 7 * DAY_US), MemorySink(keep_outcomes=False)
    sink.facts = _Forgetful()
    _, cpu, _ = drive(blocks, store, sink, 0)
    store.close()
    return sum(len(block.records) for block in blocks) / cpu


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=20_000)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--child", nargs=3)
    options = parser.parse_args()
    if options.child:
        data, draft, workers = options.child
        print(json.dumps(rehearse(Path(data), Path(draft), int(workers))))
        return
    folder = Path(tempfile.mkdtemp(prefix="tidings-bench-"))
    try:
        compare(options.people, options.events, options.workers, folder)
    finally:
        shutil.rmtree(folder)


def compare(people: int, events: int, workers: int, folder: Path) -> None:
    drafts = {}
    for name, text in JOURNEYS.items():
        drafts[name] = folder / f"{name.replace(' ', '_')}.yml"
        drafts[name].write_text(text, "utf-8")
    ratios = [
        ratio for mix in MIXES for ratio in beside_live(mix, people, events * GROWTH[-1], workers, drafts, folder)
    ]
    sizes = []
    for times in GROWTH:
        data = data_directory(folder / f"data{times}", made(SHOP, events // VISIT // GROWN_PEOPLE, events * times))
        sizes.append(in_its_own_process(data, drafts["by event"])["memory_mb"])
    print(
        "most resident: " + ", ".join(f"{size:,.0f} MB at {times}x" for times, size in zip(GROWTH, sizes, strict=True))
    )
    if min(ratios) < WANTED:
        sys.exit(f"the slowest backtest is {min(ratios):.1f} times as fast as live; wanted: at least {WANTED}")
    if sizes[-1] > MAX_GROWTH * sizes[0]:
        sys.exit(f"memory grows with the length of history: {sizes}")


def made(mix: str, people: int, events: int) -> list[LogBlock]:
    """Visits of people over sixty days."""
    rng = random.Random(7)
    most = [one for one in zipf_people(events // VISIT, people, rng) for _ in range(VISIT)]
    return blocks_of(most, rng, 0, 100, START_US, 60 * DAY_US // events, MIXES[mix])


def beside_live(
    mix: str, people: int, events: int, workers: int, drafts: dict[str, Path], folder: Path
) -> Iterator[float]:
    """How many times as fast as live each journey is with all workers, by CPU time; prints that and what one core does."""
    blocks = made(mix, people, events)
    data = data_directory(folder / f"{mix.rsplit(maxsplit=1)[-1]}-mix", blocks)
    rate = live(blocks, folder / f"{mix.rsplit(maxsplit=1)[-1]}-state")
    del blocks
    print(f"{mix} mix, {events:,} events of {people:,} people: live {rate:,.0f} events/s on one core", flush=True)
    for name, draft in drafts.items():
        alone, shared = (in_its_own_process(data, draft, count) for count in (1, workers))
        assert alone["messages"] == shared["messages"]
        own, cores = alone["events"] / alone["cpu_s"], shared["events"] / shared["cpu_s"]
        print(
            f"  backtest of a journey {name}: {own:,.0f} events/s on one core ({own / rate:.1f} times live), {cores:,.0f} on "
            f"{workers} ({cores / rate:.1f} times live; by the clock, with whatever else ran: "
            f"{shared['events'] / shared['wall_s']:,.0f} events/s); {alone['messages']:,.0f} messages",
            flush=True,
        )
        yield cores / rate


if __name__ == "__main__":
    main()
