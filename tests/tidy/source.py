"""The project's own source, parsed once for all tidiness tests."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "tidings"
_SKIPPED = {".git", ".venv", "node_modules", "__pycache__", "build", "dist", "demo-data", "tidings-data"}


class Module(NamedTuple):
    """One Python file."""

    path: Path
    """Absolute."""
    name: str
    """Path from the repository's root."""
    text: str
    tree: ast.Module

    @property
    def package(self) -> str:
        """The package or top-level module of tidings that it belongs to: ``rules``, ``cli``."""
        return self.path.relative_to(PACKAGE).with_suffix("").parts[0]

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


def files(*folders: str) -> Iterator[Path]:
    """All files below folders of the repository (all of it when none is named) that are the project's own."""
    for start in [ROOT / folder for folder in folders] or [ROOT]:
        for place, inner, names in os.walk(start):
            inner[:] = sorted(name for name in inner if name not in _SKIPPED and not _is_cache(name))
            yield from (Path(place) / name for name in sorted(names) if name not in _SKIPPED)


def _is_cache(name: str) -> bool:
    return name.startswith(".") and name != ".ci"


@cache
def modules(*folders: str) -> tuple[Module, ...]:
    """The Python files below folders of the repository, parsed."""
    found = []
    for path in files(*folders):
        if path.suffix == ".py":
            text = path.read_text("utf-8")
            found.append(Module(path, str(path.relative_to(ROOT)), text, ast.parse(text)))
    return tuple(found)


def ours() -> tuple[Module, ...]:
    """The modules of the package itself."""
    return modules("src/tidings")


def imports(module: Module) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything that a module imports, wherever in the file."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
