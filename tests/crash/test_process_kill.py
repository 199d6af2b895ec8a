"""kill -9 of the process role at random moments: state, outputs and ledger are those of a run without any crash."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing
from pathlib import Path

import msgspec

import tidings
from tests.crash.process_trace import load_short, records, uncrashed
from tidings import config as configuration
from tidings import workspace
from tidings.clock import SECOND_US, SystemClock
from tidings.config import Config, ProcessConfig
from tidings.deliver.ledger import Ledger
from tidings.domain.message import Intents
from tidings.domain.output import OutputBlock
from tidings.domain.profile import ProfileState, encode
from tidings.hosts.simulator import MemorySink
from tidings.log.sqlite import SqliteLog
from tidings.outputs.sqlite import SqliteOutputs
from tidings.state.base import MOVED
from tidings.state.rocks import RocksState
from tidings.versions.shelf import Versions

LAWS = Path(__file__).resolve().parents[1] / "data/workspaces/laws"
KILLS = 22
EVENTS = 2_000
TIMEOUT_S = 60.0


def start(path: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tidings.cli", "role", "process", "--config", str(path)]
    source = str(Path(tidings.__file__).parents[1])
    return subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": source})


def write(log: SqliteLog, stop: threading.Event) -> None:
    """Events in small blocks, as long as roles die, and then the rest."""
    waiting = records(EVENTS, 25, SystemClock().now_us() - EVENTS * SECOND_US, seed=3)
    rng = random.Random(4)
    while waiting:
        size = rng.randrange(1, 8)
        log.append(waiting[:size])
        del waiting[:size]
        if not stop.is_set():
            time.sleep(rng.random() * 0.06)


def blocks(config: Config) -> list[OutputBlock]:
    with closing(SqliteOutputs(config.data / "outputs.db")) as outputs:
        found: list[OutputBlock] = []
        while more := outputs.read(found[-1].seq if found else 0, 10_000):
            found += more
        return found


def calm(config: Config, log: SqliteLog) -> bool:
    """Whether everything is processed and nobody waits for anything in the next seconds."""
    if log.processed() < log.head():
        return False
    latest: dict[str, bytes] = {who: data for block in blocks(config) for who, data in block.profiles}
    soon_us = SystemClock().now_us() + 5 * SECOND_US
    states = [msgspec.msgpack.decode(data, type=ProfileState) for data in latest.values() if data]
    return not any(0 < state.next_due_us < soon_us for state in states)


def test_a_role_killed_again_and_again_comes_to_the_same_end(tmp_path: Path) -> None:
    config = Config(
        data=tmp_path / "data", workspace=tmp_path / "workspace", process=ProcessConfig(max_batch=40, state_cache=10)
    )
    load_short(config.workspace, LAWS)
    configuration.save(config, tmp_path / "config.toml")
    log = SqliteLog(config.data / "log.db", SystemClock(), writer=True)
    stop, rng = threading.Event(), random.Random(5)
    writer = threading.Thread(target=write, args=(log, stop))
    writer.start()
    reached = []
    for _ in range(KILLS):
        role = start(tmp_path / "config.toml")
        assert role.stdout is not None
        if rng.random() < 0.7:
            role.stdout.readline()  # it is at work, however long the machine took to start it
        time.sleep(rng.random() * 0.6)
        role.kill()
        assert role.wait(TIMEOUT_S) == -signal.SIGKILL
        role.stdout.close()
        reached.append(log.processed())
    stop.set()
    writer.join()
    assert len(set(reached)) > KILLS // 3  # it was killed at work, not only while starting
    role = start(tmp_path / "config.toml")
    assert role.stdout is not None
    role.stdout.readline()
    deadline = time.monotonic() + TIMEOUT_S
    while not calm(config, log):
        assert time.monotonic() < deadline
        time.sleep(0.3)
    role.terminate()
    assert role.wait(TIMEOUT_S) == 0
    role.stdout.close()
    compare(config, log)
    log.close()


def compare(config: Config, log: SqliteLog) -> None:
    found = blocks(config)
    upto_us = SystemClock().now_us()
    running = Versions(config.data).running()  # intents say which version decided
    definitions = msgspec.structs.replace(workspace.load(config.workspace), version=running)
    sink, state = uncrashed(definitions, log, upto_us)
    assert [block.seq for block in found] == list(range(1, len(found) + 1))
    assert [one for block in found for one in block.outcomes] == sink.outcomes
    with closing(Ledger(config.data / "ledger.db")) as ledger:
        ids = {row.message_id for row in ledger.recent(100_000)}
        assert ids == set(sink.sends)
        assert len(ids) > 20
        for message_id, intent in sink.sends.items():
            assert ledger.intent(message_id) == intent
    rocks = RocksState(config.data / "state", config.process.dedup_window_s * SECOND_US)
    assert rocks.position()[0] == log.head()
    for raw in state.all_states():
        if raw[:1] != MOVED:
            expected = msgspec.msgpack.decode(raw, type=ProfileState)
            (stored,) = rocks.states([expected.profile_id])
            assert stored is not None
            assert plain(msgspec.msgpack.decode(stored, type=ProfileState)) == plain(expected)
    rocks.close()
    assert by_person(sink_of(found)) == by_person(sink)


def plain(state: ProfileState) -> bytes:
    """Without where the wake-up index lists it, which depends on when it was looked at."""
    state.indexed_us = 0
    return encode(state)


def sink_of(found: list[OutputBlock]) -> MemorySink:
    sink = MemorySink()
    for block in found:
        sink.put(block, Intents())
    return sink


def by_person(sink: MemorySink) -> dict[str, list[bytes]]:
    facts: dict[str, list[bytes]] = {}
    for fact in sink.facts:
        facts.setdefault(fact.profile_id, []).append(msgspec.msgpack.encode(fact))
    return facts
