"""kill -9 of the project role at random moments: the serving copy and the lake end up as if nothing had happened."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import tidings
from tests.unit.outputs.stream import Stream
from tests.unit.serving.test_projector import tables
from tidings.clock import ManualClock
from tidings.hosts.nudge import Nudger
from tidings.lake.duck import run
from tidings.lake.query import connect
from tidings.log.sqlite import SqliteLog
from tidings.outputs.memory import MemoryOutputs
from tidings.outputs.sqlite import SqliteOutputs
from tidings.serving.projector import Projector

ROLE = """
import sys
from pathlib import Path
from tidings.config import Config
from tidings.hosts import project, retrain
from tidings.lake import parquet
project.TRIM_S, project.COMPACT_S, project.PACE_S, parquet.GRACE_US, retrain.PAUSE_S = 0.03, 0.05, 0.001, 0, 0.0
config = Config(data=Path(sys.argv[1]), lake_flush_s=0.02, retrain_every_s=1)
project.run(config, lambda facts: print("ready", flush=True), lambda config: None)
"""
KILLS = 12
TIMEOUT_S = 60.0


class Role:
    """The project role as a process."""

    def __init__(self, data: Path) -> None:
        path = str(Path(tidings.__file__).parents[1])
        command = [sys.executable, "-c", ROLE, str(data)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path})
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == b"ready\n"

    def end(self, number: int) -> int:
        self.process.send_signal(number)
        code = self.process.wait(TIMEOUT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def copy_log(stream: Stream, path: Path) -> None:
    """The stream's log on disk, with the same stamps."""
    clock = ManualClock()
    with closing(SqliteLog(path, clock, writer=True)) as log:
        for block in stream.log.read(0, stream.log.head()):
            clock.set(block.taken_us)
            log.append(block.records)
        assert log.read(0, 1)[0].taken_us == stream.log.read(0, 1)[0].taken_us


def reference(stream: Stream, path: Path) -> None:
    outputs = MemoryOutputs()
    outputs.append(stream.blocks)
    with closing(Projector(path, stream.log, outputs)) as projector:
        while projector.step():
            pass


def caught_up(data: Path, seq: int) -> bool:
    with closing(sqlite3.connect(data / "serving.db", timeout=30)) as db:
        cursors = db.execute("SELECT (SELECT seq FROM cursor), (SELECT seq FROM lake_cursor)").fetchone()
    return tuple(cursors) == (seq, seq)


def test_a_role_killed_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    data, rng, stream = tmp_path / "data", random.Random(11), Stream(seed=11, events=3_000)
    (data / "run").mkdir(parents=True)
    copy_log(stream, data / "log.db")
    nudger, blocks = Nudger(data / "run/project.sock"), list(stream.blocks)
    codes = []
    with closing(SqliteOutputs(data / "outputs.db")) as outputs:
        for kill in range(KILLS):
            role = Role(data)
            until_s = time.monotonic() + rng.random() * 0.5
            while time.monotonic() < until_s:
                # The processor's part: a few new blocks, and now and then some again, as after its own crash.
                upto = min(outputs.last_seq() + rng.randrange(1, 8), len(blocks) * (kill + 1) // (KILLS + 1))
                outputs.append(blocks[max(0, outputs.last_seq() - 3) : upto])
                nudger.nudge()
                time.sleep(0.004)
            codes.append(role.end(signal.SIGKILL))
        outputs.append(blocks)
        role = Role(data)
        until_s = time.monotonic() + TIMEOUT_S
        while not (caught_up(data, len(blocks)) and (data / "models/recommend.db").exists()):
            assert time.monotonic() < until_s
            time.sleep(0.05)
        assert role.end(signal.SIGTERM) == 0
        assert [block.seq for block in outputs.read(0, 10)] == [len(blocks)]
    nudger.close()
    assert codes == [-signal.SIGKILL] * KILLS
    reference(stream, tmp_path / "once.db")
    assert tables(data / "serving.db") == tables(tmp_path / "once.db")
    with closing(connect(data)) as asked:
        found = run(asked, 'SELECT "offset", profile FROM events ORDER BY 1')
    assert found == [(offset, stream.final(who)) for offset, who in sorted(stream.applied.items())]
    with closing(sqlite3.connect(data / "serving.db")) as db:
        registered = {row[0] for row in db.execute("SELECT path FROM lake_files")}
    assert {str(path.relative_to(data / "lake")) for path in (data / "lake").glob("day=*/*")} == registered


def test_blocks_are_let_go_only_when_both_have_taken_them(tmp_path: Path) -> None:
    """Without its lake follower the role would otherwise lose the events between two flushes."""
    data, stream = tmp_path / "data", Stream(seed=12, events=300)
    (data / "run").mkdir(parents=True)
    copy_log(stream, data / "log.db")
    with closing(SqliteOutputs(data / "outputs.db")) as outputs:
        outputs.append(stream.blocks)
        slow = ROLE.replace("lake_flush_s=0.02", "lake_flush_s=3600")
        path = str(Path(tidings.__file__).parents[1])
        role = subprocess.Popen([sys.executable, "-c", slow, str(data)], env={**os.environ, "PYTHONPATH": path})
        until_s = time.monotonic() + TIMEOUT_S
        while not (data / "serving.db").exists() or not _projected(data, len(stream.blocks)):
            assert time.monotonic() < until_s
            time.sleep(0.05)
        time.sleep(0.3)
        assert outputs.read(0, 1)[0].seq == 1
        role.send_signal(signal.SIGTERM)
        assert role.wait(TIMEOUT_S) == 0
        assert outputs.kept() == 1
    with closing(connect(data)) as asked:
        assert run(asked, "SELECT COUNT(*) FROM events") == [(len(stream.applied),)]


def _projected(data: Path, seq: int) -> bool:
    with closing(sqlite3.connect(data / "serving.db", timeout=30)) as db:
        made = db.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'cursor'").fetchone()[0]
        return bool(made) and db.execute("SELECT COALESCE(MAX(seq), 0) FROM cursor").fetchone()[0] == seq
