"""Definition files read so that whatever is wrong with them is said with file and line.

The parsers know paths (``segments.yml: vip.rule.did.within``) and nothing of lines. At the edge, where the files are read,
the path is looked up in the text that it came from: ``segments.yml:12: vip.rule.did.within``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tidings.domain import places, plain
from tidings.errors import DefinitionError

MAX_FILE_BYTES = 1_000_000
"""Largest definition file read."""


class DefinitionFiles:
    """The files of a workspace folder that were read, by their path in it."""

    def __init__(self, folder: Path, drafts: Sequence[Path] = ()) -> None:
        """`drafts` are journey files from anywhere, each instead of the folder's journey of the same name. Raises DefinitionError."""
        self.folder = folder
        self.texts: dict[str, str] = {str(path): read_text(path, str(path)) for path in drafts}
        self._read: dict[str, Any] = {}
        self._drafts = {_journey_of(self.data(where)): where for where in list(self.texts)}

    def text(self, name: str) -> str:
        """The text of a file; empty when there is none. Raises DefinitionError."""
        if name not in self.texts:
            self.texts[name] = read_text(self.folder / name, name)
        return self.texts[name]

    def data(self, name: str) -> Any:
        """A file as plain data; None when there is none. Raises DefinitionError."""
        if name not in self._read:
            self._read[name] = plain.parse(self.text(name), name)
        return self._read[name]

    def mapping(self, name: str) -> dict[str, Any]:
        """A file of definitions by name. Raises DefinitionError."""
        raw = self.data(name)
        if raw is None:
            return {}
        if not isinstance(raw, dict):
            raise DefinitionError(name, "needs names with their definitions", got=raw)
        return raw

    def journeys(self) -> list[str]:
        """The journey files, in order."""
        own = self._in("journeys")
        if not self._drafts:
            return own
        return [*(one for one in own if _journey_of(self.data(one)) not in self._drafts), *self._drafts.values()]

    def broadcasts(self) -> list[str]:
        """The broadcast files, in order."""
        return self._in("broadcasts")

    def _in(self, name: str) -> list[str]:
        return [f"{name}/{path.name}" for path in sorted((self.folder / name).glob("*.yml"))]

    def drafts(self) -> list[str]:
        """Names of the journeys that the drafts are."""
        return list(self._drafts)


def _journey_of(raw: Any) -> str:
    return str(raw.get("journey", "")) if isinstance(raw, dict) else ""


def read_text(path: Path, where: str) -> str:
    """The text of a file; empty when there is none. Raises DefinitionError."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise DefinitionError(
                where, "file too large", got=path.stat().st_size, wanted=f"at most {MAX_FILE_BYTES} bytes"
            )
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as error:
        raise DefinitionError(where, f"not UTF-8: {error}", do="save it as UTF-8") from error
    except OSError as error:
        raise DefinitionError(where, f"cannot be read: {error}") from error


@contextmanager
def located(texts: Mapping[str, str]) -> Iterator[None]:
    """Give every DefinitionError about one of these YAML texts, by name, the line that it is about."""
    try:
        yield
    except DefinitionError as error:
        where = placed(error.where, texts, error.problem, error.got)
        if where == error.where:
            raise
        raise error.moved(where) from error


def placed(where: str, texts: Mapping[str, str], problem: str = "", got: object = None) -> str:
    """File and path with the line between them; as it is when the file is none of these, or the line is there already."""
    for name, text in texts.items():
        path = _inside(where, name)
        if path is not None:
            line = places.nearest(plain.lines(text), f".{path}" if path else "", problem, got)
            if line is not None:
                return f"{name}:{line}" + (f": {path}" if path else "")
    return where


def _inside(where: str, name: str) -> str | None:
    """The path inside the file of this name; None when it is about another, or has its line already."""
    if where == name:
        return ""
    return next((where.removeprefix(name + mark) for mark in (": ", ".") if where.startswith(name + mark)), None)
