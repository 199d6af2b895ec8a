"""Messages of broadcasts in the ledger: they leave after all others, stay while theirs is paused, and never go once it is given up.

How a broadcast stands is a row of `broadcasts`; the latest record to everybody holds, however often it is handed on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidings.deliver.database import Connection, Database
from tidings.domain.message import HoldIntent

PAUSED = "paused"
CANCELLED = "cancelled"
"""Why a message does not go."""

Statements = Mapping[str, str]


def note(db: Connection, sql: Statements, holds: Sequence[HoldIntent]) -> None:
    """Within a transaction: these broadcasts stand like that from now on."""
    for hold in holds:
        cancelled_us = hold.known_us if hold.state == HoldIntent.CANCELLED else -1
        db.execute(sql["note_broadcast"], (hold.journey, hold.number, hold.state, cancelled_us))


def due(db: Database, sql: Statements, now_us: int, limit: int) -> list[Any]:
    """Rows of at most `limit` messages of broadcasts that are not paused, whose turn has come; those that waited longest first."""
    found = []
    for (journey,) in db.rows(sql["broadcasts_going"]):
        found += db.rows(sql["due_bulk"], (journey, now_us, limit))
    return sorted(found, key=lambda row: row[-1])[:limit]


def next_due_us(db: Database, sql: Statements) -> int | None:
    """When the next of them is due; None when there is none."""
    instants = [db.row(sql["next_due_bulk"], (journey,)) for (journey,) in db.rows(sql["broadcasts_going"])]
    return min((int(row[0]) for row in instants if row is not None), default=None)


def refusal(db: Connection, sql: Statements, message_id: str) -> str | None:
    """Within a transaction: why this message may not go as its broadcast stands; None when it may."""
    row = db.execute(sql["broadcast_of"], (message_id,)).fetchone()
    if row is None:
        return None
    state, cancelled_us, decided_us = row
    if decided_us <= cancelled_us:
        return CANCELLED
    return PAUSED if state == HoldIntent.HELD else None


def drop_cancelled(db: Database, sql: Statements, now_us: int, limit: int) -> int:
    """End at most `limit` queued messages of broadcasts that were given up; how many."""
    given_up = db.rows(sql["broadcasts_given_up"])
    if not given_up:
        return 0
    dropped = 0
    with db.transaction() as writing:
        for journey, cancelled_us in given_up:
            values = (CANCELLED, now_us, journey, cancelled_us, limit - dropped)
            dropped += len(writing.execute(sql["drop_cancelled"], values).fetchall())
    return dropped
