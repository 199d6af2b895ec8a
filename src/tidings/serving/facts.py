"""Facts as rows: members and their changes, runs and their steps, identifiers, merges. One function a kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from tidings.domain.output import Ending, Fact, FactKind

LANE = "path "
"""What a step of a run began with that a parallel path took, and not the run itself."""
_CHANGE = """INSERT INTO member_changes (segment, profile_id, entered, occurred_us, known_us, cause)
  VALUES (?, ?, ?, ?, ?, ?)"""
_ENTER = """INSERT INTO members VALUES (?, ?, ?, ?) ON CONFLICT (segment, profile_id)
  DO UPDATE SET entered_us = excluded.entered_us, known_us = excluded.known_us"""
_LEAVE = "DELETE FROM members WHERE segment = ? AND profile_id = ?"
_START = "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, 'active', '', ?, ?, ?, ?, '')"
_LANE = "INSERT OR REPLACE INTO runs VALUES (?, ?, ?, ?, ?, 'lane', '', ?, ?, ?, ?, '')"
"""A parallel path waits at steps like a run, and is none: its steps are those of the run that it belongs to."""
_STEP = (
    """INSERT INTO run_steps SELECT ?1, COALESCE(MAX(n), 0) + 1, ?2, ?3, ?4, ?5, ?6 FROM run_steps WHERE run_id = ?1"""
)
_ADVANCE = "UPDATE runs SET step = ?, updated_us = ? WHERE run_id = ?"
_END = "UPDATE runs SET state = 'ended', step = ?, outcome = ?, updated_us = ?, ended_by = ? WHERE run_id = ?"
_ENDING = "INSERT INTO endings VALUES (?, ?, 1) ON CONFLICT (journey, how) DO UPDATE SET n = n + 1"
_MOVE = "UPDATE runs SET version = ?, step = ?, updated_us = ? WHERE run_id = ?"
_IDENTIFY = "INSERT OR REPLACE INTO identifiers VALUES (?, ?, ?)"
_MERGE = "INSERT OR REPLACE INTO merges VALUES (?, ?, ?, ?, ?)"
_MOVES = (
    "UPDATE timeline SET profile_id = ?1 WHERE profile_id = ?2",
    "UPDATE identifiers SET profile_id = ?1 WHERE profile_id = ?2",
    "UPDATE runs SET profile_id = ?1 WHERE profile_id = ?2",
    "UPDATE member_changes SET profile_id = ?1 WHERE profile_id = ?2",
    # Not OR REPLACE: the survivor's own membership stays, and an UPDATE would not count through the triggers.
    "INSERT OR IGNORE INTO members SELECT segment, ?1, entered_us, known_us FROM members WHERE profile_id = ?2",
    "DELETE FROM members WHERE profile_id = ?2",
)


def store(db: sqlite3.Connection, fact: Fact) -> None:
    """Write one fact. Kinds that say nothing to keep are left out."""
    keep = _KINDS.get(fact.kind)
    if keep is not None:
        keep(db, fact)


def _entered(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute(_CHANGE, (fact.subject, fact.profile_id, 1, fact.occurred_us, fact.known_us, fact.cause))
    db.execute(_ENTER, (fact.subject, fact.profile_id, fact.occurred_us, fact.known_us))


def _left(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute(_CHANGE, (fact.subject, fact.profile_id, 0, fact.occurred_us, fact.known_us, fact.cause))
    db.execute(_LEAVE, (fact.subject, fact.profile_id))


def _run_started(db: sqlite3.Connection, fact: Fact) -> None:
    data = fact.data
    ids = (data["run_id"], fact.subject, data["version"], fact.profile_id, data.get("step", ""))
    db.execute(_START, (*ids, fact.occurred_us, fact.known_us, fact.known_us, fact.cause))


def _run_step(db: sqlite3.Connection, fact: Fact) -> None:
    data = fact.data
    words = data.get("outcome", "")
    what = (data["step"], f"{LANE}{data['lane']}: {words}" if "whole" in data else words)
    db.execute(_STEP, (data.get("whole", data["run_id"]), *what, fact.occurred_us, fact.known_us, fact.cause))
    db.execute(_ADVANCE, (data.get("next") or data["step"], fact.known_us, data["run_id"]))


def _run_moved(db: sqlite3.Connection, fact: Fact) -> None:
    data = fact.data
    words = f"moved to {data['step']} of version {data['version']}"
    db.execute(_STEP, (data["run_id"], data["from_step"], words, fact.occurred_us, fact.known_us, fact.cause))
    db.execute(_MOVE, (data["version"], data["step"], fact.known_us, data["run_id"]))


def _run_ended(db: sqlite3.Connection, fact: Fact) -> None:
    data = fact.data
    db.execute(_END, (data.get("step", ""), data.get("outcome", ""), fact.known_us, fact.cause, data["run_id"]))
    db.execute(_ENDING, (fact.subject, data.get("end", Ending.FINISHED)))


def _lane_started(db: sqlite3.Connection, fact: Fact) -> None:
    data = fact.data
    ids = (data["run_id"], fact.subject, data["version"], fact.profile_id, data["step"])
    db.execute(_LANE, (*ids, fact.occurred_us, fact.known_us, fact.known_us, fact.cause))


def _lane_ended(db: sqlite3.Connection, fact: Fact) -> None:
    data = fact.data
    what = (data["step"], f"{LANE}{data['lane']}: {data['outcome']}")
    db.execute(_STEP, (data["whole"], *what, fact.occurred_us, fact.known_us, fact.cause))
    db.execute("DELETE FROM runs WHERE run_id = ?", (data["run_id"],))


def _identified(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute(_IDENTIFY, (fact.data["kind"], fact.data["value"], fact.profile_id))


def _merged(db: sqlite3.Connection, fact: Fact) -> None:
    db.execute(_MERGE, (fact.subject, fact.profile_id, fact.occurred_us, fact.known_us, fact.cause))
    for move in _MOVES:
        db.execute(move, (fact.profile_id, fact.subject))


_KINDS: dict[str, Callable[[sqlite3.Connection, Fact], None]] = {
    FactKind.SEGMENT_ENTERED: _entered,
    FactKind.SEGMENT_LEFT: _left,
    FactKind.RUN_STARTED: _run_started,
    FactKind.RUN_STEP: _run_step,
    FactKind.LANE_STARTED: _lane_started,
    FactKind.LANE_ENDED: _lane_ended,
    FactKind.RUN_MOVED: _run_moved,
    FactKind.RUN_ENDED: _run_ended,
    FactKind.IDENTIFIED: _identified,
    FactKind.PROFILE_MERGED: _merged,
}
