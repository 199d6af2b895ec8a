"""any: at least one of the conditions holds."""

from __future__ import annotations

from typing import Any, ClassVar

from tidings.domain.profile import ProfileState
from tidings.rules import parse as rule_parse
from tidings.rules import sql
from tidings.rules.base import NEVER, Condition, Traits, Verdict, earliest
from tidings.rules.compile import Source
from tidings.rules.joined import Joined


class AnyOf(Joined, frozen=True):
    """Conditions joined by *or*."""

    word: ClassVar[str] = "any"

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        next_us = NEVER
        for part in self.parts:
            verdict: Verdict = part.judge(state, at_us)
            if verdict.holds:
                return verdict  # it holds at least until this one turns
            next_us = earliest(next_us, verdict.next_us)
        return Verdict(False, next_us)

    def code(self, source: Source) -> bool:
        source.until_one_is(True, self.parts)
        return True

    def sql(self, query: sql.Query) -> str:
        return sql.together("UNION", [part.sql(query) for part in self.parts])


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return AnyOf(rule_parse.parse_list(raw["any"], traits, f"{where}.any"))
