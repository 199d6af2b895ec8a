"""History from a data directory: its lake, asked window by window, so that no question holds more than some hundred thousand events.

The lake knows each applied event once. What it does not keep, the earlier id of an alias call, is looked up in the log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import msgspec

from tidings.backtest.history import CHUNK, History, Moment, Passing, Span, Wanted, Window
from tidings.backtest.shares import Share, key
from tidings.clock import HOUR_US, SystemClock, iso
from tidings.domain import feedback, wire
from tidings.domain.event import Event
from tidings.ids import profile_id
from tidings.lake import query
from tidings.lake.duck import run, text
from tidings.log.sqlite import SqliteLog

WINDOW_EVENTS = 100_000
"""Events of one question, about."""
_TIED_AT_ONCE = 50_000
_KNOWN = "CASE WHEN backfill THEN epoch_us(occurred_at) ELSE epoch_us(received_at) END"
_HOURS = f"SELECT {_KNOWN} // {HOUR_US} AS known_hour, count(*) FROM events GROUP BY known_hour ORDER BY known_hour"
_SPAN = f"""SELECT min({_KNOWN}), max({_KNOWN}), count(*), count(*) FILTER (WHERE name = $1),
    count(*) FILTER (WHERE NOT backfill AND received_at > occurred_at),
    max(epoch_us(received_at) - epoch_us(occurred_at)) FILTER (WHERE NOT backfill) FROM events"""
_ROWS = """SELECT {known} AS known_us, "offset", epoch_us(occurred_at), user_id, anonymous_id,
    CASE WHEN source = {internal} THEN profile_id ELSE '' END, {whole} AS whole,
    CASE WHEN whole THEN event_id END, CASE WHEN whole THEN kind END, CASE WHEN whole THEN name END,
    CASE WHEN whole THEN source END, CASE WHEN whole THEN properties END,
    CASE WHEN kind = 'identify' THEN traits END, CASE WHEN kind = 'identify' THEN context END
  FROM events {share}
  WHERE day >= DATE {day} AND received_at >= make_timestamptz($1) AND occurred_at < make_timestamptz($2)
    AND known_us >= $1 AND known_us < $2 AND {kept}
  ORDER BY known_us, "offset" """
_WHOSE = """CASE WHEN source = {internal} THEN 'profile:' || profile_id WHEN user_id <> '' THEN 'user_id:' || user_id
  ELSE 'anonymous_id:' || anonymous_id END"""
_SHARE = "LEFT JOIN tied ON tied.identifier = {whose}"
_OWN = "coalesce(tied.share, hash({whose}) % {of}) = {number}"
_TIED = "CREATE TEMP TABLE tied (identifier VARCHAR, share INTEGER)"
_ADD_TIED = "INSERT INTO tied SELECT unnest($1::VARCHAR[]), unnest($2::INTEGER[])"
_PAIRS = "SELECT DISTINCT user_id, anonymous_id FROM events WHERE user_id <> '' AND anonymous_id <> ''"
_ALIASES = """SELECT "offset", user_id, anonymous_id FROM events WHERE kind = 'alias'"""
_ADDRESSED = "SELECT DISTINCT profile_id FROM events WHERE source = $1"
_FOUNDERS = """SELECT DISTINCT 'user_id', user_id FROM events WHERE user_id <> ''
  UNION ALL SELECT DISTINCT 'anonymous_id', anonymous_id FROM events WHERE anonymous_id <> ''"""
_DECODE = msgspec.json.Decoder(dict[str, Any]).decode


class LakeHistory:
    """See `History`. Raises InputError when there is no serving copy yet."""

    def __init__(self, data: Path, latest_us: int = -1) -> None:
        """`latest_us`: by how much the latest event was late, where that is known already."""
        self._data = data
        self._db = query.connect(data, memory_mb=512)
        self._log = SqliteLog(data / "log.db", SystemClock())
        self._latest_us = latest_us  # files are by the day on which it happened
        self._share: Share | None = None

    @property
    def words(self) -> str:
        """See `History.words`."""
        return f"the lake of {self._data}"

    def span(self) -> Span:
        """See `History.span`."""
        first_us, last_us, events, consents, late, latest_us = run(self._db, _SPAN, [feedback.CONSENT_GIVEN])[0]
        self._latest_us = latest_us or 0
        span = {"events": events, "rejected": 0, "consents": consents, "late": late}
        return Span(first_us=first_us or 0, last_us=last_us or 0, **span)

    def windows(self, wanted: Wanted) -> Iterator[Window]:
        """See `History.windows`."""
        if self._latest_us < 0:
            self.span()
        self._prepare(wanted.share)
        gone = 0
        for start_us, end_us, events in self._stretches():
            gone += events
            first_us, last_us = max(start_us, wanted.from_us), min(end_us, wanted.until_us)
            if first_us < last_us:
                yield Window(last_us, gone, self._moments(wanted, first_us, last_us))

    def _moments(self, wanted: Wanted, first_us: int, last_us: int) -> Iterator[list[Moment]]:
        found = self._db.execute(_question(wanted, first_us - self._latest_us), [first_us, last_us])
        while rows := found.fetchmany(CHUNK):
            yield [self._moment(row) for row in rows]

    def _prepare(self, share: Share) -> None:
        """Let the database know whose is whose."""
        if share.of == 1 or self._share is share:
            return
        self._share = share
        run(self._db, _TIED)
        pairs = iter(share.tied.items())
        while some := list(islice(pairs, _TIED_AT_ONCE)):
            run(self._db, _ADD_TIED, [list(column) for column in zip(*some, strict=True)])

    def ties(self) -> Iterator[Sequence[str]]:
        """See `History.ties`. An event of ours is addressed to a profile, which is named after who founded it."""
        for user, anonymous in self._each(_PAIRS):
            yield key("user_id", user), key("anonymous_id", anonymous)
        for offset, user, anonymous in self._each(_ALIASES):
            previous = self._previous(offset)
            now = [key("user_id", user)] if user else [key("anonymous_id", anonymous)]
            yield [*now, key("user_id", previous), key("anonymous_id", previous)] if previous else now
        addressed = {one for (one,) in self._each(_ADDRESSED, wire.INTERNAL_SOURCE)}
        for kind, value in self._each(_FOUNDERS) if addressed else ():
            founded = profile_id(kind, value)
            if founded in addressed:
                yield key("profile", founded), key(kind, value)

    def _each(self, sql: str, *parameters: object) -> Iterator[tuple[Any, ...]]:
        found = self._db.cursor().execute(sql, list(parameters))
        while rows := found.fetchmany(CHUNK):
            yield from rows

    def elsewhere(self) -> Callable[[], History]:
        """See `History.elsewhere`."""
        return partial(LakeHistory, self._data, self._latest_us)

    def close(self) -> None:
        """See `History.close`."""
        self._db.close()
        self._log.close()

    def _stretches(self) -> Iterator[tuple[int, int, int]]:
        """(from, to, events) of spans of whole hours that hold about `WINDOW_EVENTS` each."""
        start_us, events, end_us = 0, 0, 0
        for hour, count in run(self._db, _HOURS):
            if events and events + count > WINDOW_EVENTS:
                yield start_us, hour * HOUR_US, events
                start_us, events = hour * HOUR_US, 0
            events, end_us = events + count, (hour + 1) * HOUR_US
        yield start_us, end_us, events

    def _moment(self, row: tuple[Any, ...]) -> Moment:
        known_us, offset, occurred_us, user_id, anonymous_id, profile_id, whole, *more = row
        if not whole:
            return Passing(known_us, offset, occurred_us, user_id, anonymous_id, profile_id)
        event_id, kind, name, source, properties, traits, context = more
        return Event(
            event_id=event_id,
            kind=kind,
            name=name,
            occurred_us=occurred_us,
            received_us=known_us,
            offset=offset,
            source=source,
            user_id=user_id,
            anonymous_id=anonymous_id,
            previous_id=self._previous(offset) if kind == "alias" else "",
            profile_id=profile_id,
            properties=_DECODE(properties),
            traits=_DECODE(traits) if traits else {},
            context=_DECODE(context) if context else {},
        )

    def _previous(self, offset: int) -> str:
        """The earlier id of an alias call; empty when the log has it no more."""
        blocks = self._log.read(offset, 1)
        if not blocks or blocks[0].first_offset != offset:
            return ""
        event = wire.normalise(blocks[0].records[0], offset, blocks[0].taken_us)
        return event.previous_id if isinstance(event, Event) else ""


def _question(wanted: Wanted, happened_us: int) -> str:
    """The question for one window; nothing in it happened before this instant, so older files need no look."""
    names = ", ".join(map(text, sorted(wanted.names))) or "NULL"
    whole = f"coalesce(kind IN ('identify', 'alias') OR name IN ({names}), false)"
    kept = "true" if wanted.clocks else f"({whole} OR (user_id <> '' AND anonymous_id <> ''))"
    day, internal, share = text(iso(max(0, happened_us))[:10]), text(wire.INTERNAL_SOURCE), ""
    if wanted.share.of > 1:
        whose = _WHOSE.format(internal=internal)
        share = _SHARE.format(whose=whose)
        kept += f" AND {_OWN.format(whose=whose, of=wanted.share.of, number=wanted.share.number)}"
    return _ROWS.format(day=day, known=_KNOWN, internal=internal, whole=whole, kept=kept, share=share)
