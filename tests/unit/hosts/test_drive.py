"""Driving the core: what comes out never depends on how the log was cut into batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.core import START_US, World, definitions
from tidings.clock import DAY_US, ManualClock
from tidings.domain.record import LogRecord
from tidings.hosts import drive
from tidings.hosts.drive import Driver
from tidings.hosts.simulator import MemorySink, Simulator
from tidings.log.sqlite import SqliteLog
from tidings.pipeline import Pipeline
from tidings.state.rocks import RocksState
from tidings.testing import histories
from tidings.testing.histories import call

TRAITS = "seen: {count: {event: X}}"
WEEK_US = 7 * DAY_US
EDGE_US = (START_US // WEEK_US + 1) * WEEK_US


def x(event_id: str) -> LogRecord:
    return call("track", event_id, START_US, user="ann", event="X")


def lived(folder: Path, arrivals: list[tuple[int, str]]) -> Simulator:
    """One event a batch, as on a quiet day."""
    simulator = Simulator(definitions(folder, traits=TRAITS))
    for at_us, event_id in arrivals:
        simulator.take([x(event_id)], at_us)
        simulator.run()
    return simulator


@pytest.mark.parametrize("batch", [1, 2, 3, 5_000])
def test_a_copy_that_comes_after_the_window_counts_again_in_a_replay_too(batch: int, tmp_path: Path) -> None:
    arrivals = [(1, "same"), (WEEK_US + 1, "b"), (2 * WEEK_US + 1, "c"), (2 * WEEK_US + 2, "same"), (9 * WEEK_US, "c")]
    simulator = lived(tmp_path, [(EDGE_US + after_us, event_id) for after_us, event_id in arrivals])
    assert simulator.sink.counts == [5, 0, 0]
    replayed = histories.replay(definitions(tmp_path, traits=TRAITS), simulator, max_batch=batch)
    assert replayed.counts == [5, 0, 0]


ARRIVALS = st.lists(st.tuples(st.integers(0, 40), st.sampled_from("abc")), min_size=1, max_size=12)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(arrivals=ARRIVALS, batch=st.sampled_from([1, 2, 5, 5_000]))
def test_what_counts_as_a_copy_is_a_function_of_the_log(tmp_path: Path, arrivals: Any, batch: int) -> None:
    simulator = lived(tmp_path, [(START_US + day * DAY_US, event_id) for day, event_id in sorted(arrivals)])
    replayed = histories.replay(definitions(tmp_path, traits=TRAITS), simulator, max_batch=batch)
    assert replayed.outcomes == simulator.sink.outcomes


def test_a_copy_within_the_window_never_counts(tmp_path: Path) -> None:
    for after_us in (0, 1, DAY_US, WEEK_US - 1, WEEK_US):
        world = World(definitions(tmp_path, traits=TRAITS))
        for at_us in (EDGE_US - 1, EDGE_US - 1 + after_us):
            world.simulator.take([x("same")], at_us)
            world.simulator.run()
        assert world.simulator.sink.counts == [1, 1, 0]


WAIT = """
    entry: {event: X}
    steps:
      - id: pause
        wait: 1h
      - id: done
        exit: waited
"""


@pytest.mark.parametrize("started", ["the processor first", "with the collector"])
def test_what_comes_after_a_power_cut_and_a_clock_set_back_is_stamped_after_the_timers_that_fired(
    started: str, tmp_path: Path
) -> None:
    clock, what = ManualClock(START_US), definitions(tmp_path / "workspace", wait=WAIT)
    path, state = tmp_path / "log.db", RocksState(tmp_path / "state", WEEK_US, cache_bytes=1 << 20)
    writer, reader = SqliteLog(path, clock, writer=True), SqliteLog(path, clock)
    writer.append([x("before")])
    driver = Driver(Pipeline(what), reader, state, MemorySink())
    driver.run_batch()
    clock.set(START_US + DAY_US)
    assert driver.fire(reader.horizon_us(clock.now_us())) == 1
    for one in (writer, reader, state):
        one.close()
    path.with_suffix(".mark").unlink()  # it is not synced; what a new boot finds there is not trusted
    clock.set(START_US)
    if started == "with the collector":
        writer = SqliteLog(path, clock, writer=True)
    state, reader = RocksState(tmp_path / "state", WEEK_US, cache_bytes=1 << 20), SqliteLog(path, clock)
    driver = Driver(Pipeline(what), reader, state, MemorySink())
    if started == "the processor first":
        writer = SqliteLog(path, clock, writer=True)
    writer.append([x("after")])
    assert reader.read(1, 1)[0].taken_us == START_US + DAY_US + 1
    for one in (writer, reader, state):
        one.close()


def test_a_batch_that_makes_many_facts_ends_early_and_nothing_is_lost_or_done_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weekend = "weekend: {rule: {local_time: {weekdays: [sat, sun]}}}"
    what = definitions(tmp_path, traits=TRAITS, segments=weekend)
    users = "abcdefgh"
    long_ago_us = START_US - 365 * DAY_US
    records = [call("track", f"e{user}", long_ago_us, user=user, event="X") for user in users]
    records += [LogRecord("test", "", 0, b"{"), records[0], call("identify", "i", START_US, user="a", anonymous="d")]
    records += [call("track", "z", START_US, anonymous="d", event="X"), records[3]]
    found = []
    for most in (drive.MAX_FACTS, 150, 1):
        monkeypatch.setattr(drive, "MAX_FACTS", most)
        simulator = Simulator(what)
        for at_us in (START_US, START_US + 1_000):
            simulator.take(records if at_us == START_US else [x("last")], at_us)
        simulator.run()
        simulator.advance_to(START_US + 20 * DAY_US)
        facts = sorted(
            (one.profile_id, one.known_us, one.kind, one.occurred_us, one.cause) for one in simulator.sink.facts
        )
        found.append((simulator.sink.outcomes, facts, simulator.driver.offset))
    assert found[0] == found[1] == found[2]
    assert len(found[0][1]) > 8 * 100
