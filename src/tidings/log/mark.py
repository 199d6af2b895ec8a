"""The log's mark: five numbers that the log's writer and its readers share through memory, one file of one page.

It answers "is there anything new?" without a system call, and holds the two promises that keep timers exact: how far
the writer may still stamp (`inflight_us`) and how far the processor has fired (`fence_us`). It is a cache of the
database plus promises among living processes: a lost or stale mark is made again from the database, which is why it
names the boot it was written in (after a power cut its page may be older than the database's).
"""

from __future__ import annotations

import fcntl
import mmap
import os
import zlib
from pathlib import Path
from types import TracebackType

_SIZE = 4096
_MAGIC = 0x31_6B_72_61_6D_67_6F_6C  # "logmark1"
_MAGIC_SLOT, _BOOT_SLOT, _INFLIGHT, _FENCE, _HEAD, _PROCESSED, _LAST = range(7)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def _slot(index: int, doc: str) -> property:
    """One aligned 64-bit number in the shared page; a single machine store, so that readers never see half of it."""

    def read(mark: Mark) -> int:
        return mark._slots[index]

    def write(mark: Mark, value: int) -> None:
        mark._slots[index] = value

    return property(read, write, doc=doc)


class Mark:
    """The shared page. ``with mark:`` is mutual exclusion between all openers, also in other processes.

    The lock is an advisory `flock`: the kernel drops it when its holder dies, and taking it orders memory on every
    kind of machine. It is held for microseconds and never across I/O.
    """

    inflight_us = _slot(_INFLIGHT, "Stamp of the block being written, 0 when there is none.")
    fence_us = _slot(_FENCE, "Every later block is stamped after this instant.")
    head = _slot(_HEAD, "All records below this offset are durable and may be read.")
    processed = _slot(_PROCESSED, "All records below this offset have been processed.")
    last_taken_us = _slot(_LAST, "Stamp of the newest block.")

    def __init__(self, path: Path) -> None:
        """Open or create the file; an unusable one reads as not `trusted`."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._fd).st_size < _SIZE:
            os.ftruncate(self._fd, _SIZE)  # only ever grows, with zeros: harmless when two do it at once
        self._map = mmap.mmap(self._fd, _SIZE)
        self._slots = memoryview(self._map).cast("q")

    def __enter__(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    def trusted(self) -> bool:
        """Whether the numbers were written since this machine started, so that no power cut can have aged them."""
        return self._slots[_MAGIC_SLOT] == _MAGIC and self._slots[_BOOT_SLOT] == _boot()

    def rebuild(self, head: int, last_taken_us: int) -> None:
        """Start over from what the database says. Call it under the lock."""
        self._slots[_MAGIC_SLOT] = 0
        self.inflight_us, self.processed = 0, 0
        self.fence_us, self.last_taken_us, self.head = last_taken_us, last_taken_us, head
        self._slots[_BOOT_SLOT] = _boot()
        self._slots[_MAGIC_SLOT] = _MAGIC

    def close(self) -> None:
        """Unmap and close; the file stays."""
        self._slots.release()
        self._map.close()
        os.close(self._fd)


def _boot() -> int:
    """A number that is another one after each start of the machine; 1 where the system does not tell."""
    try:
        return zlib.crc32(_BOOT_ID.read_bytes()) + 2
    except FileNotFoundError:
        return 1
