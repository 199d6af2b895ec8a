"""Group commit: whatever has arrived while the last block was being written becomes the next block.

Requests are parsed on the event loop's thread; one committer thread waits for the disk. Groups are put together on the
loop's thread, once per turn of the loop, so that the threads meet once per block and not once per request. An entry's
`done` is called on the loop's thread after its records are durable, with the offset of the first of them, or with None
when they are not.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from queue import SimpleQueue

import msgspec

from tidings.domain.record import LogRecord
from tidings.log.packed import Packed
from tidings.log.sqlite import SqliteLog

_MAX_BLOCK_RECORDS = 5_000
_MAX_BLOCK_BYTES = 8 * 1024 * 1024
_ENTRY_BYTES = 1_000
"""What a waiting request takes besides its events."""
_FEW = 4
"""When less than this fraction of the last group waits, the next group is let grow for one more turn of the loop: the
senders just answered are about to send again, and a sync for the few would make the many wait for another."""
_LOG = logging.getLogger(__name__)

Done = Callable[[int | None], None]


class Entry(msgspec.Struct, gc=False, array_like=True):
    """Records of one request."""

    records: Sequence[LogRecord | Packed]
    count: int
    """How many events they are."""
    size: int
    """Bytes it counts for while it waits."""
    done: Done


class Committer:
    """The thread between the loop and the log. All methods belong to the loop's thread."""

    def __init__(self, log: SqliteLog, loop: asyncio.AbstractEventLoop, after: Callable[[], None]) -> None:
        """`after` is called after each commit, before the entries' `done`."""
        self._log = log
        self._loop = loop
        self._after = after
        self._waiting: deque[Entry] = deque()
        self._groups: SimpleQueue[list[Entry] | None] = SimpleQueue()
        self._busy = False
        self._last = 0
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self.waiting_bytes = 0
        """Submitted and not yet settled."""
        self.failed = asyncio.Event()
        """Set when nothing can be stored any more; the process has to end."""
        self._settled = asyncio.Event()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, records: Sequence[LogRecord | Packed], count: int, size: int, done: Done) -> None:
        """Have `records`, `count` events in `size` bytes, stored; the caller has seen that there is room."""
        if self.failed.is_set():
            done(None)
            return
        size += _ENTRY_BYTES
        self.waiting_bytes += size
        self._waiting.append(Entry(records, count, size, done))
        if not self._busy:
            self._busy = True
            self._hand_over_soon()

    async def stop(self) -> None:
        """Store what was submitted, then end the thread."""
        while self._busy:
            self._settled.clear()
            await self._settled.wait()
        self._groups.put(None)
        self._thread.join()

    def _hand_over_soon(self) -> None:
        """After what else this turn of the loop brings in; and the next turn, when only few wait so far."""
        call_soon = self._loop.call_soon
        if len(self._waiting) * _FEW < self._last:
            call_soon(call_soon, self._hand_over)
        else:
            call_soon(self._hand_over)

    def _hand_over(self) -> None:
        """Give the thread all that waits, up to the bounds of a block."""
        waiting, group = self._waiting, []
        records = size = 0
        while waiting and records < _MAX_BLOCK_RECORDS and size < _MAX_BLOCK_BYTES:
            entry = waiting.popleft()
            group.append(entry)
            records += entry.count
            size += entry.size
        self._groups.put(group)

    def _run(self) -> None:
        """The thread."""
        while (group := self._groups.get()) is not None:
            first = None
            try:
                first = self._log.append([record for entry in group for record in entry.records])
            except Exception:  # noqa: BLE001 - see below
                # Whatever it was: these records are not stored, and the log may not be written again.
                _LOG.exception("the log could not be written")
            self._loop.call_soon_threadsafe(self._settle, group, first)

    def _settle(self, group: list[Entry], first: int | None) -> None:
        if first is None:
            self.failed.set()
            group += self._waiting
            self._waiting.clear()
        self._busy = bool(self._waiting)
        self._last = len(group)
        if self._busy:
            self._hand_over_soon()
        self._after()
        for entry in group:
            self.waiting_bytes -= entry.size
            self._tell(entry, first)
            if first is not None:
                first += entry.count
        self._settled.set()

    def _tell(self, entry: Entry, first: int | None) -> None:
        try:
            entry.done(first)
        except Exception:  # noqa: BLE001 - one client's answer must not cost the others theirs
            _LOG.exception("a request could not be answered")
