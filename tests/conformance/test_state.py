"""What a state store must do, whichever it is: one suite for every adapter of the port."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rocksdict import Rdict

from tidings.state.base import MOVED, Commit, StateStore, Wake
from tidings.state.memory import MemoryState
from tidings.state.rocks import RocksState

DAY_US = 86_400_000_000
Open = Callable[[], StateStore]


class Opener:
    """Opens the store; a second call closes the first, as a restart does."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._kind = kind
        self._folder = folder
        self._store: StateStore | None = None

    def __call__(self) -> StateStore:
        if self._kind == "memory":
            self._store = self._store or MemoryState(DAY_US)
            return self._store
        self.close()
        self._store = RocksState(self._folder / "state", DAY_US, cache_bytes=1 << 20)
        return self._store

    def close(self) -> None:
        if self._store is not None and self._kind != "memory":
            self._store.close()
            self._store = None


@pytest.fixture(params=["memory", "rocks"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    opener = Opener(request.param, tmp_path)
    yield opener
    opener.close()


def commit(**changes: object) -> Commit:
    nothing: dict[str, object] = {
        "states": {},
        "links": {},
        "seen": [],
        "seen_us": 0,
        "wakes": [],
        "unwakes": [],
        "offset": 0,
        "seq": 0,
        "outputs": b"",
    }
    return Commit(**{**nothing, **changes})  # type: ignore[arg-type]


def test_a_fresh_store_knows_nothing(reopen: Open) -> None:
    store = reopen()
    assert store.position() == (0, 0)
    assert store.states(["a"]) == [None]
    assert store.links(["user_id:a"]) == [None]
    assert store.seen(["a"], 1) == [False]
    assert store.due(2**60, 10) == []
    assert store.next_due_us() == 0
    assert store.fired_us() == 0
    assert store.outputs(0) == []
    assert store.meta("layouts") is None


def test_one_commit_writes_everything_and_a_restart_finds_it(reopen: Open) -> None:
    reopen().commit(
        commit(
            states={"a": b"1", "b": MOVED + b"a"},
            links={"user_id:ä\u2028": "a"},
            seen=["web\ne1"],
            seen_us=10 * DAY_US,
            wakes=[Wake(7, "a")],
            offset=3,
            seq=1,
            outputs=b"out",
        )
    )
    store = reopen()
    assert store.position() == (3, 1)
    assert store.states(["b", "a", "c"]) == [MOVED + b"a", b"1", None]
    assert store.links(["user_id:ä\u2028", "user_id:x"]) == ["a", None]
    assert store.seen(["web\ne1", "app\ne1"], 10 * DAY_US) == [True, False]
    assert store.due(7, 10) == [Wake(7, "a")]
    assert store.outputs(0) == [(1, b"out")]


def test_the_instant_up_to_which_timers_fired_is_kept_and_never_falls(reopen: Open) -> None:
    store = reopen()
    store.commit(commit(fired_us=7))
    store.commit(commit(offset=3))
    assert store.fired_us() == 7
    store.commit(commit(fired_us=5))
    assert store.fired_us() == reopen().fired_us() == 7


def test_wakes_come_in_order_up_to_the_instant_and_the_limit(reopen: Open) -> None:
    store = reopen()
    store.commit(commit(wakes=[Wake(30, "c"), Wake(10, "a"), Wake(20, "b"), Wake(10, "b")]))
    assert store.due(9, 10) == []
    assert store.due(20, 10) == [Wake(10, "a"), Wake(10, "b"), Wake(20, "b")]
    assert store.due(20, 2) == [Wake(10, "a"), Wake(10, "b")]
    assert store.next_due_us() == 10


def test_a_dropped_wake_is_gone_and_an_earlier_one_still_comes_first(reopen: Open) -> None:
    store = reopen()
    store.commit(commit(wakes=[Wake(10, "a"), Wake(20, "b")]))
    store.commit(commit(unwakes=store.due(15, 10)))
    assert store.next_due_us() == 20
    store.commit(commit(wakes=[Wake(5, "late")]))
    assert store.due(100, 10) == [Wake(5, "late"), Wake(20, "b")]
    assert reopen().due(100, 10) == [Wake(5, "late"), Wake(20, "b")]


def test_ids_are_remembered_for_the_window_at_least_and_forgotten_after_two(reopen: Open) -> None:
    store = reopen()
    store.commit(commit(seen=["e1"], seen_us=100 * DAY_US + 5))
    store.commit(commit(seen=["e2"], seen_us=101 * DAY_US + 4))
    assert store.seen(["e1", "e2"], 101 * DAY_US + 4) == [True, True]
    store.commit(commit(seen=["e3"], seen_us=102 * DAY_US + 6))
    assert store.seen(["e1", "e2", "e3"], 102 * DAY_US + 7) == [False, True, True]
    assert reopen().seen(["e1", "e2", "e3"], 102 * DAY_US + 7) == [False, True, True]


def test_what_is_remembered_goes_by_the_instant_asked_for_not_by_the_last_commit(reopen: Open) -> None:
    store = reopen()
    store.commit(commit(seen=["e1"], seen_us=100 * DAY_US + 5))
    assert store.seen(["e1"], 102 * DAY_US - 1) == [True]
    assert store.seen(["e1"], 102 * DAY_US) == [False]
    assert store.seen(["e1"], 500 * DAY_US) == [False]


def test_a_generation_ends_where_the_next_begins(reopen: Open) -> None:
    store = reopen()
    one = store.generation(100 * DAY_US + 5)
    assert (one.start_us, one.end_us) == (100 * DAY_US, 101 * DAY_US)
    assert store.generation(one.end_us).start_us == one.end_us


@pytest.mark.parametrize(("before", "after"), [(1, 7), (7, 1), (3, 2)])
def test_a_window_that_is_configured_anew_forgets_nothing_too_early_and_everything_in_the_end(
    before: int, after: int, tmp_path: Path
) -> None:
    store = RocksState(tmp_path, before * DAY_US, cache_bytes=1 << 20)
    store.commit(commit(seen=["e1"], seen_us=101 * DAY_US))
    store.close()
    store = RocksState(tmp_path, after * DAY_US, cache_bytes=1 << 20)
    assert store.seen(["e1"], 101 * DAY_US + min(before, after) * DAY_US) == [True]
    now_us = 101 * DAY_US + 5
    assert store.generation(now_us).start_us <= now_us < store.generation(now_us).end_us
    for day in range(102, 140):
        store.commit(commit(seen=[f"d{day}"], seen_us=day * DAY_US))
    assert store.seen(["e1", "d139"], 140 * DAY_US) == [False, True]
    store.close()
    assert len([name for name in Rdict.list_cf(str(tmp_path)) if name.startswith("seen-")]) <= 2


def test_a_clock_that_steps_back_forgets_nothing(reopen: Open) -> None:
    store = reopen()
    store.commit(commit(seen=["e1"], seen_us=100 * DAY_US))
    store.commit(commit(seen=["e2"], seen_us=98 * DAY_US))
    assert store.seen(["e1", "e2"], 98 * DAY_US) == [True, True]


def test_outputs_are_kept_until_they_are_dropped_also_across_restarts(reopen: Open) -> None:
    store = reopen()
    for seq in range(1, 6):
        store.commit(commit(seq=seq, outputs=b"%d" % seq))
    store.drop_outputs(2)
    store.commit(commit(seq=6, outputs=b"6"))
    assert [seq for seq, _ in store.outputs(0)] == [3, 4, 5, 6]
    store = reopen()
    store.drop_outputs(5)
    store.commit(commit(seq=7, outputs=b"7"))
    assert store.outputs(0) == [(6, b"6"), (7, b"7")]
    assert store.outputs(6) == [(7, b"7")]


def test_meta_is_kept_by_name(reopen: Open) -> None:
    store = reopen()
    store.set_meta("journeys", b"{}")
    store.set_meta("journeys", b"{1}")
    assert reopen().meta("journeys") == b"{1}"


WRITER = """
import sys
from pathlib import Path
from tidings.state.base import Commit, Wake
from tidings.state.rocks import RocksState
store = RocksState(Path(sys.argv[1]), 86_400_000_000)
offset, seq = store.position()
while True:
    offset, seq = offset + 3, seq + 1
    states = {f"p{i}": b"%d" % seq for i in range(40)}
    wakes = [Wake(seq, f"p{i}") for i in range(5)]
    store.commit(Commit(states=states, links={f"k{seq}": "p"}, seen=[f"e{seq}"], seen_us=1, wakes=wakes, unwakes=[],
                        offset=offset, seq=seq, outputs=b"x"))
    print(seq, flush=True)
"""


def test_kill_9_leaves_the_last_commit_whole_or_not_at_all(tmp_path: Path) -> None:
    acknowledged = 0
    for _ in range(6):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            first = int(writer.stdout.readline())
            assert first in (acknowledged + 1, acknowledged + 2)  # one may have been on disk before it was told
            time.sleep(0.1)
            os.kill(writer.pid, signal.SIGKILL)
            told = [int(line) for line in writer.stdout.read().split("\n")[:-1]]
            acknowledged = told[-1] if told else first
        store = RocksState(tmp_path, DAY_US)
        offset, seq = store.position()
        assert acknowledged <= seq <= acknowledged + 1
        assert offset == 3 * seq
        assert set(store.states([f"p{i}" for i in range(40)])) == {b"%d" % seq}
        assert store.links([f"k{seq}", f"k{seq + 1}"]) == ["p", None]
        assert store.seen([f"e{seq}", f"e{seq + 1}"], 1) == [True, False]
        assert len(store.due(seq, 10_000_000)) == 5 * seq
        assert [n for n, _ in store.outputs(seq - 1)] == [seq]
        store.close()
        acknowledged = seq


def test_items_and_who_must_be_told_of_them_commit_with_the_rest(reopen: Open) -> None:
    pairs = [("a", "p1"), ("a", "p3"), ("a", "p2"), ("ab", "p4"), ("a\x00b", "p5"), ("ä", "p6")]
    reopen().commit(commit(items={"a": b"1", "ä": b"2"}, interests=pairs))
    store = reopen()
    assert store.items(["ä", "b", "a"]) == [b"2", None, b"1"]
    assert (store.interested("a", "", 2), store.interested("a", "p2", 2)) == (["p1", "p2"], ["p3"])
    assert [store.interested(name, "", 9) for name in ("ab", "a\x00b", "ä", "b")] == [["p4"], ["p5"], ["p6"], []]
    store.commit(commit(items={"a": b"3"}, uninterests=[("a", "p2"), ("b", "p1")], interests=[("b", "p2")]))
    assert reopen().interested("a", "", 9) == ["p1", "p3"]
    assert (reopen().items(["a"]), reopen().interested("b", "", 9)) == ([b"3"], ["p2"])
