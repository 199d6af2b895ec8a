"""What every store of output blocks must do, whichever adapter it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tidings.domain.output import APPLIED, Fact, Outcome, OutputBlock
from tidings.outputs.base import OutputGapError, OutputStore
from tidings.outputs.memory import MemoryOutputs
from tidings.outputs.sqlite import SqliteOutputs

MAKERS: dict[str, Callable[[Path], OutputStore]] = {
    "memory": lambda _: MemoryOutputs(),
    "sqlite": lambda folder: SqliteOutputs(folder / "outputs.db"),
}


@pytest.fixture(params=sorted(MAKERS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OutputStore]:
    made = MAKERS[request.param](tmp_path)
    yield made
    made.close()


def block(seq: int) -> OutputBlock:
    return OutputBlock(
        seq=seq,
        upto_offset=seq * 2,
        outcomes=[Outcome(seq * 2 - 2, APPLIED, "web", "p1"), Outcome(seq * 2 - 1, APPLIED, "web", "p2")],
        facts=[Fact("segment_entered", "p1", "vip", seq, seq, f"event:{seq}", {"more": [1, "a", None]})],
        profiles=[("p1", b"\x00state"), ("p2", b"")],
    )


def numbers(blocks: list[OutputBlock]) -> list[int]:
    return [b.seq for b in blocks]


def test_an_empty_store_has_no_last_block(store: OutputStore) -> None:
    assert store.last_seq() == 0
    assert store.read(0, 10) == []
    assert store.durable_seq() == 0


def test_what_was_appended_is_read_back_equal_and_in_order(store: OutputStore) -> None:
    blocks = [block(1), block(2), block(3)]
    store.append(blocks[:1])
    store.append(blocks[1:])
    assert store.read(0, 10) == blocks
    assert store.last_seq() == 3


def test_reading_starts_after_the_given_number_and_stops_at_the_limit(store: OutputStore) -> None:
    store.append([block(n) for n in range(1, 8)])
    assert numbers(store.read(2, 3)) == [3, 4, 5]
    assert numbers(store.read(7, 3)) == []
    assert numbers(store.read(5, 0)) == [6]


def test_a_block_that_is_already_there_is_ignored(store: OutputStore) -> None:
    store.append([block(1), block(2)])
    store.append([block(1), block(2), block(3)])
    store.append([block(2)])
    assert numbers(store.read(0, 10)) == [1, 2, 3]


def test_a_gap_is_refused_and_nothing_of_the_call_is_kept(store: OutputStore) -> None:
    store.append([block(1)])
    with pytest.raises(OutputGapError, match="block 3 does not follow block 1"):
        store.append([block(3)])
    with pytest.raises(OutputGapError, match="block 4 does not follow block 2"):
        store.append([block(2), block(4)])
    assert numbers(store.read(0, 10)) == [1]


def test_trimming_forgets_what_was_taken_and_numbers_go_on(store: OutputStore) -> None:
    store.append([block(n) for n in range(1, 6)])
    store.trim(3)
    assert numbers(store.read(0, 10)) == [4, 5]
    store.append([block(6)])
    assert numbers(store.read(4, 10)) == [5, 6]


def test_the_newest_block_stays_so_that_the_next_number_is_known(store: OutputStore) -> None:
    store.append([block(n) for n in range(1, 4)])
    store.trim(99)
    assert numbers(store.read(0, 10)) == [3]
    store.append([block(2), block(4)])
    assert store.last_seq() == 4


def test_trimming_far_more_than_one_transaction_takes(store: OutputStore) -> None:
    store.append([block(n) for n in range(1, 1302)])
    store.trim(1300)
    assert numbers(store.read(0, 10)) == [1301]


def test_durable_follows_only_after_sync(store: OutputStore) -> None:
    store.append([block(1), block(2)])
    assert store.durable_seq() == 0
    assert store.sync() == 2
    store.append([block(3)])
    assert store.durable_seq() == 2
    store.trim(3)
    assert store.sync() == 3
