"""all: every one of the conditions holds."""

from __future__ import annotations

from typing import Any, ClassVar

from tidings.domain.profile import ProfileState
from tidings.rules import parse as rule_parse
from tidings.rules import sql
from tidings.rules.base import NEVER, Condition, Traits, Verdict, earliest
from tidings.rules.compile import Source
from tidings.rules.joined import Joined


class AllOf(Joined, frozen=True):
    """Conditions joined by *and*."""

    word: ClassVar[str] = "all"

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        next_us = NEVER
        for part in self.parts:
            verdict: Verdict = part.judge(state, at_us)
            if not verdict.holds:
                return verdict  # it cannot hold before this one turns
            next_us = earliest(next_us, verdict.next_us)
        return Verdict(True, next_us)

    def code(self, source: Source) -> bool:
        source.until_one_is(False, self.parts)
        return True

    def sql(self, query: sql.Query) -> str:
        return sql.together("INTERSECT", [part.sql(query) for part in self.parts])


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return AllOf(rule_parse.parse_list(raw["all"], traits, f"{where}.all"))
