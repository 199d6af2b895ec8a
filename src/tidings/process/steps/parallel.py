"""parallel: several paths at once, which meet again at one step.

``parallel: {paths: {mail: remind, wait: a_day}, join: after, until: all}``. Each path is walked by a lane of its own until it comes to `join`, or to
its end (`exit`), which counts as arriving. The run goes on at `join` when all lanes have arrived, or with ``until: any`` when the first
has; then the others are ended. What ends the run (its goal, an exit) ends all lanes.
"""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import only
from tidings.domain import schema
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process.steps.base import Move, Step, StepBase, targets_of, text
from tidings.rules.base import Traits

MOST_PATHS = 10
ALL, ANY = "all", "any"
SCHEMA = schema.settings(
    {
        "paths": {
            "type": "object",
            "minProperties": 2,
            "maxProperties": MOST_PATHS,
            "additionalProperties": schema.NAME,
            "description": "Names of paths, each with the step that it begins with.",
        },
        "join": schema.NAME,
        "until": schema.one_of((ALL, ANY)),
    },
    ["paths", "join"],
)


class Parallel(StepBase, frozen=True):
    """Settings: paths (names with step ids), join (a step id or exit), until (all or any)."""

    paths: dict[str, str]
    join: str
    until: str

    def ways(self) -> tuple[tuple[str, str], ...]:
        met = "all have arrived" if self.until == ALL else "one has arrived"
        return (*((f"path {name}", step) for name, step in self.paths.items()), (met, self.join))

    def targets(self) -> tuple[str, ...]:
        return targets_of(self)

    def results(self) -> tuple[str, ...]:
        return (ALL,) if self.until == ALL else tuple(self.paths)

    def enter(self, state: ProfileState, run: Run) -> Move:  # noqa: ARG002 - the same for everyone
        return Move(f"takes {len(self.paths)} paths: {', '.join(self.paths)}", fork=self.paths)

    def joined(self, path: str) -> Move:
        """When the run may go on; `path` is the one that arrived last, or first with ``until: any``; empty when it began none."""
        if not path:
            return Move("takes no path: too many runs, or too deep", goto=self.join)
        if self.until == ANY:
            return Move(f"{path} arrived first", goto=self.join, result=path)
        return Move("all paths have arrived", goto=self.join, result=ALL)

    def words(self) -> str:
        met = "all have arrived" if self.until == ALL else "one has arrived"
        return f"At once: {', '.join(self.paths)}; goes on when {met}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:  # noqa: ARG001
    settings, path = raw["parallel"], f"{where}.parallel"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="paths, join, until")
    only(settings, {"paths", "join", "until"}, path)
    paths, until = settings.get("paths"), settings.get("until", ALL)
    if not isinstance(paths, dict) or not 2 <= len(paths) <= MOST_PATHS:
        raise DefinitionError(f"{path}.paths", f"needs 2 to {MOST_PATHS} names with step ids", got=paths)
    if until not in (ALL, ANY):
        raise DefinitionError(f"{path}.until", "unknown", got=until, wanted="all or any")
    found = {str(name): text(paths, name, f"{path}.paths") for name in paths}
    return Parallel(step_id, following, paths=found, join=text(settings, "join", path), until=until)
