"""holdout: so many in a hundred get no message of this journey, so that one can tell what its messages do.

``holdout: 10``. Who is held out walks on like everybody, and each message that would have gone is recorded as held back; only the category
`transactional`, and others that are exempt, reach her. The draw holds: in her next run, and after a merge.
"""

from __future__ import annotations

from typing import Any

from tidings.domain import schema
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process import arms
from tidings.process.arms import Draw
from tidings.process.steps.base import Move, Step, StepBase
from tidings.rules.base import Traits

HELD, TREATED = "held", "treated"
"""Results."""
MOST = 90
SCHEMA = {**schema.whole(1, MOST), "description": "How many in a hundred get no message of this journey."}


class Holdout(StepBase, frozen=True):
    """Settings: the percentage, ``holdout: 10``."""

    percent: int

    def results(self) -> tuple[str, ...]:
        return (HELD, TREATED)

    def enter(self, state: ProfileState, run: Run) -> Move:
        found = drawn(state, run.journey, self.id, self.percent)
        words = arms.words(state, found, shown(found, self.percent))
        return Move(words, goto=self.next, draw=found, hold=found.word == HELD, result=found.word)

    def words(self) -> str:
        return f"Hold out {self.percent} %"


def drawn(state: ProfileState, journey: str, step: str, percent: int) -> Draw:
    """Whether she is held out."""
    return arms.drawn(state, "holdout", journey, step, ((HELD, percent), (TREATED, 100 - percent)))


def shown(found: Draw, percent: int) -> str:
    """For people."""
    return f"held out ({percent} %)" if found.word == HELD else f"not held out ({100 - percent} %)"


def percent_of(raw: Any, where: str) -> int:
    """A percentage of people to hold out. Raises DefinitionError."""
    if type(raw) is not int or not 1 <= raw <= MOST:
        raise DefinitionError(where, "no share to hold out", got=raw, wanted=f"whole percent, 1 to {MOST}")
    return raw


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:  # noqa: ARG001
    return Holdout(step_id, following, percent=percent_of(raw["holdout"], f"{where}.holdout"))
