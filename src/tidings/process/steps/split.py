"""split: one of several ways, by a draw that depends on the person, the journey and the step alone.

``split: {remind: 50, leave_alone: 50}``: step ids (or `exit`) with their weights, whole percent that make 100. A replay draws the same; the
next run of the same person stays with what was drawn, as arms.py says; another split draws anew. What was drawn is in the run's path.
"""

from __future__ import annotations

from typing import Any

from tidings.domain import schema
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process import arms
from tidings.process.steps.base import Move, Step, StepBase, targets_of
from tidings.rules.base import Traits

MOST_WAYS = 20
SCHEMA = {
    "type": "object",
    "minProperties": 2,
    "maxProperties": MOST_WAYS,
    "additionalProperties": schema.whole(1, 99),
    "description": "Step ids, or exit, with their weights: whole percent that make 100.",
}


class Split(StepBase, frozen=True):
    """Settings: step ids with their weights, in the order in which they share the draw."""

    shares: tuple[tuple[str, int], ...]

    def ways(self) -> tuple[tuple[str, str], ...]:
        return tuple((f"{weight} %", step) for step, weight in self.shares)

    def targets(self) -> tuple[str, ...]:
        return targets_of(self)

    def results(self) -> tuple[str, ...]:
        return self.targets()

    def enter(self, state: ProfileState, run: Run) -> Move:
        found = arms.drawn(state, "split", run.journey, self.id, self.shares)
        words = arms.words(state, found, f"{found.word} ({dict(self.shares)[found.word]} %)")
        return Move(words, goto=found.word, draw=found, result=found.word)

    def words(self) -> str:
        return f"Split: {', '.join(f'{weight} % {step}' for step, weight in self.shares)}"


def _even(ways: dict[str, int]) -> str:
    """Weights that would do: the same proportions, and what is left over goes to the first."""
    total = sum(ways.values())
    shares = {step: weight * 100 // total for step, weight in ways.items()}
    shares[next(iter(shares))] += 100 - sum(shares.values())
    if min(shares.values()) < 1:
        return "make them 100"
    return f"for the same proportions write {{{', '.join(f'{step}: {share}' for step, share in shares.items())}}}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:  # noqa: ARG001
    ways, path = raw["split"], f"{where}.split"
    if not isinstance(ways, dict) or not 2 <= len(ways) <= MOST_WAYS:
        raise DefinitionError(path, f"needs 2 to {MOST_WAYS} step ids with their weights", got=ways)
    for step, weight in ways.items():
        if type(weight) is not int or weight < 1:
            raise DefinitionError(f"{path}.{step}", "no weight", got=weight, wanted="whole percent, at least 1")
    if sum(ways.values()) != 100:
        raise DefinitionError(path, "the weights do not make 100", got=sum(ways.values()), do=_even(ways))
    return Split(step_id, following, shares=tuple((str(step), weight) for step, weight in ways.items()))
