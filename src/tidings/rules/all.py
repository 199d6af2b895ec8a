"""all: every one of the conditions holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tidings.domain.profile import ProfileState
from tidings.rules import parse as rule_parse
from tidings.rules.base import NEVER, Condition, Traits, Verdict, earliest


class AllOf(msgspec.Struct, frozen=True):
    """Conditions joined by *and*."""

    parts: tuple[Any, ...]

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        holds, next_us = True, NEVER
        for part in self.parts:
            verdict = part.judge(state, at_us)
            holds = holds and verdict.holds
            next_us = earliest(next_us, verdict.next_us)
        return Verdict(holds, next_us)

    def reads(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.reads()

    def words(self) -> str:
        return "all of (" + "; ".join(part.words() for part in self.parts) + ")"

    def explain(self, state: ProfileState, at_us: int) -> str:
        return "all of (" + "; ".join(part.explain(state, at_us) for part in self.parts) + ")"


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return AllOf(rule_parse.parse_list(raw["all"], traits, f"{where}.all"))
