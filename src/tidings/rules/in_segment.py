"""in_segment: she is in another segment, which means that the other segment's rule holds.

The other rule is taken in where it is named, once, at load. So the two can never disagree, not even for a microsecond, and
next change, SQL and explanation follow by themselves. A circle of segments is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tidings.domain import schema
from tidings.domain.profile import ProfileState
from tidings.errors import DefinitionError
from tidings.rules import parse as rule_parse
from tidings.rules import sql
from tidings.rules.base import Condition, Traits, Verdict
from tidings.rules.compile import Source, write
from tidings.rules.form import Form

FORM = Form(value={"description": "Another segment.", **schema.NAME})


class InSegment(msgspec.Struct, frozen=True):
    """The rule of another segment."""

    name: str
    rule: Any

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        verdict: Verdict = self.rule.judge(state, at_us)
        return verdict

    def code(self, source: Source) -> bool:
        write(self.rule, source)
        return True

    def reads(self) -> Iterator[str]:
        yield from self.rule.reads()

    def words(self) -> str:
        return f"is in segment {self.name}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        verdict = self.judge(state, at_us)
        return f"{self.words()}: {'yes' if verdict.holds else 'no'} ({self.rule.explain(state, at_us)})"

    def sql(self, query: sql.Query) -> str:
        asked: str = self.rule.sql(query)
        return asked


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    name = raw["in_segment"]
    if not isinstance(name, str) or not name:
        raise DefinitionError(f"{where}.in_segment", "needs the name of a segment", got=name)
    with traits.inside(name, f"{where}.in_segment") as rule:
        return InSegment(name, rule_parse.parse(rule, traits, f"segments.yml: {name}.rule"))
