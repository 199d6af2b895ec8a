"""What `all` and `any` share: several conditions, and the earliest instant at which one of them can change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from tidings.domain.profile import ProfileState
from tidings.rules.base import NEVER, earliest


class Joined(msgspec.Struct, frozen=True):
    """Conditions joined by a word; the kinds say how their verdicts make one."""

    word: ClassVar[str]
    parts: tuple[Any, ...]

    def verdicts(self, state: ProfileState, at_us: int) -> tuple[list[bool], int]:
        """Whether each part holds, and when one of them can next change."""
        holds, next_us = [], NEVER
        for part in self.parts:
            verdict = part.judge(state, at_us)
            holds.append(verdict.holds)
            next_us = earliest(next_us, verdict.next_us)
        return holds, next_us

    def reads(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.reads()

    def words(self) -> str:
        return f"{self.word} of (" + "; ".join(part.words() for part in self.parts) + ")"

    def explain(self, state: ProfileState, at_us: int) -> str:
        return f"{self.word} of (" + "; ".join(part.explain(state, at_us) for part in self.parts) + ")"
