"""One million people on disk: time to start, memory, and how late timers fire while 5,000 events/s come in over HTTP.

Every one of the million has an open cart whose wait ends at an instant of its own, about a thousand a second. The
figures: seconds from start to ready, resident memory, and lateness = (state committed) - (instant the timer was due).

    python -m benchmarks.million [--people N] [--seconds S]
"""

from __future__ import annotations

import argparse
import base64
import gc
import http.client
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from benchmarks.process import WORKSPACE
from tidings import config as configuration
from tidings.clock import SECOND_US, SystemClock, iso
from tidings.config import CollectConfig, Config
from tidings.domain import profile as profiles
from tidings.domain.record import LogRecord
from tidings.hosts.process import Processor
from tidings.hosts.supervisor import free_ports
from tidings.log.sqlite import SqliteLog
from tidings.state.rocks import RocksState

RATE = 5_000
PER_REQUEST = 20
SAMPLE = 1_000
"""People whose states are looked at for the size of a run."""
LEAD_S = 5.0
"""So long before the first timer is due, the roles run and events come in."""


def fill(config: Config, people: int, first_due_us: int, wait_us: int, span_s: int) -> None:
    """Write one Product Added per person, so that its wait ends between `first_due_us` and `span_s` later."""
    clock = SystemClock()
    log = SqliteLog(config.data / "log.db", clock, writer=True)
    rng = random.Random(3)
    for start in range(0, people, 5_000):
        records = []
        for person in range(start, min(start + 5_000, people)):
            due_us = first_due_us + rng.randrange(span_s * SECOND_US)
            properties = {"product_id": f"P{person % 5000}", "name": "Mug", "price": 4.5, "quantity": 1}
            body = {
                "type": "track",
                "event": "Product Added",
                "messageId": f"fill-{person}",
                "userId": f"user-{person}",
                "timestamp": iso(due_us - wait_us),
                "properties": properties,
            }
            records.append(LogRecord("web", "", 0, json.dumps(body).encode()))
        log.append(records)
    log.close()


def send_events(port: int, people: int, seconds: float) -> None:
    """A client process: `RATE` events a second, `PER_REQUEST` to a request."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    headers = {"Authorization": "Basic " + base64.b64encode(b"wk:").decode(), "Content-Type": "application/json"}
    rng = random.Random(5)
    start, sent = time.monotonic(), 0
    while (now := time.monotonic() - start) < seconds:
        if sent >= now * RATE:
            time.sleep(0.001)
            continue
        batch = [
            {
                "type": "track",
                "event": "Product Viewed",
                "messageId": f"live-{sent + i}-{rng.getrandbits(64):x}",
                "userId": f"user-{rng.randrange(people)}",
                "properties": {"product_id": f"P{rng.randrange(5000)}", "price": 9.5},
            }
            for i in range(PER_REQUEST)
        ]
        connection.request("POST", "/v1/batch", json.dumps({"batch": batch}), headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 200, answer.status
        sent += PER_REQUEST
    print(f"  client sent {sent / seconds:,.0f} events/s", flush=True)


def lateness(config: Config, seconds: float, started: multiprocessing.synchronize.Event) -> list[float]:  # type: ignore[name-defined]
    """Run the process role here for `seconds`; lateness of each timer in milliseconds."""
    processor = Processor(config)
    late: list[float] = []
    put = processor._sink.put

    def measured(block, intents) -> None:  # type: ignore[no-untyped-def]
        now_us = time.time_ns() // 1_000
        late.extend((now_us - f.known_us) / 1000 for f in block.facts if f.kind == "run_ended" and f.cause[0] == "t")
        put(block, intents)

    processor._sink.put = measured  # type: ignore[method-assign]
    started.set()
    threading.Timer(seconds, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
    signal.signal(signal.SIGUSR1, processor.stop)
    processor.run()
    return late


def resident_mb() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def start_role(path: Path) -> float:
    """Seconds until the process role says that it is ready."""
    command = [sys.executable, "-m", "tidings.cli", "role", "process", "--config", str(path)]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as role:
        assert role.stdout is not None
        role.stdout.readline()
        took = time.perf_counter() - start
        role.send_signal(signal.SIGKILL)
    return took


def bytes_per_run(config: Config) -> str:
    """What a waiting run takes in the state as it is stored, and the whole store per person."""
    store = RocksState(config.data / "state", config.process.dedup_window_s * SECOND_US)
    whole, runs, bare = 0, 0, 0
    for _, raw in store.scan("", SAMPLE):
        state = profiles.decode(raw)
        whole, runs = whole + len(raw), runs + len(state.runs)
        state.runs = []
        bare += len(profiles.encode(state))
    store.close()
    on_disk = sum(path.stat().st_size for path in (config.data / "state").rglob("*") if path.is_file())
    return f"{(whole - bare) / runs:,.0f} bytes a waiting run of {whole / SAMPLE:,.0f} a person; {on_disk / 1e6:,.0f} MB on disk"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="tidings-million-"))
    workspace = folder / "workspace"
    shutil.copytree(WORKSPACE, workspace)
    journey = workspace / "journeys" / "abandoned_cart.yml"
    journey.write_text(journey.read_text().replace("timeout: 5m", "timeout: 1h"))
    port = free_ports(1)[0]
    config = Config(
        data=folder / "data", workspace=workspace, collect=CollectConfig(port=port, write_keys={"wk": "web"})
    )
    span_s = max(20, options.people // 1_000)
    fill_s = options.people / 3_000 + 20  # until then the fill must be over, on a slow machine too
    first_due_us = SystemClock().now_us() + int(fill_s * SECOND_US)
    print(
        f"filling {options.people:,} people, {options.people // span_s:,} timers a second from {fill_s:,.0f} s on",
        flush=True,
    )
    fill(config, options.people, first_due_us, 3_600 * SECOND_US, span_s)
    configuration.save(config, folder / "config.toml")
    processor = Processor(config)
    gc.collect()
    gc.freeze()
    gc.disable()  # as the role does
    began, cpu = time.perf_counter(), time.process_time()
    while processor._driver.offset < processor._log.head():
        processor._turn()
        processor._sink.sync()  # as the role's own loop does; else every output would be kept beside the state
    print(
        f"  processed at {options.people / (time.process_time() - cpu):,.0f} events/s per core, {time.perf_counter() - began:.1f} s"
    )
    processor._close()
    print(f"  {bytes_per_run(config)}", flush=True)
    starts = sorted(start_role(folder / "config.toml") for _ in range(3))
    print(
        f"start to ready with {options.people:,} people: {starts[1]:.2f} s (of 3: {starts[0]:.2f} to {starts[2]:.2f})",
        flush=True,
    )
    command = [sys.executable, "-m", "tidings.cli", "role", "collect", "--config", str(folder / "config.toml")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as collect:
        assert collect.stdout is not None
        collect.stdout.readline()
        wait_s = (first_due_us - SystemClock().now_us()) / SECOND_US - LEAD_S
        if wait_s > 0:
            time.sleep(wait_s)
        started = multiprocessing.Event()
        client = multiprocessing.Process(target=send_events, args=(port, options.people, LEAD_S + options.seconds))
        client.start()
        late = lateness(config, LEAD_S + options.seconds, started)
        client.join()
        collect.send_signal(signal.SIGTERM)
    late.sort()
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    print(
        f"timers: {len(late):,} fired of {options.people:,} pending; lateness p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {late[-1]:.1f} ms"
    )
    print(f"resident memory of the process role {resident_mb():,.0f} MB")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
