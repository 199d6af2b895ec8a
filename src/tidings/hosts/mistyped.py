"""Looking for properties of another type than the definitions that run ask for: for `tidings doctor` and the console."""

from __future__ import annotations

from contextlib import closing

from tidings import workspace
from tidings.config import Config
from tidings.hosts.bounds import COMMAND, Bounds, within
from tidings.lake import query
from tidings.versions.mistyped import Types, mistyped
from tidings.versions.shelf import Versions


def look(config: Config, bounds: Bounds = COMMAND) -> Types:
    """What the latest days of the lake have; nothing before the first events. Raises DefinitionError, and InputError also beyond the bounds."""
    if not (config.data / "serving.db").exists():
        return Types()
    definitions = workspace.load(Versions(config.data).current(config.workspace), kept=True)
    with closing(query.connect(config.data, memory_mb=bounds.memory_mb)) as lake, within(bounds, lake):
        return mistyped(lake, definitions, config.type_check_days)
