"""The shelf on disk: versions in the data directory, the past folded from its lake, and what runs, told to the other roles."""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from tidings.lake import query
from tidings.process.adopt import Past
from tidings.process.backfill import Folding
from tidings.versions.backfill import Backfill, Show, StoredPast, path_of, quiet
from tidings.versions.in_force import STATUS, InForce, Status
from tidings.versions.shelf import Versions
from tidings.workspace import Definitions

LAYOUTS = "layouts.json"
"""In the data directory: layout id to accumulator keys by slot."""
LOOK_S = 0.1
"""Time between two looks at how far the lake is."""
MEMORY_MB = 512
"""What a backfill may use before it writes aside."""

_log = logging.getLogger("tidings.definitions")


class DiskShelf:
    """See `Shelf`."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._versions = Versions(data)
        self._noted = -1

    def first(self) -> str:
        """See `Shelf.first`."""
        return self._versions.first()

    def folder(self, version: str) -> Path:
        """See `Shelf.folder`."""
        return self._versions.whole(version)

    def past(self, version: str, fresh: Sequence[str], below_offset: int, definitions: Definitions) -> Past:
        """See `Shelf.past`: made by `tidings apply` as a rule; in a replay of the log it is made here."""
        path = path_of(self._versions.backfills, version, below_offset)
        backfill = Backfill(path, Folding(definitions.layout, fresh), fresh, below_offset)
        if not backfill.complete():
            _log.warning("backfill of %s below offset %d is not there; it is made now", version, below_offset)
            fill(self._data, backfill, below_offset)
        return StoredPast(path)

    def tell(self, in_force: InForce, layouts: Mapping[str, Sequence[str]], offset: int) -> None:
        """See `Shelf.tell`."""
        publish(self._data / LAYOUTS, msgspec.json.encode(layouts))
        self._versions.set_running(in_force.running)
        if in_force.since_offset > self._noted:
            self._versions.note_running(in_force.running, in_force.since_offset)
            self._noted = in_force.since_offset
        if in_force.switched is None:
            self._tidy(in_force)
        publish(self._data / "run" / STATUS, msgspec.json.encode(Status(in_force=in_force, offset=offset)))

    def _tidy(self, in_force: InForce) -> None:
        """Backfills that everybody has taken go; so do those of changes that were given up."""
        coming = in_force.prepared
        keep = "" if coming is None else path_of(self._versions.backfills, coming.version, coming.offset).name
        for path in self._versions.backfills.glob("*"):
            if not keep or not path.name.startswith(keep):
                path.unlink()


def fill(data: Path, backfill: Backfill, below_offset: int, show: Show = quiet) -> int:
    """Run a backfill as soon as the lake has all records below the offset; how many events it folded."""
    wait_for_lake(data, below_offset)
    spill = data / "run" / "spill"
    spill.mkdir(parents=True, exist_ok=True)
    with closing(query.connect(data, memory_mb=MEMORY_MB, spill=spill)) as lake:
        return backfill.run(lake, show)


def wait_for_lake(data: Path, offset: int, tick: Callable[[], None] = lambda: None) -> None:
    """Until the lake has all applied events below an offset of the log."""
    while lake_offset(data) < offset:
        tick()
        time.sleep(LOOK_S)


def lake_offset(data: Path) -> int:
    """All applied events below it are in the lake."""
    path = data / "serving.db"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30.0)) as db:
        try:
            row = db.execute("SELECT upto_offset FROM lake_cursor").fetchone()
        except sqlite3.OperationalError:
            return 0  # the file was just made, its tables come next
    return int(row[0]) if row else 0


def publish(path: Path, content: bytes) -> None:
    """Replace a file whole; when it says the same already, it stays."""
    if path.exists() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_bytes(content)
    fresh.replace(path)
