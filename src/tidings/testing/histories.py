"""Histories as data: events, pauses and crashes are items of one list, run by the simulator.

run(definitions, [Take(0, [track("Product Added", user="ann")]), Crash("after_commit"), Advance(600 * SECOND_US)])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tidings.clock import iso
from tidings.domain.record import LogRecord
from tidings.hosts.drive import Driver
from tidings.hosts.outside import Answering, nobody
from tidings.hosts.simulator import MemorySink, Simulator
from tidings.pipeline import Pipeline
from tidings.state.memory import MemoryState
from tidings.workspace import Definitions

POINTS = ("before_commit", "after_commit", "after_sink")
"""Where a crash may hit: before the atomic write, between it and the handing on, and after that."""


class Take(msgspec.Struct, frozen=True):
    """The log takes these records at an instant."""

    at_us: int
    records: list[LogRecord]


class Advance(msgspec.Struct, frozen=True):
    """What there is gets processed, and time passes to an instant."""

    to_us: int


class SetClock(msgspec.Struct, frozen=True):
    """The machine's clock is set, back or forth, and nothing is told."""

    by_us: int


class Crash(msgspec.Struct, frozen=True):
    """The next time that processing comes to this point, the process is killed; then it starts again."""

    point: str


class Killed(BaseException):
    """The simulated kill -9: nothing in between catches it."""


def call(kind: str, event_id: str, at_us: int, *, user: str = "", anonymous: str = "", **more: Any) -> LogRecord:
    """One call of a Segment-compatible SDK; `more` holds event, properties, traits, previousId."""
    body = {"type": kind, "messageId": event_id, "timestamp": iso(at_us), **more}
    if user:
        body["userId"] = user
    if anonymous:
        body["anonymousId"] = anonymous
    return LogRecord("test", "", 0, msgspec.json.encode(body))


def run(
    definitions: Definitions,
    items: Iterable[Take | Advance | Crash | SetClock],
    *,
    max_batch: int = 5_000,
    sink: MemorySink | None = None,
    answering: Answering | None = nobody,
) -> Simulator:
    """Run a history; `answering` plays the webhooks. A crash that is still pending at the end has hit nothing."""
    pending: list[str] = []

    def checkpoint(point: str) -> None:
        if pending and pending[0] == point:
            pending.pop(0)
            raise Killed

    simulator = Simulator(definitions, max_batch=max_batch, checkpoint=checkpoint, sink=sink, answering=answering)
    for item in items:
        match item:
            case Take(at_us, records):
                simulator.take(records, at_us)
            case Crash(point):
                pending.append(point)
            case SetClock(by_us):
                simulator.clock.advance(by_us)
            case Advance(to_us):
                _survive(simulator, to_us)
    return simulator


def _survive(simulator: Simulator, to_us: int) -> None:
    while True:
        try:
            simulator.advance_to(to_us)
        except Killed:
            simulator.restart()
        else:
            return


def replay(definitions: Definitions, simulator: Simulator, *, max_batch: int = 5_000) -> MemorySink:
    """The log of an earlier run, from empty, up to where its virtual clock stands: what came out."""
    sink = MemorySink()
    driver = Driver(Pipeline(definitions), simulator.log, MemoryState(), sink, max_batch=max_batch)
    while driver.run_batch():
        pass
    while driver.fire(simulator.clock.now_us()) or driver.sweep():
        pass
    return sink


def facts_by_person(sink: MemorySink) -> dict[str, bytes]:
    """Facts of each person, in order, as bytes: what law 2 compares. Order between people means nothing."""
    found: dict[str, list[Any]] = {}
    for fact in sink.facts:
        found.setdefault(fact.profile_id, []).append(fact)
    return {person: msgspec.msgpack.encode(facts) for person, facts in found.items()}


def intents(sink: MemorySink) -> bytes:
    """All intents as bytes, by id."""
    everything: Sequence[Any] = [
        *(sink.sends[key] for key in sorted(sink.sends)),
        *(sink.suppressions[key] for key in sorted(sink.suppressions)),
        *(sink.events[key] for key in sorted(sink.events)),
        *(sink.calls[key] for key in sorted(sink.calls)),
    ]
    return msgspec.json.encode(everything)
