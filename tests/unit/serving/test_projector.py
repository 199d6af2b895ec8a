"""The serving copy tells exactly what the blocks said, however they are cut, repeated or interrupted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.outputs.stream import SlowLog, Stream
from tidings.domain.output import APPLIED, DUPLICATE, REJECTED, OutputBlock
from tidings.domain.profile import ProfileState
from tidings.errors import CorruptData, InputError
from tidings.outputs.base import OutputGapError
from tidings.outputs.memory import MemoryOutputs
from tidings.serving.db import open_reading
from tidings.serving.events import RECENT_RECORDS
from tidings.serving.projector import Cursor, Projector

TABLES = (
    "counts", "people", "identifiers", "merges", "timeline", "recent", "rejected", "members", "member_changes",
    "segment_counts", "runs", "run_steps",
)  # fmt: skip


@pytest.fixture(scope="module")
def stream() -> Stream:
    return Stream(seed=1, events=1_500)


def project(path: Path, stream: Stream, *, max_outcomes: int = 10_000) -> Projector:
    outputs = MemoryOutputs()
    outputs.append(stream.blocks)
    projector = Projector(path, stream.log, outputs, lambda state: {"events": state.events}, max_outcomes=max_outcomes)
    run(projector)
    return projector


@pytest.fixture(scope="module")
def db(stream: Stream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("serving") / "serving.db"
    project(path, stream).close()
    opened = open_reading(path)
    yield opened
    opened.close()


def run(projector: Projector) -> None:
    while projector.step():
        pass


def tables(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    opened = sqlite3.connect(path)
    found = {name: opened.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in TABLES}
    opened.close()
    return found


def test_each_record_has_exactly_one_outcome_by_source(db: sqlite3.Connection, stream: Stream) -> None:
    counts = {row["source"]: row for row in db.execute("SELECT * FROM counts")}
    for source in ("web", "app", "crm"):
        for column, status in (("applied", APPLIED), ("duplicate", DUPLICATE), ("rejected", REJECTED)):
            assert counts[source][column] == stream.counts[source, status]
    assert db.execute("SELECT SUM(applied + duplicate + rejected) FROM counts").fetchone()[0] == stream.log.head()
    assert db.execute("SELECT upto_offset FROM cursor").fetchone()[0] == stream.log.head()


def test_people_are_the_last_states_and_nobody_else(db: sqlite3.Connection, stream: Stream) -> None:
    people = {row["profile_id"]: row for row in db.execute("SELECT * FROM people")}
    assert set(people) == set(stream.states)
    for who, state in stream.states.items():
        row = people[who]
        assert (row["first_us"], row["last_us"], row["events"]) == (state.first_us, state.last_us, state.events)
        assert msgspec.json.decode(row["segments"]) == state.segments
        assert msgspec.json.decode(row["computed"]) == {"events": state.events}
        assert msgspec.json.decode(row["traits"]) == {name: t.value for name, t in state.traits.items()}


def test_a_known_person_has_name_address_and_consent(db: sqlite3.Connection) -> None:
    row = db.execute("SELECT * FROM people WHERE traits != '{}' AND user_id = 'u3'").fetchone()
    assert (row["email"], row["name"], row["known"]) == ("u3@x.example", "U3 Ü\0", 1)
    consent = msgspec.json.decode(row["consents"])["marketing"]
    assert consent["granted"] is True
    assert consent["method"] == "checkbox"


def test_members_are_what_the_states_say_and_counts_follow(db: sqlite3.Connection, stream: Stream) -> None:
    found: dict[str, set[str]] = {}
    for row in db.execute("SELECT * FROM members"):
        found.setdefault(row["segment"], set()).add(row["profile_id"])
        assert row["entered_us"] == stream.states[row["profile_id"]].segments[row["segment"]]
    assert found == stream.members()
    counted = dict(db.execute("SELECT segment, members FROM segment_counts").fetchall())
    assert {name: n for name, n in counted.items() if n} == {name: len(who) for name, who in found.items()}


def test_a_merge_moves_everything_to_the_survivor(db: sqlite3.Connection, stream: Stream) -> None:
    assert len(stream.survivor) > 5
    merges = dict(db.execute("SELECT absorbed, survivor FROM merges").fetchall())
    assert merges == stream.survivor
    for table in ("timeline", "identifiers", "runs", "member_changes", "members", "people"):
        left = {row[0] for row in db.execute(f"SELECT profile_id FROM {table}")} & set(merges)
        assert not left, table


def test_a_timeline_has_each_applied_event_once(db: sqlite3.Connection, stream: Stream) -> None:
    rows = {row["offset"]: row["profile_id"] for row in db.execute("SELECT * FROM timeline")}
    assert rows == {offset: stream.final(who) for offset, who in stream.applied.items()}
    row = db.execute("SELECT * FROM timeline WHERE name = 'Product Viewed' LIMIT 1").fetchone()
    assert msgspec.json.decode(row["summary"])["tags"] == 2
    assert row["received_us"] >= row["occurred_us"]


def test_rejected_events_keep_reason_and_bytes(db: sqlite3.Connection, stream: Stream) -> None:
    rows = db.execute("SELECT * FROM rejected").fetchall()
    assert len(rows) == stream.counts["web", REJECTED]
    for row in rows:
        assert (row["reason"], row["detail"]) == ("unknown_type", "type: got 'nonsense'")
        assert row["body"] == stream.log.read(row["offset"], 1)[0].records[0].body


def test_recent_keeps_the_newest_records_of_any_outcome(db: sqlite3.Connection, stream: Stream) -> None:
    offsets = [row[0] for row in db.execute("SELECT offset FROM recent ORDER BY offset")]
    assert offsets == list(range(stream.log.head() - RECENT_RECORDS, stream.log.head()))
    assert {row[0] for row in db.execute("SELECT status FROM recent")} == {APPLIED, DUPLICATE, REJECTED}


def test_runs_have_numbered_steps_and_an_end(db: sqlite3.Connection, stream: Stream) -> None:
    started = [f.data["run_id"] for b in stream.blocks for f in b.facts if f.kind == "run_started"]
    ended = {f.data["run_id"] for b in stream.blocks for f in b.facts if f.kind == "run_ended"}
    rows = {row["run_id"]: row for row in db.execute("SELECT * FROM runs")}
    assert set(rows) == set(started)
    assert {run for run, row in rows.items() if row["state"] == "ended"} == ended
    assert all(row["step"] == "send" for row in rows.values())
    steps = db.execute("SELECT n, step, outcome FROM run_steps WHERE run_id = ?", (started[0],)).fetchall()
    assert [tuple(step) for step in steps] == [(1, "wait", "waits 5m")]


@pytest.mark.parametrize("max_outcomes", [1, 13, 400])
def test_the_tables_do_not_depend_on_how_blocks_are_grouped(stream: Stream, tmp_path: Path, max_outcomes: int) -> None:
    project(tmp_path / "one.db", stream).close()
    project(tmp_path / "many.db", stream, max_outcomes=max_outcomes).close()
    assert tables(tmp_path / "many.db") == tables(tmp_path / "one.db")


def test_blocks_that_are_cut_differently_give_the_same_people_and_members(tmp_path: Path) -> None:
    coarse, fine = Stream(seed=4, events=400, batch=50), Stream(seed=4, events=400, batch=50)
    fine.blocks = _merge_all(fine.blocks)
    project(tmp_path / "coarse.db", coarse).close()
    project(tmp_path / "fine.db", fine).close()
    assert tables(tmp_path / "fine.db") == tables(tmp_path / "coarse.db")


def _merge_all(blocks: list[OutputBlock]) -> list[OutputBlock]:
    """The same work as if it had been one micro-batch."""
    outcomes = [o for b in blocks for o in b.outcomes]
    facts = [f for b in blocks for f in b.facts]
    profiles = {who: data for b in blocks for who, data in b.profiles}
    return [OutputBlock(1, blocks[-1].upto_offset, outcomes, facts, list(profiles.items()))]


def test_a_projector_goes_on_where_another_stopped(stream: Stream, tmp_path: Path) -> None:
    outputs = MemoryOutputs()
    for upto in range(0, len(stream.blocks), 40):
        outputs.append(stream.blocks[: upto + 40])
        projector = Projector(tmp_path / "serving.db", stream.log, outputs, lambda s: {"events": s.events})
        run(projector)
        projector.close()
    project(tmp_path / "once.db", stream).close()
    assert tables(tmp_path / "serving.db") == tables(tmp_path / "once.db")


def test_a_failure_in_the_middle_of_a_transaction_leaves_no_trace(stream: Stream, tmp_path: Path) -> None:
    outputs = MemoryOutputs()
    outputs.append(stream.blocks)
    calls = 0

    def fail_late(state: ProfileState) -> dict[str, Any]:
        nonlocal calls
        calls += 1
        if calls > 100:
            raise RuntimeError("power cut")
        return {"events": state.events}

    projector = Projector(tmp_path / "serving.db", stream.log, outputs, fail_late, max_outcomes=500)
    with pytest.raises(RuntimeError, match="power cut"):
        run(projector)
    assert (
        projector.cursor().upto_offset
        == projector._db.execute("SELECT COALESCE(SUM(applied + duplicate + rejected), 0) FROM counts").fetchone()[0]
    )
    projector.close()
    project(tmp_path / "serving.db", stream).close()
    project(tmp_path / "once.db", stream).close()
    assert tables(tmp_path / "serving.db") == tables(tmp_path / "once.db")


def test_a_log_that_answers_in_small_pieces_makes_no_difference(stream: Stream, tmp_path: Path) -> None:
    outputs = MemoryOutputs()
    outputs.append(stream.blocks)
    projector = Projector(tmp_path / "slow.db", SlowLog(stream.log, 3), outputs, lambda s: {"events": s.events})
    run(projector)
    projector.close()
    project(tmp_path / "once.db", stream).close()
    assert tables(tmp_path / "slow.db") == tables(tmp_path / "once.db")


def test_a_block_that_was_trimmed_too_early_is_noticed(stream: Stream, tmp_path: Path) -> None:
    outputs = MemoryOutputs()
    outputs.append(stream.blocks[:5])
    outputs.trim(2)
    projector = Projector(tmp_path / "serving.db", stream.log, outputs)
    with pytest.raises(OutputGapError, match="block 3 does not follow block 0"):
        projector.step()
    assert projector.cursor() == Cursor(0, 0)
    projector.close()


def test_a_record_missing_from_the_log_is_named(stream: Stream, tmp_path: Path) -> None:
    outputs = MemoryOutputs()
    outputs.append(stream.blocks)
    projector = Projector(tmp_path / "serving.db", Stream(seed=1, events=3).log, outputs)
    with pytest.raises(CorruptData, match="no record at offset 3"):
        projector.step()
    projector.close()


def test_sync_says_which_blocks_are_safe(stream: Stream, tmp_path: Path) -> None:
    projector = project(tmp_path / "serving.db", stream)
    assert projector.sync() == len(stream.blocks)
    projector.close()


def test_reading_before_there_is_a_copy_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no serving copy yet"):
        open_reading(tmp_path / "serving.db")
