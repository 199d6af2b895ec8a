"""Durable ingest over HTTP: the collector against `bare_server.py`, in the same run, in alternating rounds.

Prints, for 1, 20 and 100 events a request: events per second of the server's CPU time ("per core"), events per second
of wall time, the latency of the answer, and the collector's share of the bare server's figure per core. The target is
at least 60 % at each size. The server is pinned to one core and the load to another.

    python benchmarks/ingest.py [--seconds 4] [--rounds 3] [--connections 64] [--sizes 1 20 100] [--folder DIR]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from pathlib import Path
from typing import NamedTuple

import uvloop

from tidings.config import CollectConfig, Config, save

HERE = Path(__file__).parent
TARGET = 0.6
DISTINCT = 2_000
WRITE_KEY = "wk_benchmark"

_COLLECTOR = """
import json, sys
from pathlib import Path
from tidings.config import load
from tidings.hosts.collect import run
run(load(Path(sys.argv[1])), lambda facts: print(facts["port"], flush=True))
"""


class Figures(NamedTuple):
    """One round."""

    per_core: float
    wall: float
    p50_ms: float
    p99_ms: float


def main() -> None:
    arguments = _arguments()
    if arguments.load:
        uvloop.run(_load(arguments))
        return
    folder = Path(tempfile.mkdtemp(prefix="ingest-", dir=arguments.folder))
    try:
        worst = min(_compare(arguments, size, folder) for size in arguments.sizes)
    finally:
        shutil.rmtree(folder)
    print(f"worst share of the bare server {worst:.0%}, target {TARGET:.0%}")
    sys.exit(0 if worst >= TARGET else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 20, 100])
    parser.add_argument("--folder", default=HERE.parent, help="where the servers write; a real disk, not a tmpfs")
    parser.add_argument("--load", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, default=1, help=argparse.SUPPRESS)
    return parser.parse_args()


def _compare(arguments: argparse.Namespace, size: int, folder: Path) -> float:
    rounds: dict[str, list[Figures]] = {"bare": [], "tidings": []}
    for number in range(arguments.rounds):
        for name in rounds if number % 2 == 0 else reversed(rounds):
            rounds[name].append(_round(name, arguments, size, folder / f"{name}-{size}-{number}"))
    for name, figures in rounds.items():
        middle = Figures(*(statistics.median(values) for values in zip(*figures, strict=True)))
        print(
            f"{size:4} events/request  {name:8} {middle.per_core:9,.0f} events/s per core  {middle.wall:9,.0f} wall"
            f"  answer p50 {middle.p50_ms:5.1f} ms  p99 {middle.p99_ms:6.1f} ms",
            flush=True,
        )
    shares = [ours.per_core / bare.per_core for ours, bare in zip(rounds["tidings"], rounds["bare"], strict=True)]
    print(f"{size:4} events/request  share of the bare server: {statistics.median(shares):.0%}", flush=True)
    return statistics.median(shares)


def _round(name: str, arguments: argparse.Namespace, size: int, folder: Path) -> Figures:
    folder.mkdir()
    server = subprocess.Popen(_command(name, folder), stdout=subprocess.PIPE, preexec_fn=lambda: _pin(0), env=_env())
    assert server.stdout is not None
    port = int(server.stdout.readline())
    try:
        options = ("--seconds", arguments.seconds, "--connections", arguments.connections, "--size", size)
        command = [sys.executable, __file__, "--load", str(port), *map(str, options)]
        load = subprocess.Popen(command, stdout=subprocess.PIPE, preexec_fn=lambda: _pin(1), env=_env())
        assert load.stdout is not None
        load.stdout.readline()  # warmed up
        cpu_before = _cpu_s(server.pid)
        facts = json.loads(load.stdout.readline())
        cpu_s = _cpu_s(server.pid) - cpu_before
        load.wait()
    finally:
        server.kill()
        server.wait()
        shutil.rmtree(folder)
    events = facts["requests"] * size
    return Figures(events / cpu_s, events / facts["seconds"], facts["p50_ms"], facts["p99_ms"])


def _command(name: str, folder: Path) -> list[str]:
    if name == "bare":
        return [sys.executable, str(HERE / "bare_server.py"), str(folder / "log")]
    collect = CollectConfig(port=0, write_keys={WRITE_KEY: "web"}, max_lag_events=1 << 40)
    save(Config(data=folder / "data", collect=collect), folder / "tidings.toml")
    return [sys.executable, "-c", _COLLECTOR, str(folder / "tidings.toml")]


def _env() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(HERE.parent / "src")}


def _pin(core: int) -> None:
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > core:
        os.sched_setaffinity(0, {core})


def _cpu_s(pid: int) -> float:
    """Time on the CPU of all threads, as the scheduler measured it (`/proc/…/stat` only samples it by ticks)."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


# The load, in its own process.


class _Client(asyncio.Protocol):
    """One connection that sends the next request as soon as it has the answer to the last one."""

    def __init__(self, bodies: list[bytes], start: int, waits: list[float]) -> None:
        self.bodies, self.next, self.waits, self.sent = bodies, start, waits, 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(self.bodies[self.next])  # type: ignore[attr-defined]
        self.next = (self.next + 1) % len(self.bodies)

    def data_received(self, data: bytes) -> None:
        if not data.startswith(b"HTTP/1.1 200"):
            sys.exit(f"wanted 200, got {data[:300]!r}")
        self.waits.append(time.perf_counter() - self.sent)
        self.send()


async def _load(arguments: argparse.Namespace) -> None:
    bodies, waits = _requests(arguments.size), []
    loop = asyncio.get_running_loop()
    step = max(1, len(bodies) // arguments.connections)
    for i in range(arguments.connections):
        start = i * step % len(bodies)
        await loop.create_connection(lambda s=start: _Client(bodies, s, waits), "127.0.0.1", arguments.load)
    await asyncio.sleep(1)
    print("warm", flush=True)
    waits.clear()
    begin = time.perf_counter()
    await asyncio.sleep(arguments.seconds)
    seconds = time.perf_counter() - begin
    waits.sort()
    facts = {"requests": len(waits), "seconds": seconds}
    facts |= {"p50_ms": waits[len(waits) // 2] * 1e3, "p99_ms": waits[int(len(waits) * 0.99)] * 1e3}
    print(json.dumps(facts), flush=True)
    os._exit(0)  # with requests under way


def _requests(size: int) -> list[bytes]:
    draw = random.Random(size)
    authorization = b64encode(f"{WRITE_KEY}:".encode()).decode()
    out = []
    for _ in range(max(64, DISTINCT // size)):
        body = json.dumps({"batch": [_event(draw) for _ in range(size)], "sentAt": "2026-06-01T12:00:00.000Z"})
        head = (
            "POST /v1/batch HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: benchmark/1\r\nContent-Type: application/json\r\n"
            f"Authorization: Basic {authorization}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        out.append((head + body).encode())
    return out


def _event(draw: random.Random) -> dict[str, object]:
    """A product view as analytics.js sends it, about 700 bytes."""
    sku = f"{draw.randrange(10_000, 99_999)}{draw.choice('ABC')}"
    return {
        "type": "track",
        "event": draw.choice(["Product Viewed", "Product Added", "Product Clicked"]),
        "messageId": f"ajs-next-{draw.randrange(10**13)}-{draw.getrandbits(128):032x}",
        "anonymousId": f"{draw.getrandbits(128):032x}",
        "userId": str(draw.randrange(100_000)),
        "timestamp": f"2026-06-01T11:{draw.randrange(60):02}:{draw.randrange(60):02}.{draw.randrange(1000):03}Z",
        "properties": {
            "product_id": sku,
            "name": f"WHITE HANGING HEART {draw.randrange(1000)}",
            "price": draw.randrange(100, 9999) / 100,
            "quantity": draw.randrange(1, 12),
            "currency": "GBP",
            "category": draw.choice(["home", "garden", "kitchen"]),
        },
        "context": {
            "library": {"name": "analytics.js", "version": "next-1.84.3"},
            "page": {"path": f"/p/{sku}", "url": f"https://shop.example/p/{sku}", "title": "Product", "referrer": ""},
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/130.0.0.0 Safari/537.36",
            "locale": "en-GB",
            "timezone": "Europe/London",
        },
    }


if __name__ == "__main__":
    main()
