"""Applying definitions to a running Tidings: keep them, have the log prepare, backfill, have the log switch, wait.

Every step can be interrupted and is taken up again by the next call: what was kept is kept, what the log has prepared is
prepared, and the backfill goes on where it was. Until the switch record is in the log nothing has changed for anybody.
"""

from __future__ import annotations

import fcntl
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Protocol

import msgspec

from tidings import workspace
from tidings.clock import SystemClock
from tidings.config import Config
from tidings.domain.control import Change
from tidings.errors import InputError, WorldMovedError
from tidings.hosts import shelf
from tidings.hosts.check import check_workspace
from tidings.hosts.door import Door
from tidings.hosts.shelf import LOOK_S
from tidings.ids import digest
from tidings.outputs.sqlite import SqliteOutputs
from tidings.process.backfill import Folding
from tidings.versions import files
from tidings.versions.backfill import Backfill, path_of
from tidings.versions.in_force import InForce, Status, share, status
from tidings.versions.shelf import Entry, Versions

PATIENCE_S = 60.0
"""How long the processor may take to come to a record while it makes no headway at all."""

_MOVED = """SELECT segment, sum(net > 0), sum(net < 0) FROM (
  SELECT segment, profile_id, sum(2 * entered - 1) AS net FROM member_changes WHERE cause = ? GROUP BY segment, profile_id)
  GROUP BY segment HAVING sum(net <> 0) > 0"""

Post = Callable[[Change], int]
"""Put a change into the log; the offset of its record."""


class Show(Protocol):
    """What is shown of the progress."""

    def __call__(self, what: str, done: float, total: float) -> None:
        """`what` goes on, so far."""
        ...


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """Members of one segment that changed by it."""

    segment: str
    entered: int
    left: int


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """What happened."""

    version: str
    parent: str
    prepared_offset: int
    switch_offset: int
    folded: int
    """Events folded for it by this call."""
    fold_s: float
    """How long that took."""
    segments: list[Moved]


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    version: str
    """Kept in the data directory."""
    who: str
    why: str
    plan: str = ""
    """The plan that was shown, if any."""
    enter: bool = False
    """Whether who enters by it starts journeys."""


def plan_id(running: str, version: str, offset: int) -> str:
    """The name of a plan: from what, to what, as seen at which offset of the log."""
    return f"{digest('plan', running, version, str(offset), size=6).hex()}-{offset}"


def check_plan(plan: str, running: str, version: str) -> None:
    """Raises WorldMovedError when the plan is not from what runs to these files."""
    _, _, offset = plan.rpartition("-")
    if not offset.isdigit() or plan != plan_id(running, version, int(offset)):
        msg = f"plan {plan}: the world has moved: what runs is {running}, the files are {version}; run `tidings plan` again"
        raise WorldMovedError(msg)


def keep(config: Config, folder: Path) -> str:
    """Check the files of a workspace and keep them; their version. Raises DefinitionError."""
    check_workspace(folder, workspace.load(folder))
    return Versions(config.data).keep(files.read(folder))


def previous(config: Config) -> str:
    """The version that ran before the present one. Raises InputError when there was none."""
    now = next((one for one in reversed(Versions(config.data).history()) if one.state == "running"), None)
    if now is None or not now.parent:
        msg = f"{config.data}: there is no earlier version to go back to; see `tidings history`"
        raise InputError(msg)
    return now.parent


class Applying:
    """One change on its way."""

    def __init__(self, config: Config, ask: Ask, show: Show, post: Post | None = None) -> None:
        self._data = config.data
        self._ask = ask
        self._show = show
        self._post = post or Door(config).post
        self._versions = Versions(config.data)

    def run(self) -> Applied | None:
        """All of it; None when it runs already. Raises InputError and WorldMovedError."""
        with alone(self._data):
            ask, running = self._ask, self._versions.running()
            made = self._made(running)
            if made is not None:
                self._everybody()
                return self._applied(made.parent, made.prepared_offset, made.switch_offset)
            if ask.plan:
                check_plan(ask.plan, running, ask.version)
            if ask.version == running:
                self._everybody()
                return None
            prepared = self._prepare(running)
            started_s = time.monotonic()
            folded = self._backfill(prepared)
            fold_s = time.monotonic() - started_s
            switch = self._switch(running, prepared)
            self._everybody()
            offset = prepared.prepared.offset if prepared.prepared else -1
            return self._applied(running, offset, switch, folded, fold_s)

    def _made(self, running: str) -> Entry | None:
        """The change, when an earlier call brought it so far that it runs: people come over, or it is this very plan."""
        ask, now = self._ask, status(self._data)
        if ask.version != running:
            return None
        last = next((one for one in reversed(self._versions.history()) if one.state == "running"), None)
        under_way = now is not None and now.in_force.switched is not None
        return last if last is not None and (last.plan == ask.plan if ask.plan else under_way) else None

    def _applied(
        self, parent: str, prepared_offset: int, switch_offset: int, folded: int = 0, fold_s: float = 0.0
    ) -> Applied:
        return Applied(
            version=self._ask.version,
            parent=parent,
            prepared_offset=prepared_offset,
            switch_offset=switch_offset,
            folded=folded,
            fold_s=fold_s,
            segments=self._segments(f"definitions:{self._ask.version}@{switch_offset}"),
        )

    def _prepare(self, running: str) -> InForce:
        """The log has prepared it; what is in force then."""
        ask, now = self._ask, status(self._data)
        entry = Entry(
            version=ask.version,
            parent=running,
            who=ask.who,
            why=ask.why,
            at_us=SystemClock().now_us(),
            plan=ask.plan,
            entering=ask.enter,
        )
        if now is not None and now.in_force.prepared and now.in_force.prepared.version == ask.version:
            self._versions.note_again(entry, now.in_force.prepared.offset)
            return now.in_force  # an earlier call came so far
        self._versions.note(entry)
        offset = self._post(self._change("prepare", running))
        self._versions.note_prepared(ask.version, offset)
        now = self._reached("preparing", offset)
        if now.in_force.prepared is None or now.in_force.prepared.offset != offset:
            raise self._refused(offset)
        return now.in_force

    def _backfill(self, now: InForce) -> int:
        prepared = now.prepared
        if prepared is None or not prepared.fresh:
            return 0
        layout = workspace.load(self._versions.folder(prepared.version), kept=True).layout
        path = path_of(self._versions.backfills, prepared.version, prepared.offset)
        backfill = Backfill(path, Folding(layout, prepared.fresh), prepared.fresh, prepared.offset)
        if backfill.complete():
            return 0
        shelf.wait_for_lake(self._data, prepared.offset, lambda: self._show("waiting for the lake", 0, 0))
        return shelf.fill(
            self._data, backfill, prepared.offset, lambda done, total: self._show("backfilling", done, total)
        )

    def _switch(self, running: str, now: InForce) -> int:
        """The log has switched; at which offset. An earlier call may have been killed when its record was in the log and
        not processed yet: then that one switches, and ours, which does not fit any more, changes nothing.
        """
        offset = self._post(self._change("switch", running, now))
        found = self._reached("switching", offset).in_force
        if found.running != self._ask.version or now.prepared is None or found.since_offset < now.prepared.offset:
            raise self._refused(offset)
        return found.since_offset

    def _change(self, phase: str, running: str, now: InForce | None = None) -> Change:
        ask = self._ask
        prepared = now.prepared.offset if now is not None and now.prepared is not None else -1
        return msgspec.convert(
            {
                "phase": phase,
                "version": ask.version,
                "parent": running,
                "prepared_offset": prepared,
                "enter": ask.enter,
                "who": ask.who,
                "why": ask.why,
            },
            Change,
        )

    def _refused(self, offset: int) -> InputError:
        msg = f"definitions {self._ask.version}: the processor refused the record at offset {offset}; see logs/process.log"
        return InputError(msg)

    def _reached(self, what: str, offset: int) -> Status:
        """What the processor says once it has taken the record at an offset. Raises InputError when it stands still."""
        seen, since_s = -1, time.monotonic()
        while True:
            now = status(self._data)
            if now is not None and now.offset > offset:
                return now
            lake = shelf.lake_offset(self._data)
            if lake > seen:
                seen, since_s = lake, time.monotonic()
            if time.monotonic() - since_s > PATIENCE_S:
                msg = (
                    f"the processor did not come to offset {offset} of the log within {PATIENCE_S:.0f} s; does it run?"
                )
                raise InputError(f"{msg} See `tidings doctor`; the change goes on when you run this again")
            self._show(what, 0, 0)
            time.sleep(LOOK_S)

    def _everybody(self) -> None:
        """Wait until everybody has come over, and until the serving copy shows it."""
        while (now := status(self._data)) is not None and now.in_force.switched is not None:
            self._show("bringing people over", share(now.in_force.switched.swept), 1)
            time.sleep(LOOK_S)
        outputs = SqliteOutputs(self._data / "outputs.db")
        last = outputs.last_seq()
        outputs.close()
        until_s = time.monotonic() + PATIENCE_S
        while self._projected() < last and time.monotonic() < until_s:
            self._show("showing it", 0, 0)
            time.sleep(LOOK_S)

    def _projected(self) -> int:
        with closing(self._serving()) as db:
            return int(db.execute("SELECT seq FROM cursor").fetchone()[0])

    def _segments(self, cause: str) -> list[Moved]:
        """Who is in by it and was not before, and the other way, a segment a line; whoever went in and out meanwhile is neither."""
        with closing(self._serving()) as db:
            return [Moved(segment=name, entered=inn, left=out) for name, inn, out in db.execute(_MOVED, (cause,))]

    def _serving(self) -> sqlite3.Connection:
        path = self._data / "serving.db"
        return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=30.0)


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """One change at a time. Raises InputError when another one is on its way."""
    folder = data / "definitions"
    if not folder.is_dir():
        msg = f"{data}: nothing runs here yet; start `tidings serve` first, it takes the workspace as it is"
        raise InputError(msg)
    with (folder / "apply.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            msg = f"{folder}: another change is on its way; wait until it is done"
            raise InputError(msg) from error
        yield
