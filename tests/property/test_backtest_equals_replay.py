"""A backtest takes short cuts; none of them changes a result: it decides what the whole core decides, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_laws import DEFINITIONS, DEVICES, SPAN_US, START_US, events
from tidings.backtest.drive import RehearsalDriver
from tidings.backtest.history import History, Moment, Passing, Span, Wanted, Window, passing
from tidings.backtest.rehearsal import Rehearsal, Spans
from tidings.backtest.run import Asked, Backtest
from tidings.backtest.shares import Share, key, tied, whose
from tidings.backtest.tally import Bought, add
from tidings.backtest.version import Version
from tidings.clock import DAY_US, MINUTE_US
from tidings.domain import item, wire
from tidings.domain.event import Event
from tidings.domain.output import FactKind
from tidings.domain.record import LogRecord
from tidings.hosts.simulator import MemorySink, Simulator
from tidings.log.memory import MemoryLog
from tidings.testing.histories import call
from tidings.workspace import Definitions

BOUGHT = Bought(names=frozenset({"Order Completed"}), within_us=DAY_US, revenue="revenue")
END_US = START_US + 3 * SPAN_US
ALONE = [name for name, one in DEFINITIONS.journeys.items() if not one.reaches_out()]
"""What comes back from outside has other places in a log than in a rehearsal, so ids differ though decisions do not."""
JOURNEYS = [*((name,) for name in ALONE), ("cart", "win_back"), tuple(ALONE)]
OF_RUNS = (FactKind.RUN_STARTED, FactKind.RUN_STEP, FactKind.RUN_ENDED)


class LogHistory:
    """A history that is a log in memory; see `History`."""

    words = "a log"

    def __init__(self, log: MemoryLog, chunk: int) -> None:
        self._log = log
        self._chunk = chunk

    def span(self) -> Span:
        blocks = self._log.read(0, 1 << 30)
        first_us, last_us = blocks[0].taken_us, blocks[-1].taken_us
        return Span(first_us=first_us, last_us=last_us, events=self._log.head(), rejected=0, consents=0, late=1)

    def windows(self, wanted: Wanted) -> Iterator[Window]:
        chunk: list[Moment] = []
        for event in self._events():
            new = not chunk or event.received_us > chunk[-1].received_us
            if new and len(chunk) >= self._chunk and wanted.from_us < event.received_us < wanted.until_us:
                yield Window(event.received_us, 0, [chunk])
                chunk = []
            if wanted.from_us <= event.received_us < wanted.until_us:
                chunk += self._asked(event, wanted)
        yield Window(wanted.until_us, 0, [chunk])

    def ties(self) -> Iterator[Sequence[str]]:
        for event in self._events():
            named = [("user_id", event.user_id), ("anonymous_id", event.anonymous_id), ("profile", event.profile_id)]
            previous = [("user_id", event.previous_id), ("anonymous_id", event.previous_id)]
            yield [key(kind, value) for kind, value in (*named, *previous) if value]

    def _events(self) -> Iterator[Event]:
        seen: set[str] = set()
        for block in self._log.read(0, 1 << 30):
            for index, record in enumerate(block.records):
                event = wire.normalise(record, block.first_offset + index, block.taken_us)
                if item.is_item(record):
                    continue
                assert isinstance(event, Event)
                if event.event_id not in seen:
                    seen.add(event.event_id)
                    yield event

    def elsewhere(self) -> Callable[[], History]:
        return partial(LogHistory, self._log, self._chunk)

    def _asked(self, event: Event, wanted: Wanted) -> list[Moment]:
        if not wanted.share.has(whose(event.user_id, event.anonymous_id, event.profile_id)):
            return []
        if event.name in wanted.names or event.kind in ("identify", "alias"):
            return [event]
        return [passing(event)] if wanted.clocks or (event.user_id and event.anonymous_id) else []

    def close(self) -> None: ...


@st.composite
def logs(draw: st.DrawFn) -> MemoryLog:
    """A log of a few people: late events, copies, several of one instant, devices that change hands."""
    records = draw(events())
    for device in draw(st.lists(st.sampled_from(sorted(DEVICES)), max_size=2)):
        other = draw(st.sampled_from(sorted(DEVICES)))
        at_us = START_US + draw(st.integers(0, SPAN_US // MINUTE_US)) * MINUTE_US
        alias = call("alias", f"alias-{device}-{other}", at_us, anonymous=device, previousId=other)
        records.append((at_us, alias))
    taken: list[tuple[int, LogRecord]] = []
    for at_us, record in records:
        for _ in range(draw(st.integers(1, 2))):
            late_us = draw(st.sampled_from([0, 0, 1, 40, 3_000])) * MINUTE_US
            taken.append((at_us + late_us, record))
    simulator = Simulator(DEFINITIONS)
    blocks: dict[int, list[LogRecord]] = {}
    for at_us, record in sorted(taken, key=lambda one: one[0]):
        blocks.setdefault(at_us, []).append(record)
    for at_us, block in blocks.items():
        simulator.take(block, at_us)
    return simulator.log


def with_journeys(names: tuple[str, ...]) -> Definitions:
    current = {name: DEFINITIONS.journeys[name] for name in names}
    versions = {(one.name, one.version): one for one in current.values()}
    return msgspec.structs.replace(DEFINITIONS, journeys=current, versions=versions)


def plain(log: MemoryLog, names: tuple[str, ...]) -> MemorySink:
    """The same log through the simulator, with all definitions."""
    simulator = Simulator(with_journeys(names))
    for block in log.read(0, 1 << 30):
        simulator.take(block.records, block.taken_us)
    simulator.advance_to(END_US)
    return simulator.sink


def runs(facts: Any) -> dict[str, bytes]:
    found: dict[str, list[Any]] = {}
    for fact in facts:
        if fact.kind in OF_RUNS:
            found.setdefault(fact.profile_id, []).append(fact)
    return {who: msgspec.msgpack.encode(own) for who, own in found.items()}


def decisions(sends: dict[str, Any]) -> list[tuple[Any, ...]]:
    asked = ("message_id", "profile_id", "address", "step", "template", "occurred_us", "decided_us", "suppressed")
    return sorted(tuple(getattr(one, name) for name in asked) for one in sends.values())


def rehearsed(log: MemoryLog, names: tuple[str, ...], chunk: int, at_hand: int) -> MemorySink:
    """The same log through a version, with a sink that keeps everything."""
    version = Version("draft", with_journeys(names), names, BOUGHT)
    sink = MemorySink(keep_outcomes=False)
    version.driver = RehearsalDriver(version._playing, sink)
    version.driver._at_hand = at_hand
    wanted = Wanted(names=version.names, clocks=version.clocks, until_us=END_US)
    for window in LogHistory(log, chunk).windows(wanted):
        for moments in filter(None, window.moments):
            version.driver.take(version._own(moments))
            version.driver.let_time_pass(moments[-1].received_us - 1)
    version.driver.let_time_pass(END_US)
    return sink


@settings(max_examples=120, deadline=None)
@given(logs(), st.sampled_from(JOURNEYS), st.sampled_from([1, 3, 1_000]), st.sampled_from([1, 2, 1_000]))
def test_a_rehearsal_decides_what_the_whole_core_decides(
    log: MemoryLog, names: tuple[str, ...], chunk: int, at_hand: int
) -> None:
    wanted = plain(log, names)
    found = rehearsed(log, names, chunk, at_hand)
    assert runs(found.facts) == runs(wanted.facts)
    assert decisions(found.sends) == decisions(wanted.sends)


@settings(max_examples=60, deadline=None)
@given(logs(), st.sampled_from(JOURNEYS), st.integers(0, 4))
def test_an_interrupted_backtest_goes_on_where_it_was(
    tmp_path_factory: pytest.TempPathFactory, log: MemoryLog, names: tuple[str, ...], breaks: int
) -> None:
    keep = tmp_path_factory.mktemp("kept") / "checkpoint"
    from_us = START_US + SPAN_US // 3

    def backtest(chunk: int) -> Backtest:
        version = Version("draft", with_journeys(names), names, BOUGHT)
        asked = Asked(from_us=from_us, to_us=START_US + SPAN_US, bought=BOUGHT, keep=keep)
        return Backtest(LogHistory(log, chunk), [version], asked)

    if log.read(0, 1 << 30)[-1].taken_us < from_us or log.read(0, 1)[0].taken_us >= START_US + SPAN_US:
        return
    wanted = backtest(1_000).run()
    for _ in range(breaks):
        result = backtest(2).run(interrupted=lambda: True)
        if result.complete:
            break
    found = backtest(2).run()
    assert found.complete
    assert not keep.exists()
    for one, other in zip(found.versions, wanted.versions, strict=True):
        assert msgspec.to_builtins(one) == msgspec.to_builtins(other)


def test_what_passes_is_read_of_who_and_when_only() -> None:
    record = call("track", "e", START_US, event="Page", user="u0", anonymous="d0")
    event = wire.normalise(record, 7, START_US + 5)
    assert isinstance(event, Event)
    assert passing(event) == Passing(START_US + 5, 7, START_US, "u0", "d0", "")


def test_what_passes_moves_the_clock_by_which_late_events_are_judged() -> None:
    """She looked 40 h after an order that is known 50 h later: by then she was an old buyer for the time of the look."""
    simulator = Simulator(DEFINITIONS)
    look_us, known_us = START_US + 40 * 60 * MINUTE_US, START_US + 50 * 60 * MINUTE_US
    order = call("track", "e1", START_US, event="Order Completed", user="u0", properties={"revenue": 5})
    for at_us in (START_US, look_us):
        simulator.take([call("track", f"look-{at_us}", at_us, event="Product Viewed", user="u0")], at_us)
    simulator.take([order], known_us)
    wanted, found = (
        make(simulator.log, ("ask_back",)) for make in (plain, lambda log, names: rehearsed(log, names, 9, 9))
    )
    (started,) = [one for one in found.facts if one.kind == FactKind.RUN_STARTED]
    assert started.occurred_us == look_us
    assert runs(found.facts) == runs(wanted.facts)


EVERY = tuple(DEFINITIONS.journeys)
"""Those that reach out too: what comes back has the same place in each share."""


@settings(max_examples=80, deadline=None)
@given(logs(), st.sampled_from([*JOURNEYS, EVERY]), st.integers(2, 4), st.integers(1, 6))
def test_shares_add_up_to_the_whole(log: MemoryLog, names: tuple[str, ...], of: int, chunk: int) -> None:
    history = LogHistory(log, chunk)
    spans = Spans(from_us=START_US + SPAN_US // 4, to_us=START_US + SPAN_US, until_us=END_US)
    ties = tied(history.ties(), of)

    def rehearsed_by(share: Share) -> Version:
        version = Version("draft", with_journeys(names), names, BOUGHT)
        for _ in Rehearsal(history, [version], spans, share).windows():
            pass
        return version

    whole = rehearsed_by(Share())
    first, *others = [rehearsed_by(Share(number=number, of=of, tied=ties)) for number in range(of)]
    for other in others:
        assert not first.sink.tally.people.keys() & other.sink.tally.people.keys()
        add(first.sink.tally, other.sink.tally)
    shares = [first, *others]
    first.known_as = lambda who: next(filter(None, (one.identifiers(who) for one in shares)), [])
    assert msgspec.json.encode(first.result(END_US)) == msgspec.json.encode(whole.result(END_US))
