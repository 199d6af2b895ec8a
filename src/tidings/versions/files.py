"""The files of a workspace as one thing: read whole, named by what is in them, written again, compared."""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

from tidings.errors import DefinitionError, InputError
from tidings.ids import digest

MAX_FILES = 2_000
"""Files of one workspace at most."""
MAX_BYTES = 50_000_000
"""Their size together."""

TESTS = "tests"
"""The folder of a workspace's tests: they run no journey, so with other tests it is the same version."""

Files = Mapping[str, bytes]
"""Path in the folder (with ``/``) to content."""


def read(folder: Path) -> dict[str, bytes]:
    """All files of a workspace, sorted by path; its tests and those whose name begins with a dot are left out. Raises DefinitionError."""
    if not folder.is_dir():
        raise DefinitionError(
            str(folder), "no such workspace folder", do=f"run `tidings init` to make one in {folder.parent}"
        )
    found: dict[str, bytes] = {}
    size = 0
    for path in _paths(folder):
        size += path.stat().st_size
        if len(found) >= MAX_FILES or size > MAX_BYTES:
            wanted = f"at most {MAX_FILES:,} files of {MAX_BYTES:,} bytes together"
            raise DefinitionError(str(folder), "workspace too large", wanted=wanted, do="keep pictures elsewhere")
        found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def _paths(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).parts
        if inside[0] == TESTS or any(part.startswith(".") or part == "__pycache__" for part in inside):
            continue
        if path.is_file():
            yield path


def version_of(files: Files) -> str:
    """The content hash that names these files: 12 hexadecimal digits."""
    parts = [part for path in sorted(files) for part in (path, blake2b(files[path]).hexdigest())]
    return digest("definitions", *parts, size=6).hex()


def write(files: Files, folder: Path) -> None:
    """Write them into a new folder, all or none, on disk when this returns."""
    work = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(work, ignore_errors=True)
    for path, content in files.items():
        target = work / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    work.mkdir(parents=True, exist_ok=True)
    try:
        work.rename(folder)
    except OSError:  # another process was first; the same name has the same content
        shutil.rmtree(work)
        if not folder.is_dir():
            raise
    handle = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def export(files: Files, folder: Path) -> None:
    """Write them where people work on them. Raises InputError when something is there already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        msg = f"{folder}: is there already; choose a new or an empty folder"
        raise InputError(msg)
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def difference(before: Files, after: Files) -> list[tuple[str, str, str]]:
    """(path, ``added`` | ``changed`` | ``removed``, unified diff) of each file that differs."""
    found = []
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old != new:
            how = "added" if old is None else "removed" if new is None else "changed"
            found.append((path, how, _unified(path, old or b"", new or b"")))
    return found


def _unified(path: str, old: bytes, new: bytes) -> str:
    try:
        before, after = old.decode().splitlines(), new.decode().splitlines()
    except UnicodeDecodeError:
        return f"{path}: {len(old):,} bytes, now {len(new):,} bytes\n"
    lines = difflib.unified_diff(before, after, f"running/{path}", f"new/{path}", lineterm="")
    return "".join(f"{line}\n" for line in lines)
