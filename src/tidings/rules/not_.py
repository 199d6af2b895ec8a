"""not: the condition does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tidings.domain.profile import ProfileState
from tidings.rules import parse as rule_parse
from tidings.rules import sql
from tidings.rules.base import Condition, Traits, Verdict
from tidings.rules.compile import Source, write


class Not(msgspec.Struct, frozen=True):
    """A condition turned round."""

    part: Any

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        verdict = self.part.judge(state, at_us)
        return Verdict(not verdict.holds, verdict.next_us)

    def code(self, source: Source) -> bool:
        write(self.part, source)
        source.add("h = not h")
        return True

    def reads(self) -> Iterator[str]:
        yield from self.part.reads()

    def words(self) -> str:
        return f"not ({self.part.words()})"

    def explain(self, state: ProfileState, at_us: int) -> str:
        return f"not ({self.part.explain(state, at_us)})"

    def sql(self, query: sql.Query) -> str:
        return sql.everybody_but(query, self.part.sql(query))


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return Not(rule_parse.parse(raw["not"], traits, f"{where}.not"))
