"""Whoever follows a state that another has open sees what was committed just before each look."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tidings.state.base import Commit, Wake, moved
from tidings.state.follow import Follower
from tidings.state.rocks import RocksState

DAY_US = 86_400_000_000


def write(store: RocksState, offset: int, states: dict[str, bytes], *wakes: Wake) -> None:
    """One commit; each is of another generation of the dedup window, so that column families come and go."""
    store.commit(
        Commit(
            states=states,
            links={},
            seen=[f"m{offset}"],
            seen_us=offset * 3 * DAY_US,
            wakes=wakes,
            unwakes=[],
            offset=offset,
            seq=0,
            outputs=b"",
        )
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RocksState]:
    made = RocksState(tmp_path / "state", DAY_US, cache_bytes=1 << 20)
    yield made
    made.close()


@pytest.fixture
def follower(tmp_path: Path) -> Iterator[Follower]:
    made = Follower(tmp_path / "state")
    yield made
    made.close()


def test_each_look_sees_the_latest_commit(store: RocksState, follower: Follower) -> None:
    for offset in range(1, 8):
        write(store, offset, {"ann": b"a%d" % offset, "old": moved("ann")}, Wake(offset, "ann"))
        with follower.look() as state:
            assert state is not None
            assert state.offset() == offset
            assert state.living(["ann", "old", "nobody"]) == {"ann": b"a%d" % offset, "old": b"a%d" % offset}
            assert state.wakes(offset, 100) == [Wake(one, "ann") for one in range(1, offset + 1)]
            assert state.wakes(1, 100) == state.wakes(9, 1) == [Wake(1, "ann")]


def test_there_may_be_no_state_yet_and_looking_makes_none(tmp_path: Path) -> None:
    follower = Follower(tmp_path / "state")
    with follower.look() as state:
        assert state is None
    assert list(tmp_path.iterdir()) == []


def test_a_state_that_was_made_again_is_looked_at_instead(tmp_path: Path, follower: Follower) -> None:
    for word in (b"first", b"second"):
        store = RocksState(tmp_path / "state", DAY_US, cache_bytes=1 << 20)
        write(store, 1, {"ann": word})
        with follower.look() as state:
            assert state is not None
            assert state.living(["ann"]) == {"ann": word}
        store.close()
        shutil.rmtree(tmp_path / "state")
    with follower.look() as state:
        assert state is None


def test_what_cannot_be_read_is_as_if_it_were_not_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "IDENTITY").write_text("spoilt")
    with Follower(tmp_path / "state").look() as state:
        assert state is None
    assert "cannot be read beside the processor" in caplog.text


def test_nothing_is_left_behind(tmp_path: Path, store: RocksState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "aside"))
    (tmp_path / "aside").mkdir()
    write(store, 1, {"ann": b"a"})
    follower = Follower(tmp_path / "state")
    with follower.look():
        assert len(list((tmp_path / "aside").iterdir())) == 1
    follower.close()
    del follower
    assert list((tmp_path / "aside").iterdir()) == []
