"""Group commit: whatever has arrived while the last block was being written becomes the next block.

Requests are parsed on the event loop's thread; one committer thread waits for the disk. An entry's `done` is called on
the loop's thread after its records are durable, with the offset of the first of them, or with None when they are not.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import NamedTuple

from tidings.domain.record import LogRecord
from tidings.log.base import Log

_MAX_BLOCK_RECORDS = 5_000
_MAX_BLOCK_BYTES = 8 * 1024 * 1024
_LOG = logging.getLogger(__name__)


class Entry(NamedTuple):
    """Records of one request."""

    records: Sequence[LogRecord]
    size: int
    """Bytes it counts for while it waits."""
    done: Callable[[int | None], None]


class Committer:
    """The thread between the loop and the log. `submit` and all callbacks belong to the loop's thread."""

    def __init__(self, log: Log, loop: asyncio.AbstractEventLoop, after: Callable[[], None]) -> None:
        """`after` is called on the loop's thread after each commit, before the entries' `done`."""
        self._log = log
        self._loop = loop
        self._after = after
        self._queue: SimpleQueue[Entry | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
        self.waiting_bytes = 0
        """Submitted and not yet settled."""
        self.failed = asyncio.Event()
        """Set when nothing can be stored any more; the process has to end."""

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, records: Sequence[LogRecord], size: int, done: Callable[[int | None], None]) -> None:
        """Have `records` stored; the caller has checked that there is room."""
        self.waiting_bytes += size
        self._queue.put(Entry(records, size, done))

    def stop(self) -> None:
        """Store what was submitted before this call, then end the thread. Blocks for that long."""
        self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        running = True
        while running:
            entries, running = self._take()
            if not entries:
                continue
            try:
                first = self._log.append([r for e in entries for r in e.records])
            except Exception as error:  # noqa: BLE001 - see below
                # Whatever it was, these records are not stored and the log may not be written again.
                _LOG.exception("the log could not be written")
                self._loop.call_soon_threadsafe(self._settle, entries, None, error)
                first, running = 0, False
                self._refuse_rest(error)
            else:
                self._loop.call_soon_threadsafe(self._settle, entries, first, None)

    def _take(self) -> tuple[list[Entry], bool]:
        """All that waits, up to the bounds of a block; and whether to go on afterwards."""
        entries: list[Entry] = []
        records = size = 0
        entry = self._queue.get()
        while entry is not None:
            entries.append(entry)
            records += len(entry.records)
            size += entry.size
            if records >= _MAX_BLOCK_RECORDS or size >= _MAX_BLOCK_BYTES:
                return entries, True
            try:
                entry = self._queue.get_nowait()
            except Empty:
                return entries, True
        return entries, False

    def _refuse_rest(self, error: Exception) -> None:
        """After a failure: answer what still comes until the thread is told to stop."""
        while (entry := self._queue.get()) is not None:
            self._loop.call_soon_threadsafe(self._settle, [entry], None, error)

    def _settle(self, entries: list[Entry], first: int | None, error: Exception | None) -> None:
        if error is not None:
            self.failed.set()
        self._after()
        for entry in entries:
            self.waiting_bytes -= entry.size
            entry.done(first)
            if first is not None:
                first += len(entry.records)
