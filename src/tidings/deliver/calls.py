"""The store of what journeys want done outside: one row each, from the intent to the event that the log takes for it.

The processor adds, the deliver role moves: an event of ours is ready for the log at once; a call is queued until a webhook
answered or it is given up, and then the event that says so is ready. Each method that writes is one transaction that is on
the disk when it returns, and a row ends once, so each call has one answer however often a crash repeats it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from itertools import accumulate
from pathlib import Path

import msgspec

from tidings.deliver.database import Connection, Database, named, open_durable, statements
from tidings.domain import outward
from tidings.domain.message import CallIntent, EventIntent
from tidings.domain.outward import Answer

FILE = "calls.db"
MAX_REPORT_BYTES = 1_000_000
"""Events handed to the log at once, together; a collector takes no larger bodies than it says."""
_SQL = named(files("tidings.deliver").joinpath("calls.sql").read_text("utf-8"))
_SCHEMA = statements(files("tidings.deliver").joinpath("calls_schema.sql").read_text("utf-8"))
_INTENT = msgspec.json.Decoder(CallIntent)
_ENCODE = msgspec.json.encode


class DueCall(msgspec.Struct, frozen=True):
    """A call whose turn has come."""

    intent: CallIntent
    attempts: int
    """Tries begun before."""


class Ready(msgspec.Struct, frozen=True):
    """An event that the log shall take."""

    id: str
    event: bytes
    """JSON of the call."""


class HookState(msgspec.Struct, frozen=True):
    """How one webhook does."""

    hook: str
    ok: int
    failed: int
    """Calls given up."""
    in_a_row: int
    """Tries that went wrong since the last that went well."""
    error: str
    """Of the last try, if it went wrong."""
    at_us: int
    """When the last try ended."""


class CallRow(msgspec.Struct, frozen=True):
    """One row, for people."""

    id: str
    hook: str
    journey: str
    step: str
    known_us: int
    until_us: int
    next_us: int
    attempts: int
    finished_us: int | None
    result: str
    status: int
    error: str
    reported: int


class Calls:
    """The store in one SQLite file. Any number of processes may have it open."""

    def __init__(self, path: Path, *, connect: Callable[[Path], Connection] = open_durable) -> None:
        """Open `path`, making the file when there is none. `connect` must give durable commits."""
        self._db = Database(connect(path), path.with_name(f"{path.name}.lock"))
        with self._db.transaction() as db:
            for statement in _SCHEMA:
                db.execute(statement)

    # -- the processor's side ---------------------------------------------------------------------------------------

    def add(self, events: Sequence[EventIntent], calls: Sequence[CallIntent]) -> None:
        """Keep these, all in one transaction. Ids already there are left as they are."""
        own = [
            (one.event_id, one.profile_id, one.journey, one.step, one.known_us, one.known_us, _call(one))
            for one in events
        ]
        asked = [_call_row(one) for one in calls]
        with self._db.transaction() as db:
            if own:
                db.executemany(_SQL["add_event"], own)
            if asked:
                db.executemany(_SQL["add_call"], asked)

    # -- the deliver role's side ------------------------------------------------------------------------------------

    def hooks_queued(self) -> list[str]:
        """Names of the webhooks that have calls queued."""
        found: list[str] = []
        while (row := self._db.row(_SQL["next_hook"], (found[-1] if found else "",))) is not None:
            found.append(row[0])
        return found

    def due(self, hook: str, now_us: int, limit: int) -> list[DueCall]:
        """At most `limit` queued calls of one webhook whose turn has come and whose time is not over, the longest waiting first."""
        rows = self._db.rows(_SQL["due"], (hook, now_us, now_us, limit))
        return [DueCall(_INTENT.decode(row[0]), row[1]) for row in rows]

    def expired(self, hook: str, now_us: int, limit: int) -> list[DueCall]:
        """At most `limit` queued calls of one webhook for whose answer nobody waits any more."""
        return [
            DueCall(_INTENT.decode(row[0]), row[1]) for row in self._db.rows(_SQL["expired"], (hook, now_us, limit))
        ]

    def next_due_us(self, hook: str, after_us: int) -> int:
        """The next instant after this one at which a queued call of a webhook is due; 0 for none."""
        row = self._db.row(_SQL["next_due"], (hook, after_us))
        return 0 if row is None else int(row[0])

    def begin(self, call_ids: Sequence[str]) -> None:
        """A try of each of these begins."""
        with self._db.transaction() as db:
            db.executemany(_SQL["begin"], [(one,) for one in call_ids])

    def again(self, intent: CallIntent, answer: Answer, *, now_us: int, next_us: int) -> None:
        """The try went wrong; the next one is at `next_us` at the earliest."""
        with self._db.transaction() as db:
            db.execute(_SQL["again"], (next_us, answer.status, answer.error, intent.call_id))
            db.execute(_SQL["went_wrong"], (intent.webhook, 0, answer.error, now_us))

    def finish(self, intent: CallIntent, answer: Answer, *, now_us: int) -> None:
        """The call ends with this answer, and the event that says so is ready for the log."""
        event = _ENCODE(outward.answered(intent, answer, now_us))
        went_well = answer.result == outward.OK
        with self._db.transaction() as db:
            db.execute(_SQL["finish"], (answer.result, answer.status, answer.error, now_us, event, intent.call_id))
            if went_well:
                db.execute(_SQL["went_well"], (intent.webhook, now_us))
            else:
                db.execute(_SQL["went_wrong"], (intent.webhook, 1, answer.error, now_us))

    def unreported(self, limit: int) -> list[Ready]:
        """At most `limit` events that the log does not have yet, in the order in which they were wanted; fewer when they are large."""
        found = [Ready(*row) for row in self._db.rows(_SQL["unreported"], (limit,))]
        sizes = accumulate(len(one.event) for one in found)
        return [one for one, size in zip(found, sizes, strict=True) if size <= MAX_REPORT_BYTES or one is found[0]]

    def mark_reported(self, ready: Sequence[Ready]) -> None:
        """The log has these."""
        with self._db.transaction() as db:
            db.executemany(_SQL["mark_reported"], [(one.id,) for one in ready])

    # -- reading ----------------------------------------------------------------------------------------------------

    def queued(self) -> dict[str, int]:
        """How many calls wait, by webhook."""
        return {hook: int(count) for hook, count in self._db.rows(_SQL["queued"])}

    def hooks(self) -> list[HookState]:
        """How each webhook that was ever called does."""
        return [HookState(*row) for row in self._db.rows(_SQL["hooks"])]

    def call(self, call_id: str) -> CallRow | None:
        """One row, or None."""
        row = self._db.row(_SQL["call"], (call_id,))
        return None if row is None else CallRow(*row)

    def close(self) -> None:
        """Release the file."""
        self._db.close()


def _call(intent: EventIntent) -> bytes:
    return _ENCODE(outward.call_of(intent))


def _call_row(intent: CallIntent) -> tuple[str | int | bytes, ...]:
    who = (intent.call_id, intent.webhook, intent.profile_id, intent.journey, intent.step)
    return (*who, intent.known_us, intent.until_us, intent.known_us, _ENCODE(intent))
