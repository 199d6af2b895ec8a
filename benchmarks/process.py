"""Processing: events per second and core through dedup, identity, 12 computed traits, 5 segments and the cart journey,
with durable state in RocksDB and one million people. See docs/reference/benchmarks.md.

    python -m benchmarks.process [--people N] [--events N] [--profile]
"""

from __future__ import annotations

import argparse
import bisect
import cProfile
import gc
import itertools
import json
import pstats
import random
import resource
import shutil
import tempfile
import time
from pathlib import Path

import msgspec

from tidings import workspace
from tidings.clock import SECOND_US, iso
from tidings.domain import profile
from tidings.domain.record import LogBlock, LogRecord
from tidings.hosts.drive import Driver
from tidings.hosts.simulator import MemorySink
from tidings.pipeline import Pipeline
from tidings.state.base import Commit, moved_to
from tidings.state.rocks import RocksState

START_US = 1_790_000_000 * SECOND_US
WORKSPACE = Path(__file__).parent / "workspace"
"""The retail template as it was when the first figures were taken: what is measured stays the same when the template grows."""


class GeneratedLog:
    """A log whose blocks are made beforehand, so that only processing is measured."""

    def __init__(self, blocks: list[LogBlock]) -> None:
        self._blocks = {block.first_offset: block for block in blocks}
        self._head = sum(len(block.records) for block in blocks)

    def read(self, offset: int, limit: int) -> list[LogBlock]:
        found, count = [], 0
        while count < limit and offset in self._blocks:
            found.append(self._blocks[offset])
            offset += len(found[-1].records)
            count += len(found[-1].records)
        return found

    def head(self) -> int:
        return self._head

    def fence(self, until_us: int) -> None:
        """Nothing is stamped later: the blocks are made already."""


def zipf_people(count: int, people: int, rng: random.Random) -> list[int]:
    """People by a Zipf law of exponent 1, as in real shops: few do much."""
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(people)))
    total = weights[-1]
    shuffled = list(range(people))
    rng.shuffle(shuffled)
    return [shuffled[bisect.bisect_left(weights, rng.random() * total)] for _ in range(count)]


Mix = tuple[float, float, float]
"""Shares, added up: looks, then also things put in the cart, then also orders. The rest are pages."""
BUSY: Mix = (0.7, 0.85, 0.9)


def body(rng: random.Random, person: int, n: int, at_us: int, mix: Mix = BUSY) -> bytes:
    """One event of a shop's mix, as an SDK sends it (about 500 bytes)."""
    kind = rng.random()
    item = f"P{rng.randrange(5_000)}"
    name = (
        "Product Viewed"
        if kind < mix[0]
        else "Product Added"
        if kind < mix[1]
        else "Order Completed"
        if kind < mix[2]
        else "Page"
    )
    properties = {
        "product_id": item,
        "name": f"Product {item}",
        "price": rng.randrange(100, 9_999) / 100,
        "quantity": 1,
    }
    if name == "Order Completed":
        properties |= {"order_id": f"O{n}", "revenue": rng.randrange(500, 50_000) / 100}
    event = {
        "messageId": f"bench-{n:012d}-{rng.getrandbits(64):016x}",
        "anonymousId": f"anon-{person:08d}-4a4c-9a1f",
        "timestamp": iso(at_us),
        "type": "page" if name == "Page" else "track",
        "properties": properties,
        "context": {
            "library": {"name": "tidings.js", "version": "0.1.0"},
            "page": {"url": f"https://shop.example/p/{item}", "path": f"/p/{item}", "title": f"Product {item}"},
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156 Safari/537.36",
            "locale": "en-GB",
            "timezone": "Europe/London",
        },
    }
    if name != "Page":
        event["event"] = name
    if person % 3 == 0:
        event["userId"] = f"user-{person}"
    return json.dumps(event, separators=(",", ":")).encode()


def blocks_of(
    people: list[int], rng: random.Random, first: int, per_block: int, start_us: int, gap_us: int = 100, mix: Mix = BUSY
) -> list[LogBlock]:
    """Blocks of `per_block` events, each block as many gaps after the one before as it has events."""
    blocks = []
    for index in range(0, len(people), per_block):
        taken_us = start_us + index * gap_us
        records = [
            LogRecord("web", "", 0, body(rng, person, first + index + i, taken_us - 1_000, mix))
            for i, person in enumerate(people[index : index + per_block])
        ]
        blocks.append(LogBlock(first + index, taken_us, records))
    return blocks


def drive(blocks: list[LogBlock], store: RocksState, sink: MemorySink, offset: int) -> tuple[float, float, float]:
    """(wall s, CPU s, most resident MB) of processing these blocks."""
    log = GeneratedLog(blocks)
    log._head += offset
    pipeline = Pipeline(workspace.load(WORKSPACE))
    driver = Driver(pipeline, log, store, sink, max_batch=5_000)  # type: ignore[arg-type]
    gc.collect()
    gc.freeze()
    gc.disable()
    wall, cpu = time.perf_counter(), time.process_time()
    while driver.run_batch():
        driver.fire(driver.complete_us)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    gc.enable()
    return wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def floor(blocks: list[LogBlock], store: RocksState) -> float:
    """Events per second and core of the same events without any logic: decode the JSON, look up the id, the identifier
    and the state, decode and encode the state, and write it all back in one synced batch of 5,000 events.
    """
    cpu = time.process_time()
    offset, seq = store.position()
    for first in range(0, len(blocks), 50):
        part = blocks[first : first + 50]
        events = [msgspec.json.decode(record.body) for block in part for record in block.records]
        ids = [f"floor\n{event['messageId']}" for event in events]
        store.seen(ids, part[-1].taken_us)
        keys = {f"anonymous_id:{event['anonymousId']}" for event in events}
        people = {one for one in store.links(list(keys)) if one is not None}
        states = dict(zip(people, store.states(list(people)), strict=True))
        again = {one: profile.encode(profile.decode(raw)) for one, raw in states.items() if raw and not moved_to(raw)}
        offset, seq = offset + len(events), seq + 1
        taken_us = part[-1].taken_us
        store.commit(
            Commit(
                states=again,
                links={},
                seen=ids,
                seen_us=taken_us,
                wakes=[],
                unwakes=[],
                offset=offset,
                seq=seq,
                outputs=b"",
            )
        )
    return sum(len(block.records) for block in blocks) / (time.process_time() - cpu)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    rng = random.Random(7)
    folder = Path(tempfile.mkdtemp(prefix="tidings-bench-"))
    store = RocksState(folder, 7 * 86_400 * SECOND_US)
    sink = MemorySink(keep_outcomes=False)
    sink.facts = _Forgetful()
    offset, at_us = 0, START_US
    print(f"filling: {options.people:,} people", flush=True)
    everyone = list(range(options.people))
    rng.shuffle(everyone)
    for index in range(0, options.people, 100_000):
        blocks = blocks_of(everyone[index : index + 100_000], rng, offset, 100, at_us)
        wall, cpu, _ = drive(blocks, store, sink, offset)
        offset += sum(len(block.records) for block in blocks)
        at_us = blocks[-1].taken_us + SECOND_US
        print(f"  {offset:>9,} events, {len(blocks) * 100 / cpu:,.0f} events/s per core (every person new)", flush=True)
    blocks = blocks_of(zipf_people(options.events, options.people, rng), rng, offset, 100, at_us)
    if options.profile:
        tracer = cProfile.Profile()
        tracer.enable()
    wall, cpu, memory = drive(blocks, store, sink, offset)
    if options.profile:
        tracer.disable()
        pstats.Stats(tracer).sort_stats("tottime").print_stats(35)
    print(
        f"zipf: {options.events / cpu:,.0f} events/s per core, {options.events / wall:,.0f} wall, {memory:,.0f} MB most resident"
    )
    limit = floor(blocks, store)
    print(
        f"floor without any logic, same run: {limit:,.0f} events/s per core; we reach {options.events / cpu / limit:.0%} of it"
    )
    print(f"applied, duplicate, rejected: {sink.counts}, messages decided {len(sink.sends)}")
    store.close()
    shutil.rmtree(folder)


class _Forgetful(list):  # type: ignore[type-arg]
    def __iadd__(self, other):  # type: ignore[no-untyped-def,override]
        return self


if __name__ == "__main__":
    main()
