"""A disk whose power can be cut: a SQLite VFS that keeps what is written apart from what has been synced.

At a cut each write that was not synced is lost, torn or kept by chance. The process that wrote is then dead: whatever
its connection still does (SQLite checkpoints when it closes) must not reach the disk, hence the generation number.
"""
# ruff: noqa: N802  (SQLite names these methods and their arguments)

from __future__ import annotations

import random
from collections.abc import Callable

import apsw

SECTOR = 512


class _Content:
    def __init__(self) -> None:
        self.disk = bytearray()
        self.cache = bytearray()
        self.unsynced: list[tuple[int, bytes | None]] = []  # (offset, bytes); None truncates to the offset


def _write(target: bytearray, offset: int, data: bytes) -> None:
    if len(target) < offset + len(data):
        target.extend(bytes(offset + len(data) - len(target)))
    target[offset : offset + len(data)] = data


class _File:
    """The methods that SQLite calls on an open file."""

    def __init__(self, owner: PowerLossDisk, name: str) -> None:
        self._owner = owner
        self._content = owner.files.setdefault(name, _Content())
        self._generation = owner.generation

    def _dead(self) -> bool:
        return self._generation != self._owner.generation

    def xRead(self, amount: int, offset: int) -> bytes:
        return bytes(self._content.cache[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:
        if not self._dead():
            _write(self._content.cache, offset, bytes(data))
            self._content.unsynced.append((offset, bytes(data)))

    def xTruncate(self, size: int) -> None:
        if not self._dead():
            del self._content.cache[size:]
            self._content.unsynced.append((size, None))

    def xSync(self, flags: int) -> None:
        if not self._dead():
            self._content.disk = bytearray(self._content.cache)
            self._content.unsynced.clear()

    def xFileSize(self) -> int:
        return len(self._content.cache)

    def xLock(self, level: int) -> None: ...

    def xUnlock(self, level: int) -> None: ...

    def xCheckReservedLock(self) -> bool:
        return False

    def xClose(self) -> None: ...

    def xFileControl(self, operation: int, pointer: int) -> bool:
        return False

    def xSectorSize(self) -> int:
        return SECTOR

    def xDeviceCharacteristics(self) -> int:
        return 0


class PowerLossDisk(apsw.VFS):
    """One disk; each test has its own, under its own name."""

    def __init__(self, name: str) -> None:
        self.vfs_name = name
        self.files: dict[str, _Content] = {}
        self.generation = 0
        self._names = 0
        self._deleting = True
        super().__init__(name, "")

    def connect(self, path: str, synchronous: str) -> apsw.Connection:
        connection = apsw.Connection(path, vfs=self.vfs_name)
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")  # WAL without shared memory
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        return connection

    def cut(self, rng: random.Random) -> None:
        """Power off: the cache is gone, and of what was not synced some of it, in pieces."""
        for content in self.files.values():
            for offset, data in content.unsynced:
                if rng.random() < 0.5:
                    continue
                if data is None:
                    del content.disk[offset:]
                    continue
                torn = data[: SECTOR * rng.randrange(len(data) // SECTOR + 1)] if rng.random() < 0.3 else data
                _write(content.disk, offset, torn)
            content.cache = bytearray(content.disk)
            content.unsynced.clear()
        self.generation += 1

    def abandon(self, close: Callable[[], None]) -> None:
        """Close what the dead process had open, without letting it touch the disk."""
        self._deleting = False
        close()
        self._deleting = True

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> _File:
        self._names += 1
        path = name.filename() if isinstance(name, apsw.URIFilename) else name or f"temporary-{self._names}"
        flags[1] = flags[0]
        return _File(self, path)

    def xDelete(self, name: str, sync: bool) -> None:
        if self._deleting:
            self.files.pop(name, None)

    def xAccess(self, name: str, flags: int) -> bool:
        return name in self.files

    def xFullPathname(self, name: str) -> str:
        return name
