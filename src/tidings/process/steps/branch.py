"""branch: goes where the first rule that holds says; or where the word for what came of an earlier step says.

``branch: {if: RULE, then: a, else: b}``, ``branch: {ways: [{if: RULE, then: a}, {if: RULE, then: b}], else: c}``,
``branch: {of: STEP, ways: {clicked: a, opened: b}, else: c}``, ``branch: {of: STEP, is: [clicked, opened], then: a, else: b}``.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.domain import schema
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process import results
from tidings.process.steps import branch_answer
from tidings.process.steps.base import Move, Step, StepBase, targets_of, text, words_of
from tidings.rules import parse as rule_parse
from tidings.rules import schema as rule_schema
from tidings.rules.base import Condition, Traits

MOST_WAYS = 20
_CASE = schema.settings({"if": rule_schema.RULE, "then": schema.NAME}, ["if", "then"])
_OF = {"of": {"description": "An earlier step.", **schema.NAME}}
SCHEMA = {
    "anyOf": [
        schema.settings({"if": rule_schema.RULE, "then": schema.NAME, "else": schema.NAME}, ["if"]),
        schema.settings(
            {
                "ways": {"type": "array", "items": _CASE, "minItems": 1, "maxItems": MOST_WAYS},
                "else": schema.NAME,
            },
            ["ways"],
        ),
        schema.settings(
            {
                **_OF,
                "ways": {
                    "type": "object",
                    "minProperties": 1,
                    "maxProperties": MOST_WAYS,
                    "additionalProperties": schema.NAME,
                    "description": "Words for what came of the step, with the step to go to.",
                },
                "else": schema.NAME,
            },
            ["of", "ways"],
        ),
        schema.settings(
            {
                "answer": {"description": "An earlier step that called a webhook.", **schema.NAME},
                "where": {**schema.WHERE, "type": "object", "minProperties": 1},
                "then": schema.NAME,
                "else": schema.NAME,
            },
            ["answer", "where"],
        ),
        schema.settings({**_OF, "is": schema.NAMES, "then": schema.NAME, "else": schema.NAME}, ["of", "is"]),
    ]
}


class Case(msgspec.Struct, frozen=True):
    """One rule, and where to go when it holds."""

    rule: Condition
    then: str


class Branch(StepBase, frozen=True):
    """Settings: if and then (a rule, a step id), or ways (a list of them); else (a step id; the following step by default)."""

    cases: tuple[Case, ...]
    no: str

    def ways(self) -> tuple[tuple[str, str], ...]:
        if len(self.cases) == 1:
            return (("yes", self.cases[0].then), ("no", self.no))
        return (*((one.rule.words(), one.then) for one in self.cases), ("else", self.no))

    def targets(self) -> tuple[str, ...]:
        return targets_of(self)

    def rules(self) -> tuple[Condition, ...]:
        return tuple(one.rule for one in self.cases)

    def enter(self, state: ProfileState, run: Run) -> Move:
        found = next((one for one in self.cases if one.rule.judge(state, run.since_us).holds), None)
        shown = [found] if found is not None else self.cases
        words = "; ".join(one.rule.explain(state, run.since_us) for one in shown)
        return Move(words, goto=found.then if found is not None else self.no)

    def words(self) -> str:
        return "If " + ", else if ".join(one.rule.words() for one in self.cases)


class BranchOf(StepBase, frozen=True):
    """Settings: of (a step id), ways (words with step ids) or is and then; else."""

    of: str
    by: dict[str, str]
    """Words with step ids."""
    no: str

    def ways(self) -> tuple[tuple[str, str], ...]:
        grouped: dict[str, list[str]] = {}
        for word, target in self.by.items():
            grouped.setdefault(target, []).append(word)
        return (*((" or ".join(words), target) for target, words in grouped.items()), ("else", self.no))

    def targets(self) -> tuple[str, ...]:
        return targets_of(self)

    def asks(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ((self.of, tuple(self.by)),)

    def enter(self, state: ProfileState, run: Run) -> Move:  # noqa: ARG002 - what came of the step is in the run
        word = run.results.get(self.of, "")
        return Move(f"{self.of}: {word or 'nothing came of it'}", goto=results.choose(word, self.by, self.no))

    def words(self) -> str:
        return f"By what came of {self.of}: {', '.join(self.by)}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:
    settings, path = raw["branch"], f"{where}.branch"
    if not isinstance(settings, dict) or not {"if", "ways", "of", "answer"} & set(settings):
        needs = "needs `if`: a rule, `ways`: several, or `of`: a step (or `answer`: one that called a webhook)"
        raise DefinitionError(path, needs, got=settings)
    if "answer" in settings:
        return branch_answer.parse(settings, step_id, following, path)
    no = text(settings, "else", path, following)
    if "of" in settings:
        only(settings, {"of", "ways", "is", "then", "else"}, path)
        return BranchOf(step_id, following, text(settings, "of", path), _by(settings, path, following), no)
    if "if" in settings:
        only(settings, {"if", "then", "else"}, path)
        rule = rule_parse.parse(settings["if"], traits, f"{path}.if")
        return Branch(step_id, following, (Case(rule, text(settings, "then", path, following)),), no)
    only(settings, {"ways", "else"}, path)
    return Branch(step_id, following, _cases(settings["ways"], traits, f"{path}.ways"), no)


def _cases(raw: Any, traits: Traits, path: str) -> tuple[Case, ...]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_WAYS:
        raise DefinitionError(path, f"needs 1 to {MOST_WAYS} rules, each `if` with `then`", got=raw)
    return tuple(_case(one, traits, f"{path}[{index}]") for index, one in enumerate(raw))


def _case(raw: Any, traits: Traits, path: str) -> Case:
    if not isinstance(raw, dict) or "if" not in raw:
        raise DefinitionError(path, "needs `if`: a rule, and `then`: a step", got=raw)
    only(raw, {"if", "then"}, path)
    return Case(rule_parse.parse(raw["if"], traits, f"{path}.if"), text(raw, "then", path))


def _by(settings: dict[str, Any], path: str, following: str) -> dict[str, str]:
    """Words with where they lead."""
    if ("ways" in settings) == ("is" in settings) or ("ways" in settings and "then" in settings):
        raise DefinitionError(path, "needs either `ways`, or `is` with `then`", got=settings)
    if "is" in settings:
        return dict.fromkeys(words_of(settings["is"], f"{path}.is"), text(settings, "then", path, following))
    raw = settings["ways"]
    if not isinstance(raw, dict) or not 1 <= len(raw) <= MOST_WAYS:
        raise DefinitionError(f"{path}.ways", f"needs 1 to {MOST_WAYS} words with step ids", got=raw)
    return {str(word): text(raw, word, f"{path}.ways") for word in raw}
