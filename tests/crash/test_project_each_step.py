"""kill -9 before any SQL statement of the followers: projector and lake go on as if nothing had happened.

A child of a child dies at a chosen statement; the next one opens the same files and goes on, until one comes to the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import tidings
from tests.crash.test_project_kill import reference
from tests.unit.outputs.stream import Stream
from tests.unit.serving.test_projector import tables
from tidings.lake.parquet import ParquetLake
from tidings.serving.db import open_writing

ROUNDS = 10
EVENTS = 90
FOLLOW = f"""
import os, random, signal, sys
from pathlib import Path
from tests.unit.outputs.stream import Stream
from tidings.lake import parquet
from tidings.lake.follow import LakeFollower
from tidings.lake.parquet import ParquetLake
from tidings.outputs.memory import MemoryOutputs
from tidings.serving.db import open_writing
from tidings.serving.projector import Projector

parquet.JOIN_FILES = 3
stream, rng = Stream(seed=21, events={EVENTS}), random.Random(5)
outputs = MemoryOutputs()
outputs.append(stream.blocks)

def follow(data, statements):
    left = statements
    def before(sql):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    projector = Projector(data / "serving.db", stream.log, outputs, max_outcomes=9)
    register = open_writing(data / "serving.db")
    projector._db.set_trace_callback(before)
    register.set_trace_callback(before)
    lake = ParquetLake(data / "lake", register)
    lake.sweep()
    follower = LakeFollower(stream.log, outputs, lake, max_rows=9)
    while projector.step() + follower.step():
        lake.compact(0)
    os._exit(0)

deaths = 0
for number in range({ROUNDS}):
    data = Path(sys.argv[1]) / str(number)
    while True:
        statements = rng.randrange(5, 300)
        child = os.fork()
        if child == 0:
            follow(data, statements)
        _, status = os.waitpid(child, 0)
        if status == 0:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL, status
        deaths += 1
print(deaths)
"""


def test_dying_before_any_statement_changes_nothing(tmp_path: Path) -> None:
    source = Path(tidings.__file__).parents[1]
    path = f"{source}{os.pathsep}{Path(__file__).parents[2]}"
    told = subprocess.run(
        [sys.executable, "-c", FOLLOW, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, timeout=120, check=True,
    )  # fmt: skip
    assert int(told.stdout) > 5 * ROUNDS
    stream = Stream(seed=21, events=EVENTS)
    reference(stream, tmp_path / "once.db")
    wanted = tables(tmp_path / "once.db")
    for number in range(ROUNDS):
        data = tmp_path / str(number)
        assert tables(data / "serving.db") == wanted
        with (
            closing(open_writing(data / "serving.db")) as register,
            closing(ParquetLake(data / "lake", register)) as lake,
        ):
            assert [row.offset for row in lake.rows()] == sorted(stream.applied)
