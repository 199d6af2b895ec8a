"""Replaying a file through the simulator at full speed: what would have happened, had Tidings been there.

The file is mapped to events (sources/), sorted by the instant at which they happened, and taken by the log at that
instant. Timers fire on the way exactly as they would have; what the journeys decide is collected, nothing is sent.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter
from pathlib import Path

import msgspec

from tidings.clock import DAY_US
from tidings.domain.message import SendIntent
from tidings.domain.output import Fact, FactKind
from tidings.domain.record import REFUSED, LogRecord
from tidings.hosts.simulator import Simulator
from tidings.sources.mapping import RowMap, map_rows
from tidings.sources.row import MappedEvent, RefusedRow
from tidings.workspace import Definitions

CHUNK = 2_000
"""Events that the log takes before they are processed."""
SETTLE_US = DAY_US
"""How long time goes on after the last event, so that waits can end."""


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """What came out."""

    lines: int
    """Lines read."""
    applied: int
    duplicate: int
    rejected: int
    reasons: dict[str, int]
    """Rejected lines by reason."""
    people: int
    """Living profiles at the end."""
    started: dict[str, int]
    """Runs started, by journey."""
    ended: dict[str, int]
    """Runs ended, by ``journey: outcome``."""
    decided: dict[str, int]
    """Messages by ``send`` or the reason for not sending."""
    first_us: int
    last_us: int
    """Instants of the first and last event."""
    wall_s: float
    """How long it took."""
    sends: Sequence[SendIntent]
    """Every decision, by instant."""
    facts: Sequence[Fact]
    """Every fact, in order of processing."""


def read(path: Path, row_map: RowMap) -> tuple[list[MappedEvent], list[RefusedRow]]:
    """(events sorted by instant, then by line; refused rows) of a file."""
    events: list[MappedEvent] = []
    refused: list[RefusedRow] = []
    with row_map.open(path) as rows:
        for one in map_rows(row_map, rows):
            if isinstance(one, MappedEvent):
                events.append(one)
            else:
                refused.append(one)
    events.sort(key=attrgetter("occurred_us", "line"))
    return events, refused


def with_addresses(events: Iterable[MappedEvent]) -> Iterator[MappedEvent]:
    """The events, with an identify call that makes up an e-mail address before each person's first one.

    History of anonymous visitors has no addresses; this asks what would have been sent had they all been known.
    """
    seen: set[str] = set()
    for event in events:
        body = msgspec.json.decode(event.body)
        ids = {name: body[name] for name in ("userId", "anonymousId") if name in body}
        who = str(next(iter(ids.values()), ""))
        if who not in seen:
            seen.add(who)
            made = {
                "type": "identify",
                "messageId": f"replay-address-{who}",
                "timestamp": body["timestamp"],
                "traits": {"email": f"{who}@replay.invalid"},
                **ids,
            }
            yield MappedEvent(event.line, event.occurred_us, msgspec.json.encode(made))
        yield event


def feed(
    simulator: Simulator, events: Iterable[MappedEvent], source: str, progress: Callable[[int], None] | None = None
) -> None:
    """Take and process events that are sorted by instant."""
    for count, event in enumerate(events, 1):
        simulator.take([LogRecord(source, "", 0, event.body)], event.occurred_us)
        if count % CHUNK == 0:
            simulator.run()
            if progress is not None:
                progress(count)
    simulator.run()


def replay(
    path: Path,
    row_map: RowMap,
    definitions: Definitions,
    *,
    assume_address: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> ReplayResult:
    """Replay a file; `progress` is told (events done, events in all) now and then."""
    start_s = time.perf_counter()
    events, refused = read(path, row_map)
    total = len(events)
    simulator = Simulator(definitions, keep_outcomes=False)
    fed = with_addresses(events) if assume_address else events
    feed(simulator, fed, row_map.name, None if progress is None else lambda done: progress(done, total))
    last_us = events[-1].occurred_us if events else 0
    simulator.take([_refused(row_map.name, one) for one in refused], last_us)
    simulator.advance_to(last_us + SETTLE_US)
    sink = simulator.sink
    extra = sink.counts[0] + sink.counts[1] - total  # the identify calls made up above
    return ReplayResult(
        lines=total + len(refused),
        applied=sink.counts[0] - extra,
        duplicate=sink.counts[1],
        rejected=sink.counts[2],
        reasons=_tally(one.reason.partition(":")[0] for one in refused),
        people=len(simulator.people()),
        started=_tally(fact.subject for fact in sink.facts if fact.kind == FactKind.RUN_STARTED),
        ended=_tally(
            f"{fact.subject}: {fact.data['outcome']}" for fact in sink.facts if fact.kind == FactKind.RUN_ENDED
        ),
        decided=_tally(intent.suppressed or "send" for intent in sink.sends.values()),
        first_us=events[0].occurred_us if events else 0,
        last_us=last_us,
        wall_s=time.perf_counter() - start_s,
        sends=sorted(sink.sends.values(), key=lambda intent: (intent.decided_us, intent.message_id)),
        facts=sink.facts,
    )


def _refused(source: str, row: RefusedRow) -> LogRecord:
    return LogRecord(source, "", 0, row.raw.encode("utf-8", "surrogatepass"), REFUSED, row.reason)


def _tally(words: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        counts[word] = counts.get(word, 0) + 1
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
