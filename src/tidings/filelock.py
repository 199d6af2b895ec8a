"""One process at a time: a lock that the kernel drops when its holder dies.

SQLite would see to writers taking turns itself, but by looking again and again; and before 3.51.3 a checkpoint by one
process while another one writes can, very rarely, damage the file. Behind this lock neither happens.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType


@contextmanager
def turn(path: Path) -> Iterator[None]:
    """One turn with the lock of this file, for those who take but one: two processes that make the same database, say.

    SQLite does not wait where a new file's journal mode changes; it says at once that the database is locked.
    """
    lock = FileLock(path)
    try:
        with lock:
            yield
    finally:
        lock.close()


class FileLock:
    """Held within ``with``; others wait. Each process opens its own."""

    def __init__(self, path: Path) -> None:
        """`path` is the file that all who take turns lock; it is made when missing."""
        self._file = path.open("w")

    def __enter__(self) -> None:
        fcntl.flock(self._file, fcntl.LOCK_EX)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Release the file."""
        self._file.close()
