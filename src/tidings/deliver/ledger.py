"""The send ledger: one row per decision to send, from the decision to its one recorded end (laws 6 and 7).

The processor adds (`add`), the deliver role moves (`due`, `begin_attempt`, `finish`, `recover`), the role reports ends
as events (`unreported`, `mark_reported`), the console and the collector read. Each method that writes is one
transaction that is on the disk when it returns.

    queued ──► attempting ──► accepted | refused | in_doubt
      ▲  │          │
      │  │          └──► queued again (the server said "later", or at_least_once after a crash)
      │  └──► suppressed | refused
    added suppressed ── stays so
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from tidings.deliver import bulk
from tidings.deliver.database import Connection, Database, named, open_durable, statements
from tidings.deliver.records import (
    Attempt,
    Begin,
    Due,
    End,
    Frozen,
    Recovered,
    Report,
    Row,
    Suppression,
    as_row,
)
from tidings.domain.message import DeliveryState as State
from tidings.domain.message import HoldIntent, SendIntent, SuppressIntent
from tidings.errors import Permanent
from tidings.recommend.base import Recommendation

AT_LEAST_ONCE = "at_least_once"
QUIET_HOURS = "quiet_hours"
"""The reason of a queued message that quiet hours put off."""
MAX_INTENT_BYTES = 1024 * 1024
"""Largest decoded intent; processing bounds it far below."""
MAX_REPLY_CHARS = 500
"""Longest server answer kept."""

_SQL = named(files("tidings.deliver").joinpath("ledger.sql").read_text("utf-8"))
_SCHEMA = statements(files("tidings.deliver").joinpath("schema.sql").read_text("utf-8"))
_MOVES = {
    State.QUEUED: {State.QUEUED, State.REFUSED},
    State.ATTEMPTING: {State.QUEUED, State.ACCEPTED, State.REFUSED, State.IN_DOUBT},
    State.IN_DOUBT: {State.ACCEPTED, State.REFUSED},
}
_ITEMS = msgspec.json.Decoder(list[Recommendation])
_LINKS = msgspec.json.Decoder(list[str])
_INTENT = msgspec.json.Decoder(SendIntent)


class IllegalMove(Permanent):
    """A message cannot go from the state it is in to the one asked for; the caller has a fault."""


class Ledger:
    """The ledger in one SQLite file. Any number of processes may have it open."""

    def __init__(self, path: Path, *, connect: Callable[[Path], Connection] = open_durable) -> None:
        """Open `path`, making the file when there is none. `connect` must give durable commits."""
        self._db = Database(connect(path), path.with_name(f"{path.name}.lock"))
        self._pack = zstandard.ZstdCompressor(level=1).compress  # made once: its tables are larger than what it packs
        with self._db.transaction() as db:
            for number, statement in enumerate(_SCHEMA):
                db.execute(statement)
                if number == 0:
                    _add_columns(db)

    # -- the processor's side ---------------------------------------------------------------------------------------

    def add(
        self,
        intents: Sequence[SendIntent],
        suppressions: Sequence[SuppressIntent],
        holds: Sequence[HoldIntent] = (),
        *,
        now_us: int = 0,
    ) -> None:
        """Record decisions, never-send entries and how broadcasts stand, all in one transaction. Ids already there are left as
        they are.

        `now_us` is the instant of queueing (for latency figures); 0 stands for each decision's own instant.
        """
        rows = [_new_row(intent, self._pack(msgspec.json.encode(intent)), now_us) for intent in intents]
        with self._db.transaction() as db:
            if rows:
                db.executemany(_SQL["add"], rows)
            bulk.note(db, _SQL, holds)
            for entry in suppressions:
                if entry.active:
                    values = (entry.address.lower(), entry.category, entry.reason, entry.profile_id, entry.known_us)
                    db.execute(_SQL["suppress"], values)
                else:
                    db.execute(_SQL["lift"], (entry.address.lower(), entry.category, entry.known_us))

    def queued(self) -> int:
        """How many messages wait for hand-over or for its answer; those of broadcasts, behind which nobody waits, aside."""
        return int(self._db.row(_SQL["queued"])[0])

    def queued_bulk(self) -> int:
        """How many messages of broadcasts do."""
        return int(self._db.row(_SQL["queued_bulk"])[0])

    def in_quiet(self, *, bulk: bool = False) -> int:
        """How many of them, or of the others, are held until quiet hours end: no server is slow because of these."""
        return int(self._db.row(_SQL["in_quiet"], (int(bulk),))[0])

    # -- the deliver role's side ------------------------------------------------------------------------------------

    def due(self, now_us: int, limit: int) -> list[Due]:
        """At most `limit` queued messages whose turn has come: transactional ones first, then by waiting time, then broadcasts'."""
        found = self.due_first(now_us, limit)
        if len(found) == limit:
            return found
        return found + [_due(row[:-1]) for row in bulk.due(self._db, _SQL, now_us, limit - len(found))]

    def due_first(self, now_us: int, limit: int) -> list[Due]:
        """Those of them that are no broadcast's."""
        first = self._db.rows(_SQL["due_first"], (now_us, limit))
        taken = {row[0] for row in first}
        rest = self._db.rows(_SQL["due"], (now_us, limit)) if len(first) < limit else []
        rows = first + [row for row in rest if row[0] not in taken]
        return [_due(row) for row in rows[:limit]]

    def next_due_us(self) -> int | None:
        """The instant at which the next message that may go is due (it may be past); None when there is none."""
        row, later = self._db.row(_SQL["next_due"]), bulk.next_due_us(self._db, _SQL)
        if row is None or later is None:
            return later if row is None else int(row[0])
        return min(int(row[0]), later)

    def drop_cancelled(self, now_us: int, limit: int) -> int:
        """End at most `limit` queued messages of broadcasts that were given up; how many."""
        return bulk.drop_cancelled(self._db, _SQL, now_us, limit)

    def begin_attempt(self, message_id: str, now_us: int, frozen: Frozen, *, quiet_until_us: int = 0) -> str | None:
        """Permission to hand the message over now; None when given, else the reason why not.

        One transaction: the message must be queued and due, no never-send entry may stand against its address, it must not
        be in quiet hours (`quiet_until_us` is their end, if `now_us` lies in them), and then the attempt row and what it was
        rendered from are on the disk. A standing entry ends it as suppressed, as does a broadcast that was given up; quiet hours
        put it off to their end; one of a paused broadcast stays as it is.
        """
        asked = Begin(message_id=message_id, now_us=now_us, frozen=frozen, quiet_until_us=quiet_until_us)
        return self.move([asked], [])[0]

    def move(self, begins: Sequence[Begin], ends: Sequence[End]) -> list[str | None]:
        """Many a `finish`, then many a `begin_attempt`, in one transaction; the answers to the latter. Raises IllegalMove."""
        with self._db.transaction() as db:
            for end in ends:
                _finish(db, end)
            return [_begin(db, asked) for asked in begins]

    def withhold(self, message_id: str, now_us: int) -> bool:
        """End a queued message as suppressed if a never-send entry stands against it; whether that was so.

        A look ahead that spares making and connecting for nothing; permission is `begin_attempt`'s alone.
        """
        standing = self._db.row(_SQL["standing"], (message_id,))
        if standing is None or self._db.row(_SQL["suppressed_by"], (standing[2].lower(), standing[3])) is None:
            return False
        with self._db.transaction() as db:
            state, _, address, category, _ = db.execute(_SQL["standing"], (message_id,)).fetchone()
            entry = db.execute(_SQL["suppressed_by"], (address.lower(), category)).fetchone()
            if state != State.QUEUED or entry is None:
                return False
            db.execute(_SQL["set_suppressed"], (entry[0], now_us, message_id))
        return True

    def hold(self, message_id: str, until_us: int) -> None:
        """Put a queued message off to the end of quiet hours. A look ahead, as `withhold` is."""
        with self._db.transaction() as db:
            db.execute(_SQL["hold"], (until_us, QUIET_HOURS, message_id))

    def finish(
        self, message_id: str, state: str, *, now_us: int, reply: str = "", reason: str = "", next_us: int = 0
    ) -> None:
        """Record the end of an attempt, or of a try that never got as far as one. Raises IllegalMove.

        `state` is accepted, refused or in_doubt; or queued, with `next_us` as the earliest instant of the next try.
        """
        ended = End(message_id=message_id, state=state, now_us=now_us, reply=reply, reason=reason, next_us=next_us)
        self.move([], [ended])

    def first_attempt_us(self, message_id: str) -> int:
        """When a message was first handed over; 0 when it never was."""
        row = self._db.row(_SQL["first_attempt"], (message_id,))
        return int(row[0] or 0)

    def put_back(self, message_id: str, now_us: int, next_us: int, reply: str) -> None:
        """Queue a message again whose attempt met a fault that is not its own (a wrong key, an account without credit), however often.
        One that never got as far as an attempt stays as it is.
        """
        before = self._db.row(_SQL["standing"], (message_id,))
        if before is None or before[0] != State.ATTEMPTING:
            return
        with self._db.transaction() as db:
            standing = db.execute(_SQL["standing"], (message_id,)).fetchone()
            if standing is None or standing[0] != State.ATTEMPTING:
                return
            attempts, reply = standing[4], reply[:MAX_REPLY_CHARS]
            db.execute(_SQL["end_attempt"], (message_id, attempts, now_us, now_us, reply))
            db.execute(_SQL["finish"], (State.QUEUED, reply, "", attempts, next_us, None, message_id))

    def recover(self, now_us: int, *, max_attempts: int = 1_000_000, idempotent_us: int = 0) -> Recovered:
        """At the start of the role: settle what the last one left in flight. Call it before anything is handed over.

        At-most-once messages become in doubt; at-least-once ones are queued again, unless `max_attempts` are used up. So are all whose
        first attempt is less than `idempotent_us` ago: the other side knows a second copy for what it is.
        """
        in_doubt = queued = 0
        with self._db.transaction() as db:
            for message_id, mode, attempts in db.execute(_SQL["attempting"]).fetchall():
                known = now_us < (db.execute(_SQL["first_attempt"], (message_id,)).fetchone()[0] or 0) + idempotent_us
                again = (mode == AT_LEAST_ONCE or known) and attempts < max_attempts
                state, reason = (State.QUEUED, "") if again else (State.IN_DOUBT, "crash before the answer")
                ended_us = None if again else now_us
                db.execute(_SQL["end_attempt"], (message_id, attempts, now_us, now_us, "unknown: crash"))
                db.execute(_SQL["finish"], (state, "", reason, attempts, now_us, ended_us, message_id))
                queued, in_doubt = queued + again, in_doubt + (not again)
        return Recovered(in_doubt=in_doubt, queued=queued)

    def unreported(self, limit: int) -> list[Report]:
        """At most `limit` finished messages whose delivery event is not in the log yet."""
        return [Report(*row) for row in self._db.rows(_SQL["unreported"], (limit,))]

    def mark_reported(self, reports: Sequence[Report]) -> None:
        """The log has the delivery events of these."""
        with self._db.transaction() as db:
            db.executemany(_SQL["mark_reported"], [(report.message_id, report.state) for report in reports])

    def keep(self, version: str, body: bytes) -> None:
        """Keep what messages are rendered from under its version (a content hash)."""
        if self.kept(version) is None:
            with self._db.transaction() as db:
                db.execute(_SQL["keep"], (version, body))

    # -- reading ----------------------------------------------------------------------------------------------------

    def kept(self, version: str) -> bytes | None:
        """What is kept under this version."""
        row = self._db.row(_SQL["kept"], (version,))
        return None if row is None else bytes(row[0])

    def message(self, message_id: str) -> Row | None:
        """One message, or None."""
        row = self._db.row(_SQL["message"], (message_id,))
        return None if row is None else as_row(row)

    def intent(self, message_id: str) -> SendIntent | None:
        """The decision behind a message: its values and why; None when unknown."""
        row = self._db.row(_SQL["intent"], (message_id,))
        return None if row is None else _unpacked(row[0])

    def items(self, message_id: str) -> list[Recommendation]:
        """What the message's slots were filled with, each with its reason."""
        row = self._db.row(_SQL["intent"], (message_id,))
        return [] if row is None else _ITEMS.decode(row[1])

    def links(self, message_id: str) -> list[str]:
        """The destinations of a message's tracked links, by index."""
        row = self._db.row(_SQL["links"], (message_id,))
        return [] if row is None else _LINKS.decode(row[0])

    def link(self, message_id: str, index: int) -> str | None:
        """The destination of one tracked link; None when there is no such message or link."""
        links = self.links(message_id)
        return links[index] if 0 <= index < len(links) else None

    def attempts(self, message_id: str) -> list[Attempt]:
        """All tries to hand a message over, oldest first."""
        return [Attempt(*row) for row in self._db.rows(_SQL["attempts"], (message_id,))]

    def suppressions(self, address: str) -> list[Suppression]:
        """The never-send entries that stand against an address."""
        return [Suppression(*row) for row in self._db.rows(_SQL["suppressions"], (address.lower(),))]

    def recent(
        self, limit: int, before: tuple[int, str] | None = None, *, state: str = "", journey: str = ""
    ) -> list[Row]:
        """Messages, the latest decision first, of one state or journey if asked.

        `before` = (decided_us, message_id) of the last row of the previous page.
        """
        filters = {"state": state, "journey": journey}
        asked = [(f"{column} = ? AND ", value) for column, value in filters.items() if value]
        statement = _SQL["recent"].replace("/* filters */", "".join(text for text, _ in asked))
        top = before if before is not None else (1 << 62, "")
        return [as_row(row) for row in self._db.rows(statement, (*top, *(value for _, value in asked), limit))]

    def of_person(self, profile_id: str, limit: int) -> list[Row]:
        """One person's messages, the latest decision first."""
        return [as_row(row) for row in self._db.rows(_SQL["of_person"], (profile_id, limit))]

    def counts(self, *, journey: str = "") -> dict[str, int]:
        """How many messages are in each state, of one journey if asked."""
        return {state: int(n) for state, n in self._db.rows(_SQL["counts"], (journey, journey))}

    def close(self) -> None:
        """Release the file."""
        self._db.close()


def _begin(db: Connection, asked: Begin) -> str | None:
    """See `Ledger.begin_attempt`."""
    message_id, now_us = asked.message_id, asked.now_us
    standing = db.execute(_SQL["standing"], (message_id,)).fetchone()
    if standing is None:
        return "unknown_message"
    state, next_us, address, category, attempts = standing
    if state != State.QUEUED:
        return f"not_queued: {state}"
    if next_us > now_us:
        return "not_due"
    entry = db.execute(_SQL["suppressed_by"], (address.lower(), category)).fetchone()
    if entry is not None:
        db.execute(_SQL["set_suppressed"], (entry[0], now_us, message_id))
        return str(entry[0])
    refusal = bulk.refusal(db, _SQL, message_id)
    if refusal is not None:
        if refusal == bulk.CANCELLED:
            db.execute(_SQL["set_suppressed"], (refusal, now_us, message_id))
        return refusal
    if asked.quiet_until_us > now_us:
        db.execute(_SQL["hold"], (asked.quiet_until_us, QUIET_HOURS, message_id))
        return QUIET_HOURS
    db.execute(_SQL["set_attempting"], (attempts + 1, *_frozen_values(asked.frozen), message_id))
    db.execute(_SQL["start_attempt"], (message_id, attempts + 1, now_us))
    return None


def _finish(db: Connection, end: End) -> None:
    """See `Ledger.finish`."""
    standing = db.execute(_SQL["standing"], (end.message_id,)).fetchone()
    before = standing[0] if standing else "unknown"
    if end.state not in _MOVES.get(before, ()):
        msg = f"message {end.message_id}: cannot go from {before!r} to {end.state!r}"
        raise IllegalMove(msg)
    attempts = standing[4] + (before == State.QUEUED)
    reply = end.reply[:MAX_REPLY_CHARS]
    if before != State.IN_DOUBT:
        db.execute(_SQL["end_attempt"], (end.message_id, attempts, end.now_us, end.now_us, reply))
    ended_us = None if end.state == State.QUEUED else end.now_us
    db.execute(_SQL["finish"], (end.state, reply, end.reason, attempts, end.next_us, ended_us, end.message_id))


def _new_row(intent: SendIntent, packed: bytes, now_us: int) -> tuple[Any, ...]:
    reason = intent.suppressed or ("" if intent.address else "no_address")
    state = State.SUPPRESSED if reason else State.QUEUED
    finished_us = intent.decided_us if reason else None
    return (
        *(intent.message_id, intent.profile_id, intent.address, intent.journey, intent.journey_version),
        *(intent.run_id, intent.step, intent.template, intent.category, intent.mode, state, reason),
        *(intent.occurred_us, intent.decided_us, now_us or intent.decided_us, intent.decided_us, finished_us),
        packed,
        int(bool(reason)),  # what processing decided itself needs no event to tell it so
        int(intent.bulk),
    )


def _add_columns(db: Connection) -> None:
    """A ledger that was made before there were broadcasts."""
    if "bulk" not in {row[1] for row in db.execute("PRAGMA table_info(messages)").fetchall()}:
        db.execute("ALTER TABLE messages ADD COLUMN bulk INTEGER NOT NULL DEFAULT 0")


def _unpacked(packed: bytes) -> SendIntent:
    return _INTENT.decode(zstandard.decompress(packed, max_output_size=MAX_INTENT_BYTES))


def _due(row: Any) -> Due:
    _, packed, attempts, template_version, sender_version, items = row
    return Due(
        intent=_unpacked(packed),
        attempts=attempts,
        template_version=template_version,
        sender_version=sender_version,
        items=_ITEMS.decode(items),
    )


def _frozen_values(frozen: Frozen) -> tuple[str, ...]:
    return (
        *(frozen.template_version, frozen.sender_version, frozen.subject),
        msgspec.json.encode(frozen.items).decode(),
        msgspec.json.encode(frozen.links).decode(),
        frozen.digest,
    )
