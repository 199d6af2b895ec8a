"""What becomes of runs of earlier versions when a journey changes: by default they end on theirs; `moves` says which go over, and where to.

``moves: {"*": {a_day: two_days, offer: exit}, 3f2a91c04b7d: same}``: by version (or any), the step where a run waits to the step where it
goes on, `exit`, or `stay`; `same` takes every step that still has its name. It is done once, when the version begins to run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from tidings.domain import schema
from tidings.domain.names import known
from tidings.errors import DefinitionError
from tidings.process.steps.base import EXIT

ANY, SAME, STAY = "*", "same", "stay"
MOST_STEPS = 200
"""Steps that one version may map."""
SCHEMA = {
    "type": ["object", "null"],
    "description": "Versions (* for any) to same, or to steps with the step where their runs go on, exit or stay.",
    "additionalProperties": {
        "anyOf": [
            schema.one_of((SAME,)),
            {"type": "object", "additionalProperties": schema.NAME, "maxProperties": MOST_STEPS},
        ]
    },
}

Moves = Mapping[str, Mapping[str, str]]
"""Version to where runs that wait at a step go."""


def target(moves: Moves, version: str, step: str) -> str:
    """The step where a run goes on, or `EXIT`; empty when it stays on its version."""
    own = moves.get(version, {}).get(step) or moves.get(ANY, {}).get(step, STAY)
    return "" if own == STAY else own


def parse(raw: Any, steps: Collection[str], where: str) -> Moves:
    """From the YAML; `steps` are those of the new version. Raises DefinitionError."""
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs versions with steps", got=raw, wanted='such as {"*": {old_step: new_step}}')
    return {str(version): _of_version(one, steps, f"{where}.{version}") for version, one in raw.items()}


def _of_version(raw: Any, steps: Collection[str], where: str) -> Mapping[str, str]:
    if raw == SAME:
        return {step: step for step in steps}
    if not isinstance(raw, dict) or len(raw) > MOST_STEPS:
        do = 'steps stand below a version: {"*": {old_step: new_step}}' if isinstance(raw, str) else ""
        raise DefinitionError(where, f"needs same, or at most {MOST_STEPS} steps with where to go", got=raw, do=do)
    for step, to in raw.items():
        if not isinstance(to, str):
            raise DefinitionError(f"{where}.{step}", "needs a step", got=to)
        known(to, [*steps, EXIT, STAY], "step", f"{where}.{step}", "name a step of this version, exit or stay")
    return {str(step): to for step, to in raw.items()}
