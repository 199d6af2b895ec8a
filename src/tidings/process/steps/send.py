"""send: asks for one message. Whether it may go is decided by decide/, not here."""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import only
from tidings.domain import schema
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process import results
from tidings.process.steps.base import Draft, Move, Step, StepBase, text
from tidings.rules.base import Traits

SCHEMA = schema.settings({"template": schema.NAME, "category": schema.NAME}, ["template"])


class Send(StepBase, frozen=True):
    """Settings: template, category."""

    template: str
    category: str

    def enter(self, state: ProfileState, run: Run) -> Move:  # noqa: ARG002 - the same for everyone
        return Move(f"asks for {self.template}", goto=self.next, draft=Draft(self.id, self.template, self.category))

    def results(self) -> tuple[str, ...]:
        return results.STRENGTH

    def words(self) -> str:
        return f"Send {self.template} ({self.category})"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:  # noqa: ARG001
    settings, path = raw["send"], f"{where}.send"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="template, category")
    only(settings, {"template", "category"}, path)
    template, category = text(settings, "template", path), text(settings, "category", path, "marketing")
    return Send(step_id, following, template=template, category=category)
