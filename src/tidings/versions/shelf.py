"""The versions of a data directory: ``definitions/<version>/`` with their files, ``history.db`` with who changed what and why.

A version is never changed once it is there. ``definitions/current`` names the one that runs; the process role writes it,
because only the log says what runs.
"""

from __future__ import annotations

import getpass
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from tidings.errors import CorruptData, InputError
from tidings.filelock import turn
from tidings.versions import files

CURRENT = "current"
"""In ``definitions/``: the version that runs."""
_SCHEMA = (Path(__file__).parent / "schema.sql").read_text("utf-8")
_COLUMNS = "version, parent, who, why, at_us, plan, entering, state, prepared_offset, switch_offset"
_COMING = "SELECT max(id) FROM changes WHERE version = ? AND state IN ('prepared', 'given_up') AND switch_offset < 0"
_BUSY_S = 30.0


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One change of definitions."""

    version: str
    parent: str
    """What ran before; empty for the first."""
    who: str
    why: str
    at_us: int
    """When it was asked for."""
    plan: str = ""
    """Digest of the plan that was shown; empty when none was."""
    entering: bool = False
    """Whether who entered by it started journeys."""
    state: str = "prepared"
    """``prepared``, ``running``, ``replaced``, or ``given_up`` when another change came first."""
    prepared_offset: int = -1
    switch_offset: int = -1


class Versions:
    """See above. Each call opens what it needs, so any process may ask."""

    def __init__(self, data: Path) -> None:
        self._folder = data / "definitions"

    @property
    def backfills(self) -> Path:
        """Where backfills lie until everybody has come over."""
        return self._folder / "backfill"

    def folder(self, version: str) -> Path:
        """The files of a version. Raises InputError when it is not there."""
        path = self._folder / version
        if not version:
            msg = f"{self._folder}: nothing runs here yet; `tidings serve` takes the files of the workspace as the first version"
            raise InputError(msg)
        if not path.is_dir():
            msg = f"{path}: no such version of the definitions; see `tidings history`"
            raise InputError(msg)
        return path

    def whole(self, version: str) -> Path:
        """The files of a version, looked at: they are what its name says. Raises CorruptData when it is lost or altered."""
        path = self._folder / version
        got = files.version_of(files.read(path)) if version and path.is_dir() else "no such folder"
        if got != version:
            msg = (
                f"{path}: version {version} of the definitions is {'altered' if path.is_dir() else 'lost'}; got {got}, wanted "
                f"the files that were applied; restore definitions/ from the backup, then start again (nothing is processed "
                f"without it, as others would decide otherwise)"
            )
            raise CorruptData(msg)
        return path

    def running(self) -> str:
        """The version that runs; empty when nothing ever did."""
        path = self._folder / CURRENT
        return path.read_text("ascii").strip() if path.exists() else ""

    def current(self, fallback: Path) -> Path:
        """The files that run; the `fallback` folder when nothing ever did."""
        running = self.running()
        return self.folder(running) if running else fallback

    def stamp(self) -> int:
        """Another number when another version runs."""
        path = self._folder / CURRENT
        return path.stat().st_mtime_ns if path.exists() else 0

    def set_running(self, version: str) -> None:
        """Say what runs, whole or not at all."""
        if self.running() != version:
            fresh = self._folder / f"{CURRENT}.new"
            fresh.write_text(version + "\n", "ascii")
            fresh.replace(self._folder / CURRENT)

    def keep(self, content: files.Files) -> str:
        """Keep these files; the version that they are."""
        version = files.version_of(content)
        if not (self._folder / version).is_dir():
            self._folder.mkdir(parents=True, exist_ok=True)
            files.write(content, self._folder / version)
        return version

    def begin(self, workspace: Path, who: str, at_us: int) -> str:
        """The version that runs. On a fresh data directory the workspace's files become the first one."""
        if not self._log().exists() or not self.history():
            version = self.keep(files.read(workspace))
            first = Entry(version=version, parent="", who=who, why="first version", at_us=at_us, state="running")
            with closing(self._open()) as db:
                db.execute("BEGIN IMMEDIATE")
                if not db.execute("SELECT 1 FROM changes").fetchone():
                    _add(db, first)
                db.execute("COMMIT")
        if not self.running():
            self.set_running(self.first())
        return self.running()

    def first(self) -> str:
        """The version that the log begins with. Raises InputError when there is none."""
        entries = self.history()
        if not entries:
            msg = f"{self._log()}: no version of the definitions yet; start `tidings serve` first"
            raise InputError(msg)
        return entries[0].version

    def pair(self, named: Sequence[str]) -> tuple[str, str]:
        """Two versions to compare: those named, what runs if only one is, the last change if none is. Raises InputError."""
        if len(named) > 2:
            raise InputError(f"got {len(named)} versions, wanted one or two")
        running = self.running()
        if named:
            return named[0], named[1] if len(named) == 2 else running
        parent = next((one.parent for one in reversed(self.history()) if one.version == running and one.parent), "")
        if running and not parent:
            raise InputError(
                f"{self._folder}: version {running} is the first; there is nothing before it to compare with"
            )
        return parent, running

    def history(self) -> list[Entry]:
        """All changes, oldest first."""
        if not self._log().exists():
            return []
        with closing(sqlite3.connect(f"{self._log().resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)) as db:
            try:
                rows = db.execute(f"SELECT {_COLUMNS} FROM changes ORDER BY id").fetchall()
            except sqlite3.OperationalError as error:
                if not str(error).startswith("no such table"):
                    raise
                return []  # the file was just made, its table comes next
        return [
            Entry(**{**dict(zip(Entry.__struct_fields__, row, strict=True)), "entering": bool(row[6])}) for row in rows
        ]

    def note(self, entry: Entry) -> None:
        """A change begins; another one that was prepared is given up."""
        with closing(self._open()) as db:
            db.execute("BEGIN IMMEDIATE")
            db.execute("UPDATE changes SET state = 'given_up' WHERE state = 'prepared'")
            _add(db, entry)
            db.execute("COMMIT")

    def note_again(self, entry: Entry, prepared_offset: int) -> None:
        """A change that the log has prepared is gone on with, maybe by somebody else, for another reason."""
        self._update(
            "who = ?, why = ?, plan = ?, entering = ?, prepared_offset = ? WHERE version = ? AND state = 'prepared'",
            *(entry.who, entry.why, entry.plan, entry.entering, prepared_offset, entry.version),
        )

    def note_prepared(self, version: str, offset: int) -> None:
        """The log has its prepare record."""
        self._update("prepared_offset = ? WHERE version = ? AND state = 'prepared'", offset, version)

    def note_running(self, version: str, switch_offset: int) -> None:
        """It runs since that offset, even if it was given up meanwhile: the log had its record already.

        What a replay of the log tells again changes nothing.
        """
        with closing(self._open()) as db:
            db.execute("BEGIN IMMEDIATE")
            (newest,) = db.execute("SELECT max(switch_offset) FROM changes").fetchone()
            if newest is None or switch_offset > newest:
                db.execute("UPDATE changes SET state = 'replaced' WHERE state = 'running'")
                db.execute(
                    f"UPDATE changes SET state = 'running', switch_offset = ? WHERE id = ({_COMING})",
                    (switch_offset, version),
                )
            db.execute("COMMIT")

    def _update(self, what: str, *values: object) -> None:
        with closing(self._open()) as db:
            db.execute(f"UPDATE changes SET {what}", values)

    def _log(self) -> Path:
        return self._folder / "history.db"

    def _open(self) -> sqlite3.Connection:
        self._folder.mkdir(parents=True, exist_ok=True)
        db = sqlite3.connect(self._log(), timeout=_BUSY_S, isolation_level=None)
        with turn(self._folder / "history.lock"):
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            db.executescript(_SCHEMA)
        return db


def login_name() -> str:
    """Who is at the machine, as the system knows it."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in some containers
        return "unknown"


def _add(db: sqlite3.Connection, entry: Entry) -> None:
    values = [getattr(entry, name) for name in Entry.__struct_fields__]
    marks = ", ".join("?" * len(values))
    db.execute(f"INSERT INTO changes ({_COLUMNS}) VALUES ({marks})", values)
