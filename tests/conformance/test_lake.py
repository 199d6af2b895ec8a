"""What every lake must do, whichever adapter it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path

import pytest

from tests.unit.outputs.stream import SlowLog, Stream
from tidings.domain.event import Event
from tidings.domain.wire import normalise
from tidings.lake.base import Lake, LakeCursor, LakeRow, row_of
from tidings.lake.follow import LakeFollower
from tidings.lake.memory import MemoryLake
from tidings.lake.parquet import ParquetLake
from tidings.outputs.base import OutputGapError
from tidings.outputs.memory import MemoryOutputs
from tidings.serving.db import open_writing

DAY_US = 86_400_000_000


@contextmanager
def parquet(folder: Path) -> Iterator[Lake]:
    with (
        closing(open_writing(folder / "serving.db")) as catalogue,
        closing(ParquetLake(folder / "lake", catalogue)) as lake,
    ):
        yield lake


MAKERS: dict[str, Callable[[Path], AbstractContextManager[Lake]]] = {
    "memory": lambda _: nullcontext(MemoryLake()),
    "parquet": parquet,
}


@pytest.fixture(params=sorted(MAKERS))
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lake]:
    with MAKERS[request.param](tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def stream() -> Stream:
    return Stream(seed=2, events=1_200)


def row(offset: int, day: int = 19_000, **more: str) -> LakeRow:
    texts = {"properties": "{}", "traits": "{}", "context": "{}", "name": "Seen"} | more
    return LakeRow(
        offset=offset, event_id=f"e{offset}", kind="track", profile_id="p1", user_id="u1", anonymous_id="", source="web",
        occurred_us=day * DAY_US + 1, received_us=day * DAY_US + 2, backfill=False, **texts,
    )  # fmt: skip


def followed(lake: Lake, stream: Stream, max_rows: int) -> Lake:
    outputs = MemoryOutputs()
    outputs.append(stream.blocks)
    follower = LakeFollower(SlowLog(stream.log, 50), outputs, lake, max_rows=max_rows)
    while follower.step():
        pass
    return lake


def test_an_empty_lake_has_no_rows(lake: Lake) -> None:
    assert lake.cursor() == LakeCursor(0, 0)
    assert list(lake.rows()) == []


def test_rows_come_back_equal_in_log_order_whatever_their_day(lake: Lake) -> None:
    rows = [row(0, 19_002), row(1, 19_000), row(2, 19_002), row(3, 4_000)]
    assert lake.append(iter(rows), LakeCursor(5, 4)) == 4
    assert list(lake.rows()) == rows
    assert lake.cursor() == LakeCursor(5, 4)


@pytest.mark.parametrize(
    "text", ["a\u0000b", "\u2028\u2029\x7f\x85", "'\"\\\n\r\t,", "\uffff\U0010ffff", "NULL", "", "{", "💌" * 5_000]
)
def test_any_text_survives(lake: Lake, text: str) -> None:
    rows = [row(0, name=text, properties=text)]
    lake.append(rows, LakeCursor(1, 1))
    assert list(lake.rows()) == rows


def test_blocks_without_applied_events_move_the_cursor_only(lake: Lake) -> None:
    assert lake.append([], LakeCursor(3, 9)) == 0
    assert lake.cursor() == LakeCursor(3, 9)
    lake.append([row(9)], LakeCursor(4, 10))
    assert [r.offset for r in lake.rows()] == [9]


def test_a_failing_append_leaves_the_lake_as_it_was(lake: Lake) -> None:
    lake.append([row(0)], LakeCursor(1, 1))

    def broken() -> Iterator[LakeRow]:
        yield row(1)
        raise RuntimeError("the log could not be read")

    with pytest.raises(RuntimeError, match="could not be read"):
        lake.append(broken(), LakeCursor(2, 2))
    assert lake.cursor() == LakeCursor(1, 1)
    lake.append([row(1)], LakeCursor(2, 2))
    assert [r.offset for r in lake.rows()] == [0, 1]


@pytest.mark.parametrize("max_rows", [1, 37, 100_000])
def test_following_gives_exactly_the_applied_events(lake: Lake, stream: Stream, max_rows: int) -> None:
    if max_rows == 1:
        stream = Stream(seed=3, events=60)
    followed(lake, stream, max_rows)
    wanted = []
    for offset, who in stream.applied.items():
        block = stream.log.read(offset, 1)[0]
        event = normalise(block.records[0], offset, block.taken_us)
        assert isinstance(event, Event)
        wanted.append(row_of(event, who))
    assert list(lake.rows()) == wanted
    assert lake.cursor() == LakeCursor(len(stream.blocks), stream.log.head())


def test_following_goes_on_where_it_stopped(lake: Lake, stream: Stream) -> None:
    outputs = MemoryOutputs()
    for upto in range(0, len(stream.blocks), 31):
        outputs.append(stream.blocks[: upto + 31])
        LakeFollower(stream.log, outputs, lake).step()
    assert [r.offset for r in lake.rows()] == sorted(stream.applied)


def test_compacting_changes_no_row(lake: Lake, stream: Stream) -> None:
    followed(lake, stream, 20)
    before = list(lake.rows())
    while lake.compact(0):
        pass
    assert list(lake.rows()) == before
    lake.append([row(99_999)], LakeCursor(lake.cursor().seq + 1, 100_000))
    assert len(list(lake.rows())) == len(before) + 1


def test_a_block_that_was_trimmed_too_early_is_noticed(lake: Lake, stream: Stream) -> None:
    outputs = MemoryOutputs()
    outputs.append(stream.blocks[:5])
    outputs.trim(2)
    with pytest.raises(OutputGapError):
        LakeFollower(stream.log, outputs, lake).step()
    assert list(lake.rows()) == []
