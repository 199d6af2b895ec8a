"""The SQLite store of output blocks: across processes, kills, large blocks and damage."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import tidings
from tidings.domain.output import OutputBlock
from tidings.errors import CorruptData
from tidings.outputs.sqlite import SqliteOutputs

SOURCE = {**os.environ, "PYTHONPATH": str(Path(tidings.__file__).parents[1])}
WRITER = """
import sys
from pathlib import Path
from tidings.domain.output import OutputBlock
from tidings.outputs.sqlite import SqliteOutputs
store = SqliteOutputs(Path(sys.argv[1]))
seq = store.last_seq()
while True:
    seq += 1
    store.append([OutputBlock(seq, seq, [], [], [("p", b"x" * 500)])])
    print(seq, flush=True)
"""


def block(seq: int, size: int = 10) -> OutputBlock:
    return OutputBlock(seq, seq, [], [], [("p", os.urandom(size))])


def test_a_second_opening_sees_the_same_blocks(tmp_path: Path) -> None:
    first = SqliteOutputs(tmp_path / "outputs.db")
    first.append([block(1), block(2)])
    other = SqliteOutputs(tmp_path / "outputs.db")
    assert other.read(0, 10) == first.read(0, 10)
    first.append([block(3)])
    assert other.last_seq() == 3
    other.trim(2)
    assert [b.seq for b in first.read(0, 10)] == [3]
    first.close()
    other.close()


def test_one_read_is_bounded_in_bytes(tmp_path: Path) -> None:
    store = SqliteOutputs(tmp_path / "outputs.db")
    store.append([block(n, 1_500_000) for n in range(1, 8)])
    assert [b.seq for b in store.read(0, 100)] == [1, 2, 3]
    store.close()


def test_damaged_bytes_are_named_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "outputs.db"
    store = SqliteOutputs(path)
    store.append([block(1, 1000)])
    store.close()
    db = sqlite3.connect(path)
    data = bytearray(db.execute("SELECT block FROM blocks").fetchone()[0])
    data[500] ^= 1
    with db:
        db.execute("UPDATE blocks SET block = ?", (bytes(data),))
    db.close()
    store = SqliteOutputs(path)
    with pytest.raises(CorruptData, match="block 1"):
        store.read(0, 1)
    store.close()


def test_a_killed_writer_loses_no_block_that_it_had_appended(tmp_path: Path) -> None:
    path = tmp_path / "outputs.db"
    said = 0
    for kills in range(4):
        command = [sys.executable, "-c", WRITER, str(path)]
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=SOURCE)
        assert writer.stdout is not None
        for _ in range(20 + 13 * kills):
            said = int(writer.stdout.readline())
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
        said = int(rest[-1]) if rest else said
        writer.stdout.close()
        writer.wait()
        store = SqliteOutputs(path)
        assert said <= store.last_seq() <= said + 1
        assert [b.seq for b in store.read(0, 10_000)] == list(range(1, store.last_seq() + 1))
        store.close()
