"""History from a data directory: its lake, asked window by window, so that no question holds more than some hundred thousand events.

The lake knows each applied event once. What it does not keep, the earlier id of an alias call, is looked up in the log.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tidings.backtest.history import CHUNK, Moment, Passing, Span, Wanted
from tidings.clock import DAY_US, SystemClock, iso
from tidings.domain import feedback, wire
from tidings.domain.event import Event
from tidings.lake import query
from tidings.lake.duck import run, text
from tidings.log.sqlite import SqliteLog

WINDOW_EVENTS = 100_000
"""Events of one question, about."""
_KNOWN = "CASE WHEN backfill THEN epoch_us(occurred_at) ELSE epoch_us(received_at) END"
_DAYS = f"SELECT {_KNOWN} // {DAY_US} AS known_day, count(*) FROM events GROUP BY known_day ORDER BY known_day"
_SPAN = f"""SELECT min({_KNOWN}), max({_KNOWN}), count(*), count(*) FILTER (WHERE name = $1),
    count(*) FILTER (WHERE NOT backfill AND received_at > occurred_at),
    max(epoch_us(received_at) - epoch_us(occurred_at)) FILTER (WHERE NOT backfill) FROM events"""
_ROWS = """SELECT {known} AS known_us, "offset", epoch_us(occurred_at), user_id, anonymous_id,
    CASE WHEN source = {internal} THEN profile_id ELSE '' END, {whole} AS whole,
    CASE WHEN whole THEN event_id END, CASE WHEN whole THEN kind END, CASE WHEN whole THEN name END,
    CASE WHEN whole THEN source END, CASE WHEN whole THEN properties END,
    CASE WHEN kind = 'identify' THEN traits END, CASE WHEN kind = 'identify' THEN context END
  FROM events WHERE day >= DATE {day} AND received_at >= make_timestamptz($1) AND occurred_at < make_timestamptz($2)
    AND known_us >= $1 AND known_us < $2 AND (known_us > $3 OR "offset" > $4) AND {kept}
  ORDER BY known_us, "offset" """
_DECODE = msgspec.json.Decoder(dict[str, Any]).decode


class LakeHistory:
    """See `History`. Raises InputError when there is no serving copy yet."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._db = query.connect(data, memory_mb=512)
        self._log = SqliteLog(data / "log.db", SystemClock())
        self._latest_us = -1  # by how much the latest event was late; files are by the day on which it happened

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

    def chunks(self, wanted: Wanted) -> Iterator[tuple[int, list[Moment]]]:
        """See `History.chunks`."""
        if self._latest_us < 0:
            self.span()
        gone = 0
        for start_us, end_us, events in self._windows():
            first_us, last_us = max(start_us, wanted.from_us), min(end_us, wanted.until_us)
            if first_us < last_us:
                parameters = [first_us, last_us, wanted.from_us, wanted.after_offset]
                found = self._db.execute(_question(wanted, first_us - self._latest_us), parameters)
                for rows in iter(lambda found=found: found.fetchmany(CHUNK), []):  # type: ignore[misc]
                    yield gone, [self._moment(row) for row in rows]
            gone += events
        yield gone, []

    def close(self) -> None:
        """See `History.close`."""
        self._db.close()
        self._log.close()

    def _windows(self) -> Iterator[tuple[int, int, int]]:
        """(from, to, events) of spans of whole days that hold about `WINDOW_EVENTS` each."""
        start_us, events, end_us = 0, 0, 0
        for day, count in run(self._db, _DAYS):
            if events and events + count > WINDOW_EVENTS:
                yield start_us, day * DAY_US, events
                start_us, events = day * DAY_US, 0
            events, end_us = events + count, (day + 1) * DAY_US
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
    day = text(iso(max(0, happened_us))[:10])
    return _ROWS.format(day=day, known=_KNOWN, internal=text(wire.INTERNAL_SOURCE), whole=whole, kept=kept)
