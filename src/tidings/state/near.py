"""The wake-ups that come next, held in memory, so that looking for due ones never steps over deleted ones.

RocksDB keeps a mark for each key that was deleted, and an iterator steps over all of them. Wake-ups are deleted at the very
place where the next look begins, and with a broadcast new ones come there too, so a million of them made each look slower
than the one before. Here every key up to `_until` is held, in order; the store is read only beyond it.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Sequence

FILL = 10_000
"""Keys read in one go, and kept when there are too many."""
MOST = 4 * FILL
"""Keys held at most, between two commits aside."""
END = b"\xff" * 9
"""Behind every key."""
_FEW = 64
"""Up to so many, one at a time is quicker than all at once."""

Read = Callable[[bytes, int], Sequence[bytes]]
"""The keys behind the first argument, in order, at most as many as the second says."""


class Near:
    """All keys of an ordered store up to a point."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._keys: list[bytes] = []
        self._until = b""

    def upto(self, bound: bytes, limit: int) -> list[bytes]:
        """The first keys below `bound`, at most `limit`, in order."""
        while len(self._keys) < limit and self._until < bound:
            self._fill()
        return self._keys[: min(limit, bisect_left(self._keys, bound))]

    def first(self) -> bytes:
        """The first key; empty when there is none."""
        while not self._keys and self._until < END:
            self._fill()
        return self._keys[0] if self._keys else b""

    def change(self, deleted: Iterable[bytes], put: Iterable[bytes]) -> None:
        """What the store was told: first these went, then those came. A key may be named that was not there, or was already."""
        gone = [key for key in deleted if key <= self._until]
        if gone:
            self._remove(gone)
        come = [key for key in put if key <= self._until]
        if come:
            self._insert(come)
        if len(self._keys) > MOST:
            del self._keys[FILL:]
            self._until = self._keys[-1]

    def _fill(self) -> None:
        found = self._read(self._until, FILL)
        self._keys.extend(found)
        self._until = found[-1] if len(found) == FILL else END

    def _remove(self, gone: list[bytes]) -> None:
        if len(gone) > _FEW:
            dead = set(gone)
            self._keys = [key for key in self._keys if key not in dead]
            return
        for key in gone:
            at = bisect_left(self._keys, key)
            if at < len(self._keys) and self._keys[at] == key:
                del self._keys[at]

    def _insert(self, come: list[bytes]) -> None:
        if len(come) > _FEW:
            self._keys = sorted({*self._keys, *come})
            return
        for key in come:
            at = bisect_left(self._keys, key)
            if at == len(self._keys) or self._keys[at] != key:
                insort(self._keys, key)
