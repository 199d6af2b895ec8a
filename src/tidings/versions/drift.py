"""Drift: files of the workspace folder that are not what runs."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tidings.versions import files
from tidings.versions.shelf import Versions


class Drift(msgspec.Struct, frozen=True, kw_only=True):
    """How the folder differs from what runs."""

    running: str
    """The version that runs; empty when nothing ever did."""
    files: list[tuple[str, str, str]]
    """(path, ``added`` | ``changed`` | ``removed``, unified diff)."""

    def words(self) -> str:
        """One sentence for people; empty when there is no difference."""
        if not self.files:
            return ""
        names = ", ".join(path for path, _, _ in self.files[:5]) + (", …" if len(self.files) > 5 else "")
        differ = "1 file differs" if len(self.files) == 1 else f"{len(self.files)} files differ"
        return f"{differ} from what runs (version {self.running}): {names}"


def drift(data: Path, workspace: Path) -> Drift:
    """Compare the workspace folder with what runs. Raises DefinitionError when there is no such folder."""
    versions = Versions(data)
    running = versions.running()
    if not running:
        return Drift(running="", files=[])
    return Drift(running=running, files=files.difference(files.read(versions.folder(running)), files.read(workspace)))
