"""Outcomes as rows: counts by source, timelines, the newest records, and the dead-letter store."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from tidings.domain.control import is_change
from tidings.domain.event import Event
from tidings.domain.everybody import is_asked
from tidings.domain.item import is_item
from tidings.domain.output import APPLIED, REJECTED
from tidings.outputs.join import Taken

RECENT_RECORDS = 500
"""Newest records kept for the live page."""
SUMMARY_PROPERTIES = 5
"""Properties that a timeline row carries at most."""
SUMMARY_CHARS = 100
"""Longest text of one of them."""

_COUNT = """INSERT INTO counts VALUES (?, ?, ?, ?) ON CONFLICT (source) DO UPDATE SET applied = applied + excluded.applied,
  duplicate = duplicate + excluded.duplicate, rejected = rejected + excluded.rejected"""
_TIMELINE = "INSERT OR REPLACE INTO timeline VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_RECENT = "INSERT OR REPLACE INTO recent VALUES (?, ?, ?, ?, ?, ?, ?)"
_FORGET = "DELETE FROM recent WHERE offset <= (SELECT MAX(offset) FROM recent) - ?"
_REJECTED = "INSERT OR REPLACE INTO rejected VALUES (?, ?, ?, ?, ?, ?)"


class EventRows:
    """Rows of one transaction, collected and then written at once. Bounded by the transaction's outcomes."""

    def __init__(self) -> None:
        self._counts: dict[str, list[int]] = {}
        self._timeline: list[tuple[Any, ...]] = []
        self._recent: deque[tuple[Any, ...]] = deque(maxlen=RECENT_RECORDS)
        self._rejected: list[tuple[Any, ...]] = []

    def add(self, taken: Taken) -> None:
        """Note what became of one record."""
        outcome, event = taken.outcome, taken.event
        counts = self._counts.setdefault(outcome.source, [0, 0, 0])
        counts[outcome.status] += 1
        if is_change(taken.record) or is_asked(taken.record):
            return  # it is about nobody
        name = event.name if isinstance(event, Event) else "Item" if is_item(taken.record) else ""
        word, _, sentence = outcome.reason.partition(": ")
        self._recent.append(
            (outcome.offset, taken.received_us, outcome.status, outcome.source, name, outcome.profile_id, word)
        )
        if outcome.status == REJECTED:
            body = taken.record.body
            self._rejected.append((outcome.offset, taken.received_us, outcome.source, word, sentence, body))
        elif outcome.status == APPLIED and isinstance(event, Event):  # else it was erased from the log since
            self._timeline.append(_timeline_row(outcome.profile_id, event))

    def write(self, db: sqlite3.Connection, survivor: Callable[[str], str]) -> None:
        """Write them all; `survivor` names the profile that absorbed one in this transaction, or the same."""
        db.executemany(_COUNT, [(source, *numbers) for source, numbers in self._counts.items()])
        db.executemany(_TIMELINE, [(survivor(row[0]), *row[1:]) for row in self._timeline])
        db.executemany(_RECENT, self._recent)
        db.execute(_FORGET, (RECENT_RECORDS,))
        db.executemany(_REJECTED, self._rejected)


def _timeline_row(profile_id: str, event: Event) -> tuple[Any, ...]:
    what = (event.source, event.kind, event.name, event.event_id, summary(event))
    return (profile_id, event.occurred_us, event.offset, event.received_us, *what)


def summary(event: Event) -> str:
    """A few of its properties (traits of an identify) as JSON; texts cut, lists as their length."""
    said = event.traits if event.kind == "identify" else event.properties
    few: dict[str, object] = {}
    for name, value in said.items():
        if len(few) == SUMMARY_PROPERTIES:
            break
        if isinstance(value, str):
            few[name[:SUMMARY_CHARS]] = value[:SUMMARY_CHARS]
        elif isinstance(value, list):
            few[name[:SUMMARY_CHARS]] = len(value)
        elif not isinstance(value, dict):
            few[name[:SUMMARY_CHARS]] = value
    return msgspec.json.encode(few).decode()
