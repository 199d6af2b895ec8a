"""branch with `answer`: by what a webhook answered to an earlier step of the run.

``branch: {answer: ask_crm, where: {score: {at_least: 5}}, then: offer, else: let_go}``. No answer passes no comparison.
"""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import only
from tidings.domain import filter as event_filter
from tidings.domain.filter import EventFilter
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process.steps.base import Move, Step, StepBase, targets_of, text

MAX_SHOWN_CHARS = 100
"""Of a value, in what the timeline says."""


class BranchAnswer(StepBase, frozen=True):
    """Settings: answer (id of a webhook step), where (fields of its answer with comparisons), then, else."""

    answer: str
    filter: EventFilter
    yes: str
    no: str

    @property
    def kind(self) -> str:
        return "branch"

    def ways(self) -> tuple[tuple[str, str], ...]:
        return (("yes", self.yes), ("no", self.no))

    def targets(self) -> tuple[str, ...]:
        return targets_of(self)

    def answers(self) -> tuple[str, ...]:
        return (self.answer,)

    def enter(self, state: ProfileState, run: Run) -> Move:  # noqa: ARG002 - the answer is in the run
        answer = run.answers.get(self.answer)
        if answer is None:
            return Move(f"{self.answer} has no answer", goto=self.no)
        shown = ", ".join(f"{name} is {str(answer.get(name))[:MAX_SHOWN_CHARS]}" for name, _ in self.filter.where)
        return Move(f"{self.answer}: {shown}", goto=self.yes if self.filter.passes(answer) else self.no)

    def words(self) -> str:
        return f"If the answer is {self.filter.words()}"


def parse(settings: dict[str, Any], step_id: str, following: str, path: str) -> Step:
    """The step of such settings. Raises DefinitionError."""
    only(settings, {"answer", "where", "then", "else"}, path)
    name = text(settings, "answer", path)
    if not isinstance(settings.get("where"), dict) or not settings["where"]:
        raise DefinitionError(path, "needs `where`: fields of the answer with comparisons", got=settings.get("where"))
    found = event_filter.parse(name, settings["where"], path)
    yes, no = text(settings, "then", path, following), text(settings, "else", path, following)
    return BranchAnswer(step_id, following, answer=name, filter=found, yes=yes, no=no)
