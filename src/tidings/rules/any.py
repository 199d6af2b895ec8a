"""any: at least one of the conditions holds."""

from __future__ import annotations

from typing import Any, ClassVar

from tidings.domain.profile import ProfileState
from tidings.rules import parse as rule_parse
from tidings.rules import sql
from tidings.rules.base import Condition, Traits, Verdict
from tidings.rules.joined import Joined


class AnyOf(Joined, frozen=True):
    """Conditions joined by *or*."""

    word: ClassVar[str] = "any"

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        holds, next_us = self.verdicts(state, at_us)
        return Verdict(any(holds), next_us)

    def sql(self, query: sql.Query) -> str:
        return sql.together("UNION", [part.sql(query) for part in self.parts])


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return AnyOf(rule_parse.parse_list(raw["any"], traits, f"{where}.any"))
