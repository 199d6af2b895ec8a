"""A look at a state that a running process role has open: read-only, as it is on disk at this instant."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rocksdict import AccessType, Options, Rdict

from tidings.errors import InputError
from tidings.state.base import Wake, moved_to

_FAMILIES = ("default", "states", "wakes", "meta")
"""Of which it shows something. The others are most of the bytes, and are left alone."""
_TRIES = 20
_PAUSE_S = 0.1


class Snapshot:
    """What `StateStore` keeps, without its changes."""

    def __init__(self, path: Path, aside: Path | None = None) -> None:
        """With a folder `aside` for notes of its own, it can `catch_up` with the writer."""
        options = Options(raw_mode=True)
        present = Rdict.list_cf(str(path))
        columns = {name: Options(raw_mode=True) for name in _FAMILIES if name in present}
        access = AccessType.read_only() if aside is None else AccessType.secondary(str(aside))
        self._db = Rdict(str(path), options, column_families=columns, access_type=access)

    def catch_up(self) -> None:
        """See what the writer has committed since. Raises what the binding raises, a bare Exception, when it cannot."""
        self._db.try_catch_up_with_primary()

    def meta(self, name: str) -> bytes | None:
        """A named value of the host."""
        found: bytes | None = self._db.get_column_family("meta").get(f"m:{name}".encode())
        return found

    def offset(self) -> int:
        """All records of the log below it are in this state."""
        position = self._db.get_column_family("meta").get(b"position")
        return int.from_bytes(position[:8], "big") if position else 0

    def living(self, profile_ids: Sequence[str]) -> dict[str, bytes]:
        """Encoded states of those who live, by the id asked for; merges are followed."""
        states = self._db.get_column_family("states")
        found = {}
        for profile_id in profile_ids:
            raw = states.get(profile_id.encode())
            while raw is not None and (survivor := moved_to(raw)):
                raw = states.get(survivor.encode())
            if raw is not None:
                found[profile_id] = raw
        return found

    def due(self, until_us: int, limit: int) -> list[str]:
        """Ids of people whose timers may be due by an instant, the earliest first."""
        return [one.profile_id for one in self.wakes(until_us, limit)]

    def wakes(self, until_us: int, limit: int) -> list[Wake]:
        """Wake-ups up to an instant, the earliest first."""
        rows = self._db.get_column_family("wakes").iter()
        rows.seek_to_first()
        found: list[Wake] = []
        while rows.valid() and len(found) < limit:
            key = rows.key()
            due_us = int.from_bytes(key[:8], "big")
            if due_us > until_us:
                break
            found.append(Wake(due_us, key[8:].decode()))
            rows.next()
        return found

    def close(self) -> None:
        """Release files."""
        self._db.close()


@contextmanager
def opened(path: Path) -> Iterator[Snapshot]:
    """A look at the state in a folder. The writer may move files just then, so it is tried again. Raises InputError."""
    if not path.is_dir():
        msg = f"{path}: no state yet; start `tidings serve` first"
        raise InputError(msg)
    snapshot = attempt(path, lambda: Snapshot(path))
    try:
        yield snapshot
    finally:
        snapshot.close()


def attempt(path: Path, look: Callable[[], Snapshot]) -> Snapshot:
    """Open it, again if the writer moves files just then. Raises InputError."""
    problem: Exception | None = None
    for _ in range(_TRIES):
        try:
            return look()
        except Exception as error:  # noqa: BLE001 - the binding raises a bare Exception for whatever is wrong
            problem = error
        time.sleep(_PAUSE_S)
    msg = f"{path}: cannot be read beside the processor: {problem}"
    raise InputError(msg) from problem
