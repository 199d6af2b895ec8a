"""A broadcast to everybody on disk: decisions a second, and how long a triggered message takes meanwhile.

The process role runs here, over its log, RocksDB and the ledger on disk; another process appends one triggering event after the
other. A message's latency goes from before the append to after its decision is in the ledger, synced. First without a
broadcast, then during one that nothing throttles; the ratio of the two is what waits behind it. Then one item that many looked at
drops its price, and is told to them by the index.

    python -m benchmarks.broadcast [--people N] [--seconds S] [--looked N]
"""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from tidings.clock import SystemClock
from tidings.config import Config, MailConfig, ProcessConfig
from tidings.domain.everybody import Start, record_of
from tidings.domain.message import Intents
from tidings.domain.output import OutputBlock
from tidings.domain.record import LogRecord
from tidings.hosts.nudge import Nudger
from tidings.hosts.process import Processor
from tidings.log.sqlite import SqliteLog

EVENTS_PER_S = 50
LIMIT_RATIO = 10.0
"""The median may be so many times longer during the broadcast; see docs/reference/benchmarks.md."""
MEANT_FROM = 10_000
"""With fewer people it is over before anything could wait."""
FILES = {
    "policy.yml": "marketing: {consent: not_needed}\ntransactional: {consent: not_needed}\n",
    "traits.yml": "orders: {count: {event: Order Completed}}\n",
    "segments.yml": "gold: {rule: {trait: plan, equals: gold}}\n",
    "broadcasts/news.yml": "broadcast: news\nsegment: gold\ntemplate: news\nrate: 1000000/s\n",
    "journeys/at_once.yml": "journey: at_once\nentry: {event: Trigger}\nsteps:\n  - id: s\n    send: {template: news}\n",
    "journeys/drop.yml": "journey: drop\nentry: {item: {change: price_drop}, who: {did: Product Viewed}}\nsteps:\n"
    "  - id: s\n    send: {template: news}\n",
    "templates/news.mjml": "---\nsubject: News\n---\n<mjml><mj-body></mj-body></mjml>\n",
}


def body(kind: str, person: int, name: str, **more: Any) -> LogRecord:
    said = {"type": kind, "messageId": f"{name}-{person}", "userId": f"user-{person}", **more}
    return LogRecord("web", "", 0, msgspec.json.encode(said))


def fill(log: SqliteLog, people: int, looked: int) -> None:
    """Everybody, and some who looked at one item."""
    for start in range(0, people, 5_000):
        persons = range(start, min(start + 5_000, people))
        log.append([body("identify", n, "i", traits={"email": f"u{n}@bench.example", "plan": "gold"}) for n in persons])
    viewed = {"event": "Product Viewed", "properties": {"product_id": "mug"}}
    log.append([body("track", n, "v", **viewed) for n in range(0, people, max(1, people // looked))])
    log.append([LogRecord("items", "item", 0, b'{"product_id": "mug", "price": 10}')])


def trigger(data: Path, people: int, asked: Any) -> None:
    """A process of its own: one event after the other, at a steady rate, and the records that it is given; None ends it."""
    log, nudger = SqliteLog(data / "log.db", SystemClock(), writer=True), Nudger(data / "run" / "process.sock")
    start_s, count = time.monotonic(), 0
    while True:
        while not asked.empty():
            record = asked.get()
            if record is None:
                log.close()
                return
            log.append([record])
        time.sleep(max(0.0, start_s + count / EVENTS_PER_S - time.monotonic()))
        properties = {"sent_ns": time.time_ns()}
        log.append(
            [
                body(
                    "track",
                    (count * 7919) % people,
                    f"t{properties['sent_ns']}",
                    event="Trigger",
                    properties=properties,
                )
            ]
        )
        nudger.nudge()
        count += 1


class Watch:
    """The sink's side: what is in the ledger, and when."""

    def __init__(self, processor: Processor) -> None:
        self.bulk = self.drops = 0
        self.late_ms: list[float] = []
        put = processor._sink.put

        def measured(block: OutputBlock, intents: Intents) -> None:
            put(block, intents)
            now_ns = time.time_ns()
            for intent in intents.sends:
                self.bulk += intent.bulk
                self.drops += intent.journey == "drop"
                if intent.journey == "at_once":
                    self.late_ms.append((now_ns - intent.values["event"]["sent_ns"]) / 1e6)

        processor._sink.put = measured  # type: ignore[method-assign]


def drive(processor: Processor, enough: Callable[[], bool]) -> float:
    """Turn until it is enough; how many seconds that took."""
    start_s = time.perf_counter()
    while not enough():
        if not processor._turn():
            processor._sleep()
    return time.perf_counter() - start_s


def shown(late_ms: list[float]) -> str:
    ordered = sorted(late_ms)
    return f"p50 {statistics.median(ordered):.1f} ms, p99 {ordered[len(ordered) * 99 // 100]:.1f} ms of {len(ordered)}"


def run(config: Config, people: int, seconds: float, looked: int) -> None:
    log = SqliteLog(config.data / "log.db", SystemClock(), writer=True)
    fill(log, people, looked)
    head = log.head()
    log.close()  # there is one writer, from now on another process
    processor = Processor(config)
    watch, driver = Watch(processor), processor._driver
    took = drive(processor, lambda: driver.offset >= head)
    print(f"{people:,} people came in: {head / took:,.0f} events/s per core", flush=True)
    gc.collect()
    gc.freeze()
    gc.disable()
    asked = multiprocessing.Queue()
    client = multiprocessing.Process(target=trigger, args=(config.data, people, asked), daemon=True)
    client.start()
    drive(processor, lambda: len(watch.late_ms) > EVENTS_PER_S)
    watch.late_ms.clear()
    until_s = time.monotonic() + seconds
    drive(processor, lambda: time.monotonic() > until_s)
    without = list(watch.late_ms)
    print(f"triggered message without a broadcast: {shown(without)}")
    watch.late_ms.clear()
    version = driver._pipeline.definitions.broadcasts["news"].version
    asked.put(record_of(Start(broadcast="news", version=version, start="bench", audience=people)))
    took = drive(processor, lambda: watch.bulk >= people and not driver._everybody.standing.active)
    during = list(watch.late_ms)
    ratio = statistics.median(during) / statistics.median(without)
    print(f"broadcast: {people / took:,.0f} decisions/s ({took:.1f} s)")
    print(f"triggered message during it: {shown(during)}; ratio of the medians {ratio:.1f} (limit {LIMIT_RATIO:.0f})")
    asked.put(LogRecord("items", "item", 0, b'{"product_id": "mug", "price": 9}'))
    wanted = len(range(0, people, max(1, people // looked)))
    took = drive(processor, lambda: watch.drops >= wanted and driver._everybody.listed() is None)
    print(f"price drop of an item that {wanted:,} of {people:,} looked at: all decided after {took:.2f} s")
    asked.put(None)
    client.join()
    processor._close()
    assert ratio <= LIMIT_RATIO or people < MEANT_FROM, (
        f"a triggered message takes {ratio:.1f} times as long during a broadcast"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--looked", type=int, default=1_000)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tidings-broadcast-"))
    for name, text in FILES.items():
        path = folder / "workspace" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    config = Config(
        data=folder / "data",
        workspace=folder / "workspace",
        mail=MailConfig(max_queued=10_000_000),
        process=ProcessConfig(max_behind_blocks=1_000_000_000),  # no projector runs here
    )
    (folder / "data" / "run").mkdir(parents=True)
    try:
        run(config, options.people, options.seconds, options.looked)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
