"""A real collector in a process of its own, behind the proxy that fails on purpose, and its log to read back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue

from tests.sdk.flaky import FlakyProxy
from tidings.clock import SystemClock
from tidings.config import CollectConfig, Config, save
from tidings.domain.event import Event, Rejected
from tidings.domain.record import LogRecord
from tidings.domain.wire import normalise
from tidings.hosts.simulator import Simulator
from tidings.log.sqlite import SqliteLog
from tidings.workspace import Definitions, load

WRITE_KEY = "wk_web"
SOURCE = "web"

_ROOT = Path(__file__).resolve().parents[2]
_START_S = 15
_STOP_S = 10
_RUN_ROLE = """
import json, sys
from pathlib import Path
from tidings.config import load
from tidings.hosts.collect import run
run(load(Path(sys.argv[1])), lambda facts: print(json.dumps(facts), flush=True))
"""


@dataclass
class Door:
    """Where clients send to (`url`), and what the log has got since the test began."""

    proxy: FlakyProxy
    log: SqliteLog
    definitions: Definitions
    """An empty workspace's: what the core needs to tell a duplicate from a new event."""
    first_offset: int = 0

    @property
    def url(self) -> str:
        """Base URL for clients: the proxy's."""
        return self.proxy.url

    def begin(self) -> None:
        """A new test: forget faults, requests and events of the ones before."""
        self.proxy.faults.clear()
        self.proxy.exchanges.clear()
        self.first_offset = self.log.head()

    def records(self) -> list[tuple[int, int, LogRecord]]:
        """Offset, taken_us and record of everything in the log since `begin`."""
        blocks = self.log.read(self.first_offset, 10_000)
        return [
            (block.first_offset + index, block.taken_us, record)
            for block in blocks
            for index, record in enumerate(block.records)
        ]

    def outcomes(self) -> list[Event | Rejected]:
        """The same, as the keyed core sees them: duplicates included."""
        return [normalise(record, offset, taken_us) for offset, taken_us, record in self.records()]

    def stored(self) -> list[Event]:
        """Accepted events in log order, duplicates included. Fails on a rejected one."""
        outcomes = self.outcomes()
        rejected = [outcome for outcome in outcomes if isinstance(outcome, Rejected)]
        assert not rejected, rejected
        return [outcome for outcome in outcomes if isinstance(outcome, Event)]

    def counted(self) -> list[Event]:
        """Accepted events, each event id once, the first one winning, as deduplication has it."""
        return list({event.event_id: event for event in reversed(self.stored())}.values())[::-1]

    def applied_duplicate_rejected(self) -> list[int]:
        """What the keyed core makes of the log since `begin`: how many events of each."""
        simulator = Simulator(self.definitions)
        for _, taken_us, record in self.records():
            simulator.take([record], taken_us)
        simulator.run()
        return simulator.sink.counts

    def wait_for(self, count: int, timeout_s: float = 20) -> list[Event]:
        """`counted()` as soon as it has `count` events. Fails when they do not come, or when there are more."""
        wait_until(lambda: len(self.counted()) >= count, timeout_s, lambda: f"{count} events; got {self._summary()}")
        events = self.counted()
        assert len(events) == count, self._summary()
        return events

    def _summary(self) -> str:
        sent = [(post.status, post.fault.name if post.fault else "") for post in self.proxy.posts()]
        return f"{[event.name for event in self.counted()]} after requests answered {sent}"


def wait_until(done: Callable[[], bool], timeout_s: float, wanted: Callable[[], str]) -> None:
    """Look every 20 ms until `done()`; fails with `wanted()` after `timeout_s`."""
    deadline_s = time.monotonic() + timeout_s
    while not done():
        assert time.monotonic() < deadline_s, f"waited {timeout_s} s for {wanted()}"
        time.sleep(0.02)


@contextmanager
def open_door(folder: Path) -> Iterator[Door]:
    """Start proxy and collector with their data in `folder`; both are gone afterwards."""
    proxy = FlakyProxy()
    collect = CollectConfig(port=0, public_url=proxy.url, write_keys={WRITE_KEY: SOURCE})
    workspace = folder / "workspace"
    workspace.mkdir()
    save(Config(data=folder / "data", workspace=workspace, collect=collect), folder / "tidings.toml")
    process = _start(folder)
    try:
        proxy.upstream = _wait_for_port(process, folder / "collect.log")
        log = SqliteLog(folder / "data" / "log.db", SystemClock())
        yield Door(proxy, log, load(workspace))
        log.close()
    finally:
        process.terminate()
        process.wait(_STOP_S)
        if process.stdout is not None:
            process.stdout.close()
        proxy.close()


def _start(folder: Path) -> subprocess.Popen[str]:
    path = os.pathsep.join(filter(None, [str(_ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    with (folder / "collect.log").open("w") as errors:
        return subprocess.Popen(
            [sys.executable, "-c", _RUN_ROLE, str(folder / "tidings.toml")],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )


def _wait_for_port(process: subprocess.Popen[str], errors: Path) -> int:
    lines: Queue[str] = Queue()
    threading.Thread(target=lambda: lines.put(process.stdout.readline() if process.stdout else ""), daemon=True).start()
    try:
        line = lines.get(timeout=_START_S)
    except Empty:
        line = ""
    assert line, f"the collector did not start within {_START_S} s:\n{errors.read_text()}"
    return int(json.loads(line)["port"])
