"""The definitions that run, as the console shows them: read from their folder, again whenever it or a file changes.

A folder with a mistake in it shows the mistake; the rest of the console goes on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from tidings import workspace
from tidings.errors import DefinitionError
from tidings.workspace import Definitions

MAX_FILES = 500
"""Definition files looked at."""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Definitions, or what is wrong with them."""

    definitions: Definitions | None = None
    problem: str = ""
    labels: dict[str, str] = {}
    """Segment name to its label for people."""

    def label(self, segment: str) -> str:
        """A segment's name for people."""
        return self.labels.get(segment) or segment.replace("_", " ").capitalize()


class Workspace:
    """The folder that runs. Safe to ask from several threads."""

    def __init__(self, running: Callable[[], Path], *, kept: bool = False) -> None:
        """`running` says which folder it is; it changes with the definitions. `kept` says that it holds what ran once."""
        self._kept = kept
        self._running = running
        self._folder = Path()
        self._lock = threading.Lock()
        self._stamp: tuple[tuple[str, int, int], ...] | None = None
        self._shown = Shown()

    def shown(self) -> Shown:
        """The definitions as they are now."""
        with self._lock:
            self._folder = self._running()
            stamp = self._look()
            if stamp != self._stamp:
                self._shown, self._stamp = self._load(), stamp
            return self._shown

    def _look(self) -> tuple[tuple[str, int, int], ...]:
        paths = sorted([*self._folder.glob("*.yml"), *self._folder.glob("journeys/*.yml")])[:MAX_FILES]
        return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path in paths if (stat := path.stat()))

    def _load(self) -> Shown:
        try:
            definitions = workspace.load(self._folder, kept=self._kept)
            raw = workspace.read_yaml(self._folder / "segments.yml") or {}
        except (DefinitionError, OSError) as error:
            return Shown(problem=str(error))
        labels = {
            str(name): str(one["label"]) for name, one in raw.items() if isinstance(one, dict) and one.get("label")
        }
        return Shown(definitions=definitions, labels=labels)
