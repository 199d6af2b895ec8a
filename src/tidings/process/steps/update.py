"""update: sets given traits of the person, by an identify call of our own that the log takes like any other.

The run waits until it is back, milliseconds later, so the next step and every segment see it. It occurs a microsecond after
the run arrived, so it wins over what she said of herself at that instant.
"""

from __future__ import annotations

from typing import Any

from tidings.domain.profile import ProfileState, Run
from tidings.process.steps import filled
from tidings.process.steps.asking import DONE, PATIENCE_US, Changing
from tidings.process.steps.base import Ask, Move, Step
from tidings.process.steps.filled import Filled
from tidings.rules.base import Traits

SCHEMA = {"description": "Traits with their new values.", **filled.SCHEMA}


class Update(Changing, frozen=True):
    """Settings: traits with their new values."""

    traits: Filled

    def listens(self) -> tuple[str, ...]:
        return ("Identify",)

    def answers(self) -> tuple[str, ...]:
        return self.traits.answers()

    def enter(self, state: ProfileState, run: Run) -> Move:
        values = self.traits.known(state, run)
        if not values:
            return Move("nothing is known to set", goto=self.next, result=DONE)
        shown = ", ".join(f"{name} = {value}" for name, value in values.items())
        return Move(f"sets {shown[:200]}", ask=Ask("identify", "", values, PATIENCE_US))

    def words(self) -> str:
        return f"Set {self.traits.words()}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:
    return Update(step_id, following, traits=filled.parse(raw["update"], traits, f"{where}.update"))
