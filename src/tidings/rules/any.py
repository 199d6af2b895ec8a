"""any: at least one of the conditions holds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tidings.domain.profile import ProfileState
from tidings.rules import parse as rule_parse
from tidings.rules.base import NEVER, Condition, Traits, Verdict, earliest


class AnyOf(msgspec.Struct, frozen=True):
    """Conditions joined by *or*."""

    parts: tuple[Any, ...]

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        holds, next_us = False, NEVER
        for part in self.parts:
            verdict = part.judge(state, at_us)
            holds = holds or verdict.holds
            next_us = earliest(next_us, verdict.next_us)
        return Verdict(holds, next_us)

    def reads(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.reads()

    def words(self) -> str:
        return "any of (" + "; ".join(part.words() for part in self.parts) + ")"

    def explain(self, state: ProfileState, at_us: int) -> str:
        return "any of (" + "; ".join(part.explain(state, at_us) for part in self.parts) + ")"


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return AnyOf(rule_parse.parse_list(raw["any"], traits, f"{where}.any"))
