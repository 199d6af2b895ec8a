"""A look at a state that a running process role has open, kept open: each look sees what was committed just before it.

`Snapshot` reads everything that lies in the folder anew, which is right for a command. Whoever looks again and again follows
instead: what came since the last look costs milliseconds.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tidings.errors import InputError
from tidings.state.snapshot import Snapshot, attempt

_log = logging.getLogger("tidings.state")

_IDENTITY = "IDENTITY"
"""The store's own name for itself; another one is another store."""


class Follower:
    """The state in a folder, which need not exist yet. Safe to ask from several threads; they look one after the other."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._aside: Path | None = None
        self._open: tuple[bytes, Snapshot] | None = None

    @contextmanager
    def look(self) -> Iterator[Snapshot | None]:
        """The state as it is now, for as long as the block runs; None when there is none, or none that can be read."""
        with self._lock:
            try:
                snapshot = self._now()
            except InputError as error:
                _log.warning("%s", error)
                snapshot = None
            yield snapshot

    def close(self) -> None:
        """Release files. What was noted aside goes with the object."""
        with self._lock:
            self._drop()

    def _now(self) -> Snapshot | None:
        try:
            identity = (self._path / _IDENTITY).read_bytes()
        except FileNotFoundError:
            self._drop()  # it was removed, to be made again from the log
            return None
        if self._open is not None and self._open[0] != identity:
            self._drop()
        if self._open is not None:
            try:
                self._open[1].catch_up()
            except Exception as error:  # noqa: BLE001 - the binding raises a bare Exception for whatever is wrong
                _log.info("%s: opened anew, as it cannot be followed: %s", self._path, error)
                self._drop()
        if self._open is None:
            self._open = (identity, attempt(self._path, self._follow))
        return self._open[1]

    def _follow(self) -> Snapshot:
        if self._aside is None:
            self._aside = Path(tempfile.mkdtemp(prefix="tidings-follow-"))
            weakref.finalize(self, shutil.rmtree, self._aside, ignore_errors=True)
        return Snapshot(self._path, self._aside)

    def _drop(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None
