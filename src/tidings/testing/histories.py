"""Histories as data: events, pauses and crashes are items of one list, run by the simulator.

run(definitions, [Take(0, [track("Product Added", user="ann")]), Crash("after_commit"), Advance(600 * SECOND_US)])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec

from tidings.clock import iso
from tidings.domain.control import Change, record_of
from tidings.domain.record import LogRecord
from tidings.hosts.changes import Changes
from tidings.hosts.drive import Driver
from tidings.hosts.outside import Answering, nobody
from tidings.hosts.simulator import MemoryShelf, MemorySink, Simulator
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


class Define(msgspec.Struct, frozen=True):
    """The log takes a record that changes the definitions: to prepare, or to switch to what was prepared before."""

    at_us: int
    phase: Literal["prepare", "switch"]
    version: str
    parent: str
    """The version that runs until then."""
    enter: bool = False
    """Of a switch: whether who is a member by then starts journeys."""


class Crash(msgspec.Struct, frozen=True):
    """The next time that processing comes to this point, the process is killed; then it starts again."""

    point: str


Item = Take | Advance | Crash | SetClock | Define
"""What a history is made of."""


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
    items: Iterable[Item],
    *,
    max_batch: int = 5_000,
    sink: MemorySink | None = None,
    answering: Answering | None = nobody,
    versions: Mapping[str, Path] | None = None,
) -> Simulator:
    """Run a history; `answering` plays the webhooks. A crash that is still pending at the end has hit nothing.

    With `versions` (folders by version, the first one runs) the definitions may change in it, and `definitions` are not looked at.
    """
    pending: list[str] = []

    def checkpoint(point: str) -> None:
        if pending and pending[0] == point:
            pending.pop(0)
            raise Killed

    simulator = Simulator(
        definitions, max_batch=max_batch, checkpoint=checkpoint, sink=sink, answering=answering, versions=versions
    )
    prepared_offset = -1
    for item in items:
        match item:
            case Take(at_us, records):
                simulator.take(records, at_us)
            case Crash(point):
                pending.append(point)
            case SetClock(by_us):
                simulator.clock.advance(by_us)
            case Define(at_us, phase, version, parent, enter):
                change = Change(
                    phase=phase, version=version, parent=parent, prepared_offset=prepared_offset, enter=enter
                )
                simulator.take([record_of(change)], at_us)
                survive(simulator, at_us)
                prepared_offset = _last_offset(simulator, change)
            case Advance(to_us):
                survive(simulator, to_us)
    return simulator


def _last_offset(simulator: Simulator, change: Change) -> int:
    """Where the log has the record of a change that it just took."""
    wanted = record_of(change)
    for block in reversed(simulator.log.read(0, simulator.log.head())):
        for place, record in enumerate(block.records):
            if record == wanted:
                return block.first_offset + place
    msg = f"the log has not taken {change}"
    raise AssertionError(msg)


def survive(simulator: Simulator, to_us: int) -> None:
    """Let time pass to an instant; whenever the process is killed on the way, it starts again."""
    while True:
        try:
            simulator.advance_to(to_us)
        except Killed:
            simulator.restart()
        else:
            return


def replay(
    definitions: Definitions,
    simulator: Simulator,
    *,
    max_batch: int = 5_000,
    versions: Mapping[str, Path] | None = None,
) -> MemorySink:
    """The log of an earlier run, from empty, up to where its virtual clock stands: what came out. `versions` as it had them."""
    sink, state = MemorySink(), MemoryState()
    changes = Changes(state, MemoryShelf(versions, simulator.log, sink)) if versions is not None else None
    pipeline = changes.pipeline if changes is not None else Pipeline(definitions)
    driver = Driver(pipeline, simulator.log, state, sink, max_batch=max_batch, changes=changes)
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
