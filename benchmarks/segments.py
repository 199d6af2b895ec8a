"""Segments: what 20 computed traits and 10, 50 and 200 segments cost per event, what the passing of time costs, and what the
way of others costs, which is to ask for everybody again once a minute.

Three of five segments have a time window. The same events go through the production core (durable state in RocksDB) and
into a lake in DuckDB, where the segments' own SQL recomputes all members. See docs/reference/benchmarks.md.

    python -m benchmarks.segments [--people N] [--events N] [--segments 10 50 200]
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import duckdb
import msgspec

from benchmarks.process import START_US, GeneratedLog, zipf_people
from tidings import workspace
from tidings.clock import HOUR_US, SECOND_US, iso
from tidings.domain import profile
from tidings.domain.record import LogBlock, LogRecord
from tidings.domain.sql import Query
from tidings.hosts.drive import Driver
from tidings.hosts.simulator import MemorySink
from tidings.ids import profile_id
from tidings.lake.duck import open_duck
from tidings.pipeline import Pipeline
from tidings.process.segment import Segments
from tidings.rules.compile import walked
from tidings.state.base import moved_to
from tidings.state.rocks import RocksState

WEEK_US = 7 * 86_400 * SECOND_US
CATEGORIES = ("home", "garden", "kitchen", "toys", "paper", "light")
MIX = (
    ("Product Viewed", 0.55),
    ("Product List Viewed", 0.12),
    ("Products Searched", 0.06),
    ("Product Added", 0.09),
    ("Checkout Started", 0.04),
    ("Order Completed", 0.04),
    ("Coupon Applied", 0.02),
    ("Email Opened", 0.05),
    ("Email Link Clicked", 0.02),
    ("Product Reviewed", 0.01),
)

TRAITS = """\
revenue: {sum: {event: Order Completed, property: revenue}}
orders: {distinct: {event: Order Completed, property: order_id}}
first_order: {first: {event: Order Completed}}
last_order: {last: {event: Order Completed}}
average_order: {average: {event: Order Completed, property: revenue}}
largest_order: {maximum: {event: Order Completed, property: revenue}}
smallest_order: {minimum: {event: Order Completed, property: revenue}}
views: {count: {event: Product Viewed}}
products_viewed: {distinct: {event: Product Viewed, property: product_id}}
last_viewed: {last: {event: Product Viewed, property: product_id}}
favourite_category: {top: {event: Product Viewed, property: category}}
searches: {count: {event: Products Searched}}
last_search: {last: {event: Products Searched, property: query}}
coupons: {count: {event: Coupon Applied}}
reviews: {count: {event: Product Reviewed}}
last_review: {last: {event: Product Reviewed}}
opens: {count: {event: Email Opened}}
clicks: {count: {event: Email Link Clicked}}
checkouts: {count: {event: Checkout Started}}
last_seen: {last: {event: [Product Viewed, Product List Viewed, Products Searched]}}
"""


def windowed(n: int) -> Iterator[str]:
    """Rules with a time window; `n` varies their numbers."""
    days = (1, 3, 7, 14, 30, 60, 90)[n % 7]
    yield f"{{did: {{event: Product Viewed, at_least: {3 + n}, within: {days}d}}}}"
    yield (
        f"{{all: [{{did: {{event: Order Completed}}}}, {{did_not: {{event: Order Completed, within: {days + 30}d}}}}]}}"
    )
    yield f"{{did: {{event: Product Added, where: {{price: {{at_least: {10 + 5 * n}}}}}, within: {days}d}}}}"
    yield f"{{sum: {{event: Order Completed, property: revenue, within: {days + 30}d, at_least: {100 + 50 * n}}}}}"
    yield f"{{all: [{{did: {{event: Checkout Started, within: {days}d}}}}, {{did_not: {{event: Order Completed, within: {days}d}}}}]}}"
    yield f"{{did: {{event: Products Searched, at_least: {2 + n % 3}, within: {days}d}}}}"
    yield f"{{last: {{event: Order Completed, older_than: {days + 60}d}}}}"
    yield f"{{did: {{event: Email Opened, at_least: {1 + n % 4}, within: {days}d}}}}"
    yield (
        f"{{all: [{{did: {{event: Product Viewed, where: {{category: {CATEGORIES[n % 6]}}}, at_least: 2, within: {days}d}}}},"
        f" {{did_not: {{event: Product Added, within: {days}d}}}}]}}"
    )


def timeless(n: int) -> Iterator[str]:
    """Rules that only events change."""
    yield f"{{trait: revenue, at_least: {200 + 100 * n}}}"
    yield f"{{trait: orders, between: [{1 + n}, {2 + 2 * n}]}}"
    yield f"{{trait: favourite_category, equals: {CATEGORIES[n % 6]}}}"
    yield f"{{any: [{{trait: coupons, at_least: {1 + n}}}, {{trait: largest_order, at_least: {300 + 20 * n}}}]}}"
    yield f"{{did: {{event: Order Completed, exactly: {1 + n}}}}}"
    yield f"{{all: [{{trait: reviews, at_least: 1}}, {{not: {{trait: clicks, at_least: {1 + n}}}}}]}}"


def rules(count: int) -> list[str]:
    """`count` rules, three of five with a window."""
    with_window = itertools.chain.from_iterable(map(windowed, itertools.count()))
    without = itertools.chain.from_iterable(map(timeless, itertools.count()))
    return [next(with_window if index % 5 in (0, 2, 4) else without) for index in range(count)]


def load(folder: Path, count: int) -> workspace.Definitions:
    folder.mkdir(exist_ok=True)
    (folder / "traits.yml").write_text(TRAITS)
    (folder / "segments.yml").write_text("".join(f"s{n:03}: {{rule: {rule}}}\n" for n, rule in enumerate(rules(count))))
    return workspace.load(folder)


def as_trees(definitions: workspace.Definitions) -> workspace.Definitions:
    """The same definitions, with rules that are walked."""
    segments = [msgspec.structs.replace(one, judge=walked(one.rule)) for one in definitions.segments.all()]
    return msgspec.structs.replace(definitions, segments=Segments(segments))


def body(rng: random.Random, person: int, n: int, at_us: int) -> bytes:
    kind, name = rng.random(), ""
    for name, share in MIX:  # noqa: B007
        kind -= share
        if kind < 0:
            break
    properties: dict[str, Any] = {
        "product_id": f"P{int(rng.paretovariate(0.8)) % 5_000}",
        "price": rng.randrange(100, 9_999) / 100,
        "category": rng.choice(CATEGORIES),
    }
    if name == "Order Completed":
        properties |= {"order_id": f"O{n}", "revenue": rng.randrange(500, 50_000) / 100}
    elif name == "Products Searched":
        properties = {"query": f"q{rng.randrange(500)}"}
    event = {
        "messageId": f"bench-{n:012d}-{rng.getrandbits(64):016x}",
        "userId": f"user-{person}",
        "timestamp": iso(at_us),
        "type": "track",
        "event": name,
        "properties": properties,
        "context": {"page": {"url": "https://shop.example/", "title": "Shop"}, "locale": "en-GB"},
    }
    return json.dumps(event, separators=(",", ":")).encode()


def blocks_of(people: list[int], start_us: int, gap_us: int, first: int = 0) -> Iterator[LogBlock]:
    """Blocks of 100 events, `gap_us` from event to event; the same however often they are made."""
    for at in range(first, len(people), 100):
        rng, taken_us = random.Random(at), start_us + (at + 100) * gap_us
        part = enumerate(people[at : at + 100])
        records = [LogRecord("web", "", 0, body(rng, one, at + i, start_us + (at + i) * gap_us)) for i, one in part]
        yield LogBlock(at, taken_us, records)


class Made(GeneratedLog):
    """A log whose blocks are made as they are read, in order: ten million of its records are more than memory holds."""

    def __init__(self, people: list[int], start_us: int, gap_us: int, rows: TextIO) -> None:
        """`rows` takes a line of the lake for each event."""
        self._blocks_ahead = blocks_of(people, start_us, gap_us)
        self._head = len(people)
        self._read: list[LogBlock] = []
        self._rows = rows
        self.made_s = 0.0
        """CPU that making them took."""
        self.last_us = start_us + (len(people) + 99) // 100 * 100 * gap_us

    def read(self, offset: int, limit: int) -> list[LogBlock]:
        cpu = time.process_time()
        self._read = [one for one in self._read if one.first_offset >= offset]
        while sum(len(one.records) for one in self._read) < limit and (block := next(self._blocks_ahead, None)):
            self._read.append(block)
            self._rows.writelines(map(row_of, block.records, itertools.repeat(block.taken_us)))
        found, count = [], 0
        for one in self._read:
            if count < limit:
                found.append(one)
                count += len(one.records)
        self.made_s += time.process_time() - cpu
        return found


def row_of(record: LogRecord, taken_us: int) -> str:
    """An event as a line of a table of the lake's shape."""
    event = json.loads(record.body)
    row = {
        "profile_id": profile_id("user_id", event["userId"]),
        "event_id": event["messageId"],
        "kind": "track",
        "name": event["event"],
        "occurred": event["timestamp"],
        "received_us": taken_us,
        "properties": json.dumps(event["properties"]),
    }
    return json.dumps(row) + "\n"


class Counting(MemorySink):
    """Counts facts, and keeps nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.changes = 0

    def put(self, block: Any, intents: Any) -> None:  # noqa: ARG002 - the port's arguments
        self.changes += len(block.facts)
        self._seq = block.seq


def drive(definitions: workspace.Definitions, log: Any, store: RocksState, sink: Counting) -> Driver:
    driver = Driver(Pipeline(definitions), log, store, sink, max_batch=5_000)
    while driver.run_batch():
        while driver.fire(driver.complete_us):
            pass
    return driver


def measure(definitions: workspace.Definitions, blocks: list[LogBlock], folder: Path) -> float:
    """Events per second of CPU."""
    store = RocksState(folder, WEEK_US)
    gc.collect()
    gc.disable()
    cpu = time.process_time()
    drive(definitions, GeneratedLog(blocks), store, Counting())
    cpu = time.process_time() - cpu
    gc.enable()
    store.close()
    shutil.rmtree(folder)
    return sum(len(block.records) for block in blocks) / cpu


def compare_sizes(sizes: list[int], blocks: list[LogBlock], folder: Path) -> None:
    """Events/s per core by number of segments, and the same with rules walked as trees; in turn, the best of two rounds."""
    found: dict[tuple[int, str], float] = {}
    for _ in range(2):
        for size in sizes:
            definitions = load(folder / "workspace", size)
            for way, used in (("compiled", definitions), ("walked", as_trees(definitions))):
                rate = measure(used, blocks, folder / "state")
                found[size, way] = max(rate, found.get((size, way), 0))
    for size in sizes:
        compiled, tree = found[size, "compiled"], found[size, "walked"]
        print(
            f"{size:4} segments: {compiled:8,.0f} events/s per core ({1e6 / compiled:5.1f} us an event);"
            f" walking the rules as trees {tree:8,.0f}, so compiled is {compiled / tree:.2f} times as fast"
        )
    few, many = found[sizes[0], "compiled"], found[sizes[-1], "compiled"]
    print(f"{sizes[-1] // sizes[0]} times as many segments cost {few / many:.1f} times as much per event")


def lake_of(lines: Path, folder: Path) -> duckdb.DuckDBPyConnection:
    """The same events as a table of the lake's shape."""
    db = open_duck(memory_mb=8_192, threads=2, spill=folder)
    db.execute(
        "CREATE TABLE rows AS SELECT profile_id, event_id, kind, name, epoch_us(occurred::TIMESTAMPTZ) AS occurred_us,"
        " received_us, properties, '{}' AS traits, '{}' AS context"
        f" FROM read_json('{lines}', format = 'newline_delimited', columns = {{profile_id: 'VARCHAR', event_id: 'VARCHAR',"
        " kind: 'VARCHAR', name: 'VARCHAR', occurred: 'VARCHAR', received_us: 'BIGINT', properties: 'VARCHAR'})"
    )
    return db


def recompute(definitions: workspace.Definitions, db: duckdb.DuckDBPyConnection, at_us: int) -> dict[str, int]:
    """All members of all segments, asked of the whole history; how many each has."""
    query = Query(at_us=at_us, known_us=at_us)
    counts = {}
    for one in definitions.segments.all():
        asked = f"SELECT count(*) FROM ({one.rule.sql(query)})"
        counts[one.name] = db.execute(query.statement("rows", asked)).fetchall()[0][0]
    return counts


def report(people: list[int], everybody: int, gap_us: int, size: int, folder: Path) -> None:
    """Size of a person's state; a quiet hour; freshness and CPU against full recomputation."""
    definitions = load(folder / "workspace", size)
    store, sink, lines = RocksState(folder / "state", WEEK_US), Counting(), folder / "rows.ndjson"
    with lines.open("w") as rows:
        log = Made(people, START_US, gap_us, rows)
        cpu = time.process_time()
        driver = drive(definitions, log, store, sink)
        per_event_s = (time.process_time() - cpu - log.made_s) / driver.offset
    print(f"{size} segments, {driver.offset:,} events: {1 / per_event_s:,.0f} events/s per core", flush=True)
    sizes = sorted(map(len, states(store)))
    print(
        f"state of a person: median {statistics.median(sizes):,.0f} bytes, p99 {sizes[int(len(sizes) * 0.99)]:,},"
        f" largest {sizes[-1]:,}; {len(sizes):,} people of {everybody:,} did anything"
    )
    now_us = log.last_us
    wakes, changes, cpu = 0, sink.changes, time.process_time()
    while woken := driver.fire(now_us + HOUR_US):
        wakes += woken
    cpu = time.process_time() - cpu
    print(
        f"a quiet hour: {wakes:,} people woken, {sink.changes - changes:,} changes of membership, {cpu:.2f} s of CPU;"
        f" nothing for the {len(sizes) - wakes:,} others"
    )
    at_us = now_us + HOUR_US
    db = lake_of(lines, folder)
    cpu, wall = time.process_time(), time.perf_counter()
    counts = recompute(definitions, db, at_us)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    live: dict[str, int] = dict.fromkeys(counts, 0)
    for raw in states(store):
        for name in profile.decode(raw).segments:
            live[name] += 1
    wrong = {name: (live[name], counts[name]) for name in counts if live[name] != counts[name]}

    print(
        f"recomputing all {size} segments over {driver.offset:,} events in DuckDB: {wall:.1f} s, {cpu:.1f} s of CPU, each minute;"
        f" members late by up to {60 + wall:.0f} s"
    )
    print(
        f"kept live: {per_event_s * 1e6:.1f} us of CPU an event; {cpu / per_event_s:,.0f} events a minute could be taken for the"
        f" CPU of one recomputation; members late by nothing (segments that differ: {wrong or 'none'})"
    )

    store.close()


def states(store: RocksState) -> Iterator[bytes]:
    """Every state there is."""
    after = ""
    while found := store.scan(after, 10_000):
        after = found[-1][0]
        yield from (raw for _, raw in found if not moved_to(raw))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument(
        "--segments", type=int, nargs="*", default=[10, 50, 200], help="sizes to compare; none with no number"
    )
    options = parser.parse_args()
    rng = random.Random(7)
    folder = Path(tempfile.mkdtemp(prefix="tidings-bench-"))
    gap_us = 60 * 86_400 * SECOND_US // options.events  # sixty days of them
    print(f"{options.events:,} events of {options.people:,} people over sixty days", flush=True)
    people = zipf_people(options.events, options.people, rng)
    if options.segments:
        compare_sizes(options.segments, list(blocks_of(people[: options.events // 3], START_US, gap_us)), folder)
    report(people, options.people, gap_us, 50, folder)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
