"""start: begins a run of another journey in the same breath, by the other one's own rules of re-entry, and goes on.

``start: {journey: win_back, with: {plan: {trait: plan}}}``. What stands in `with` is what the entering event is elsewhere: templates and the key of
the other run find it there. Its result is ``started`` or ``refused:`` with the reason.
"""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import only
from tidings.domain import schema
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process.steps import filled
from tidings.process.steps.base import Beginning, Move, Step, StepBase, text
from tidings.process.steps.filled import Filled
from tidings.rules.base import Traits

STARTED, REFUSED = "started", "refused"
"""Results."""
SCHEMA = schema.settings({"journey": schema.NAME, "with": filled.SCHEMA}, ["journey"])


class Start(StepBase, frozen=True):
    """Settings: journey (its name), with (values)."""

    journey: str
    values: Filled

    def results(self) -> tuple[str, ...]:
        return (STARTED, REFUSED)

    def enter(self, state: ProfileState, run: Run) -> Move:
        wanted = Beginning(self.journey, self.values.known(state, run))
        return Move(f"starts {self.journey}", goto=self.next, begin=wanted)

    def words(self) -> str:
        given = f" with {self.values.words()}" if self.values.values else ""
        return f"Start journey {self.journey}{given}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:
    settings, path = raw["start"], f"{where}.start"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="journey, with")
    only(settings, {"journey", "with"}, path)
    values = filled.parse(settings["with"], traits, f"{path}.with") if "with" in settings else Filled({})
    return Start(step_id, following, journey=text(settings, "journey", path), values=values)
