"""What every log does. The same tests run on each adapter; `sqlite_two` writes with one opener and reads with another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidings.clock import ManualClock
from tidings.domain.record import BACKFILL, REFUSED, LogRecord
from tidings.log.base import Log
from tidings.log.memory import MemoryLog
from tidings.log.sqlite import SqliteLog

START_US = 1_800_000_000_000_000


class Ends(NamedTuple):
    """Both ends of one log."""

    writer: Log
    reader: Log
    clock: ManualClock


def memory(_: Path) -> Ends:
    clock = ManualClock(START_US)
    log = MemoryLog(clock)
    return Ends(log, log, clock)


def sqlite(folder: Path) -> Ends:
    clock = ManualClock(START_US)
    log = SqliteLog(folder / "log.db", clock, writer=True)
    return Ends(log, log, clock)


def sqlite_two(folder: Path) -> Ends:
    clock = ManualClock(START_US)
    writer = SqliteLog(folder / "log.db", clock, writer=True)
    return Ends(writer, SqliteLog(folder / "log.db", clock), clock)


@pytest.fixture(params=[memory, sqlite, sqlite_two], ids=lambda make: make.__name__)
def ends(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Ends]:
    make: Callable[[Path], Ends] = request.param
    made = make(tmp_path)
    yield made
    for log in {id(made.writer): made.writer, id(made.reader): made.reader}.values():
        log.close()


def records(*bodies: bytes) -> list[LogRecord]:
    return [LogRecord("web", "track", 0, body) for body in bodies]


def read_all(log: Log, offset: int = 0) -> list[LogRecord]:
    return [record for block in log.read(offset, 1_000_000) for record in block.records]


def test_a_new_log_is_empty(ends: Ends) -> None:
    assert ends.reader.head() == 0
    assert ends.reader.read(0, 10) == []


def test_what_was_appended_is_read_in_order_under_consecutive_offsets(ends: Ends) -> None:
    assert ends.writer.append(records(b"a", b"b")) == 0
    assert ends.writer.append(records(b"c")) == 2
    assert ends.reader.head() == 3
    assert [block.first_offset for block in ends.reader.read(0, 10)] == [0, 2]
    assert read_all(ends.reader) == records(b"a", b"b", b"c")


def test_every_field_of_a_record_is_kept(ends: Ends) -> None:
    kept = [
        LogRecord("web", "", 17, b'{"a":1}'),
        LogRecord("crm", "identify", 0, b"\x00\xff\x80 not even JSON", BACKFILL | REFUSED, "bad_json: ü"),
    ]
    ends.writer.append(kept)
    assert read_all(ends.reader) == kept


def test_appending_nothing_changes_nothing(ends: Ends) -> None:
    ends.writer.append(records(b"a"))
    assert ends.writer.append([]) == 1
    assert ends.reader.head() == 1
    assert len(ends.reader.read(0, 10)) == 1


def test_reading_from_the_middle_of_a_block_gives_its_tail_with_its_stamp(ends: Ends) -> None:
    ends.writer.append(records(b"a", b"b", b"c"))
    ends.writer.append(records(b"d"))
    whole, *_ = ends.reader.read(0, 1)
    tail, last = ends.reader.read(1, 10)
    assert (tail.first_offset, tail.records, tail.taken_us) == (1, records(b"b", b"c"), whole.taken_us)
    assert last.first_offset == 3


def test_reading_at_or_after_the_head_gives_nothing(ends: Ends) -> None:
    ends.writer.append(records(b"a"))
    assert ends.reader.read(1, 10) == []
    assert ends.reader.read(99, 10) == []


def test_a_read_stops_at_about_the_limit_but_always_moves_on(ends: Ends) -> None:
    for _ in range(10):
        ends.writer.append(records(b"a", b"b", b"c"))
    assert [len(block.records) for block in ends.reader.read(0, 1)] == [3]
    assert sum(len(block.records) for block in ends.reader.read(0, 7)) == 9


def test_reading_step_by_step_gives_each_record_once(ends: Ends) -> None:
    bodies = [b"%d" % number for number in range(100)]
    for start in range(0, 100, 7):
        ends.writer.append(records(*bodies[start : start + 7]))
    offset, seen = 0, []
    while blocks := ends.reader.read(offset, 5):
        seen += [record.body for block in blocks for record in block.records]
        offset = blocks[-1].first_offset + len(blocks[-1].records)
    assert seen == bodies


def test_a_block_is_stamped_with_the_clock(ends: Ends) -> None:
    ends.clock.set(START_US + 5)
    ends.writer.append(records(b"a"))
    assert ends.reader.read(0, 1)[0].taken_us == START_US + 5


@pytest.mark.parametrize("step_us", [0, -60_000_000], ids=["stands still", "goes back"])
def test_stamps_rise_even_when_the_clock(ends: Ends, step_us: int) -> None:
    for _ in range(5):
        ends.writer.append(records(b"a"))
        ends.clock.advance(step_us)
    stamps = [block.taken_us for block in ends.reader.read(0, 100)]
    assert stamps == sorted(set(stamps))


def test_a_block_after_a_fence_is_stamped_after_it(ends: Ends) -> None:
    ends.reader.fence(START_US + 1_000)
    ends.writer.append(records(b"a"))
    assert ends.reader.read(0, 1)[0].taken_us > START_US + 1_000


def test_a_fence_never_moves_back(ends: Ends) -> None:
    ends.reader.fence(START_US + 1_000)
    ends.reader.fence(START_US)
    ends.writer.append(records(b"a"))
    assert ends.reader.read(0, 1)[0].taken_us > START_US + 1_000


def test_with_nothing_in_flight_the_horizon_is_now(ends: Ends) -> None:
    ends.writer.append(records(b"a"))
    assert ends.reader.horizon_us(START_US + 7) == START_US + 7


def test_no_block_appears_at_or_before_a_horizon_that_was_fenced(ends: Ends) -> None:
    horizon_us = ends.reader.horizon_us(START_US + 50)
    ends.reader.fence(horizon_us)
    ends.clock.set(START_US + 20)
    ends.writer.append(records(b"a"))
    assert ends.reader.read(0, 1)[0].taken_us > horizon_us


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.binary(max_size=40), max_size=6)),
        st.tuples(st.just("read"), st.tuples(st.integers(0, 60), st.integers(1, 20))),
        st.tuples(st.just("clock"), st.integers(-1_000, 1_000)),
        st.tuples(st.just("fence"), st.integers(-1_000, 1_000)),
    ),
    max_size=30,
)


@given(steps=STEPS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_an_adapter_behaves_like_the_log_in_memory(steps: list[tuple[str, object]], tmp_path_factory: object) -> None:
    folder = tmp_path_factory.mktemp("log")  # type: ignore[attr-defined]
    model, real = memory(folder), sqlite_two(folder)
    for name, argument in steps:
        outcomes = [_take_step(end, name, argument) for end in (model, real)]
        assert outcomes[0] == outcomes[1]
    for log in (real.reader, real.writer):
        log.close()


def _take_step(ends: Ends, name: str, argument: object) -> object:
    if name == "append":
        return ends.writer.append(records(*argument))  # type: ignore[misc]
    if name == "read":
        return ends.reader.read(*argument)  # type: ignore[misc]
    if name == "fence":
        return ends.reader.fence(START_US + argument)  # type: ignore[operator]
    return ends.clock.advance(argument)  # type: ignore[arg-type]
