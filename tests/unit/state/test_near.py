"""The wake-ups held in memory are always the first ones of the store, whatever was put and deleted, in whatever order."""

from __future__ import annotations

from bisect import bisect_right

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidings.state import near
from tidings.state.near import Near

KEYS = st.integers(0, 40).map(lambda n: n.to_bytes(2, "big"))
CHANGES = st.lists(
    st.tuples(st.lists(KEYS, max_size=6), st.lists(KEYS, max_size=12), KEYS, st.integers(1, 9)), max_size=30
)


class Store:
    """An ordered store that counts what was read of it."""

    def __init__(self) -> None:
        self.keys: set[bytes] = set()
        self.read_keys = 0

    def read(self, behind: bytes, limit: int) -> list[bytes]:
        ordered = sorted(self.keys)
        found = ordered[bisect_right(ordered, behind) if behind else 0 :][:limit]
        self.read_keys += len(found)
        return found

    def change(self, deleted: list[bytes], put: list[bytes]) -> None:
        self.keys -= set(deleted)
        self.keys |= set(put)


@settings(max_examples=300, deadline=None)
@given(st.lists(KEYS, max_size=20), CHANGES, st.integers(0, 3))
def test_it_says_what_the_store_would(
    start: list[bytes], changes: list[tuple[list[bytes], list[bytes], bytes, int]], few: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(near, "FILL", 3)
        patch.setattr(near, "MOST", 8)
        patch.setattr(near, "_FEW", few)
        store = Store()
        store.change([], start)
        held = Near(store.read)
        for deleted, put, bound, limit in changes:
            store.change(deleted, put)
            held.change(deleted, put)
            ordered = sorted(store.keys)
            assert held.upto(bound, limit) == [key for key in ordered if key < bound][:limit]
            assert held.first() == (ordered[0] if ordered else b"")


def test_what_was_read_is_not_read_again() -> None:
    store = Store()
    keys = [n.to_bytes(4, "big") for n in range(30_000)]
    store.change([], keys)
    held = Near(store.read)
    for start in range(0, 30_000, 500):
        batch = held.upto(near.END, 500)
        assert batch == keys[start : start + 500]
        store.change(batch, [])
        held.change(batch, [])
    assert store.read_keys == 30_000


def test_it_holds_no_more_than_its_bound() -> None:
    store = Store()
    held = Near(store.read)
    assert held.first() == b""
    keys = [n.to_bytes(4, "big") for n in range(100_000)]
    store.change([], keys)
    held.change([], keys)
    assert len(held._keys) <= near.MOST
    assert held.upto(near.END, 50_000) == keys[:50_000]
