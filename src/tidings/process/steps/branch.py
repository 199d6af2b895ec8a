"""branch: goes one way when a rule holds, the other when it does not."""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import only
from tidings.domain import schema
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process.steps.base import Move, Step, StepBase, text
from tidings.rules import parse as rule_parse
from tidings.rules import schema as rule_schema
from tidings.rules.base import Condition, Traits

SCHEMA = schema.settings({"if": rule_schema.RULE, "then": schema.NAME, "else": schema.NAME}, ["if"])


class Branch(StepBase, frozen=True):
    """Settings: if (a rule), then and else (step ids; the following step by default)."""

    rule: Any
    yes: str
    no: str

    def targets(self) -> tuple[str, ...]:
        return (self.yes, self.no)

    def rules(self) -> tuple[Condition, ...]:
        return (self.rule,)

    def enter(self, state: ProfileState, run: Run) -> Move:
        holds = self.rule.judge(state, run.since_us).holds
        return Move(self.rule.explain(state, run.since_us), goto=self.yes if holds else self.no)

    def words(self) -> str:
        return f"If {self.rule.words()}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:
    settings, path = raw["branch"], f"{where}.branch"
    if not isinstance(settings, dict) or "if" not in settings:
        raise DefinitionError(path, "needs `if`: a rule", got=settings)
    only(settings, {"if", "then", "else"}, path)
    rule = rule_parse.parse(settings["if"], traits, f"{path}.if")
    yes, no = text(settings, "then", path, following), text(settings, "else", path, following)
    return Branch(step_id, following, rule=rule, yes=yes, no=no)
