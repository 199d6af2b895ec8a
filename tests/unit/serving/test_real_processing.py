"""The followers behind the real core: whatever people do and whenever it is killed, the copy says what the state says."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_laws import DEFINITIONS, lives
from tidings.config import Config
from tidings.domain.message import Intents
from tidings.domain.output import OutputBlock
from tidings.hosts.project import computed_traits
from tidings.hosts.simulator import MemorySink, Simulator
from tidings.lake.follow import LakeFollower
from tidings.lake.memory import MemoryLake
from tidings.outputs.memory import MemoryOutputs
from tidings.process.profile import computed
from tidings.serving.projector import Projector
from tidings.testing import histories

LAWS = Path(__file__).resolve().parents[2] / "data/workspaces/laws"


class BlockSink(MemorySink):
    """Also keeps the blocks, as the store on disk does."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = MemoryOutputs()

    def put(self, block: OutputBlock, intents: Intents) -> None:
        super().put(block, intents)
        self.blocks.append([block])


def rows(db: sqlite3.Connection, sql: str) -> list[Any]:
    return sorted(db.execute(sql).fetchall())


@settings(max_examples=80, deadline=None)
@given(lives(), st.sampled_from([1, 4, 5_000]), st.sampled_from([1, 6, 10_000]))
def test_the_copy_says_what_the_state_says(items: Any, max_batch: int, max_outcomes: int) -> None:
    sink = BlockSink()
    simulator = histories.run(DEFINITIONS, items, max_batch=max_batch, sink=sink)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "serving.db"
        show = computed_traits(Config(workspace=LAWS))
        with closing(Projector(path, simulator.log, sink.blocks, show, max_outcomes=max_outcomes)) as projector:
            while projector.step():
                pass
        with closing(sqlite3.connect(path)) as db:
            same_people(db, simulator)
            same_runs(db, simulator)
            same_counts(db, sink, simulator.log.head())
    lake = MemoryLake()
    follower = LakeFollower(simulator.log, sink.blocks, lake, max_rows=max_outcomes)
    while follower.step():
        pass
    assert [row.offset for row in lake.rows()] == applied(sink)


def applied(sink: MemorySink) -> list[int]:
    return [outcome.offset for outcome in sink.outcomes if outcome.profile_id]


def same_people(db: sqlite3.Connection, simulator: Simulator) -> None:
    people = list(simulator.people())
    wanted = [(one.profile_id, one.first_us, one.last_us, one.events) for one in people]
    assert rows(db, "SELECT profile_id, first_us, last_us, events FROM people") == sorted(wanted)
    shown = {who: msgspec.json.decode(text) for who, text in db.execute("SELECT profile_id, computed FROM people")}
    for one in people:
        assert shown[one.profile_id] == msgspec.to_builtins(computed(one, DEFINITIONS.layout))
    members = [(name, one.profile_id, at_us) for one in people for name, at_us in one.segments.items()]
    assert rows(db, "SELECT segment, profile_id, entered_us FROM members") == sorted(members)
    counted = rows(db, "SELECT segment, members FROM segment_counts WHERE members != 0")
    assert counted == rows(db, "SELECT segment, COUNT(*) FROM members GROUP BY segment")
    links = [(kind, value, one.profile_id) for one in people for kind, value in one.identifiers if kind != "profile"]
    assert rows(db, "SELECT * FROM identifiers") == sorted(links)


def same_runs(db: sqlite3.Connection, simulator: Simulator) -> None:
    runs = [(run.run_id, one.profile_id, run.step) for one in simulator.people() for run in one.runs]
    assert rows(db, "SELECT run_id, profile_id, step FROM runs WHERE state = 'active'") == sorted(runs)


def same_counts(db: sqlite3.Connection, sink: MemorySink, head: int) -> None:
    assert db.execute("SELECT SUM(applied), SUM(duplicate), SUM(rejected) FROM counts").fetchone() == tuple(sink.counts)
    assert db.execute("SELECT upto_offset FROM cursor").fetchone() == (head,)
    assert [row[0] for row in rows(db, "SELECT offset FROM timeline")] == applied(sink)
    living = {row[0] for row in db.execute("SELECT profile_id FROM people")}
    assert {row[0] for row in db.execute("SELECT profile_id FROM timeline")} <= living
