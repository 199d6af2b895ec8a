"""exit: the run ends here."""

from __future__ import annotations

from typing import Any

from tidings.domain.profile import ProfileState, Run
from tidings.process.steps.base import EXIT, Move, Step, StepBase
from tidings.rules.base import Traits

SCHEMA = {"description": "A word or sentence that says how the run ended."}


class Exit(StepBase, frozen=True):
    """Settings: a word that says how it ended, ``exit: reminded``."""

    outcome: str

    def targets(self) -> tuple[str, ...]:
        return ()

    def at_once(self) -> tuple[str, ...]:
        return (EXIT,)

    def enter(self, state: ProfileState, run: Run) -> Move:  # noqa: ARG002 - the same for everyone
        return Move(self.outcome, goto=EXIT)

    def words(self) -> str:
        return f"Exit: {self.outcome}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:  # noqa: ARG001
    return Exit(step_id, following, str(raw["exit"] or "finished"))
