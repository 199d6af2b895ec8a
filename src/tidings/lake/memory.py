"""A lake in memory: for the simulator, for tests, and as the first adapter of the port."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tidings.lake.base import LakeCursor, LakeRow


class MemoryLake:
    """Rows in a list."""

    def __init__(self) -> None:
        self._rows: list[LakeRow] = []
        self._cursor = LakeCursor(0, 0)

    def cursor(self) -> LakeCursor:
        """See `Lake.cursor`."""
        return self._cursor

    def append(self, rows: Iterable[LakeRow], upto: LakeCursor) -> int:
        """See `Lake.append`."""
        new = list(rows)
        self._rows += new
        self._cursor = upto
        return len(new)

    def rows(self) -> Iterator[LakeRow]:
        """See `Lake.rows`."""
        return iter(sorted(self._rows, key=lambda row: row.offset))

    def compact(self, now_us: int) -> int:  # noqa: ARG002 - the port's argument
        """See `Lake.compact`: nothing to join here."""
        return 0

    def close(self) -> None:
        """Nothing to release."""
