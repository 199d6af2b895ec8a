"""What `all` and `any` share: several conditions, in words and in what they read.

Each stops at the first part that decides: the whole cannot turn before that part does, so its next instant is theirs.
That saves work with every event, and wake-ups that would find nothing changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from tidings.domain.profile import ProfileState


class Joined(msgspec.Struct, frozen=True):
    """Conditions joined by a word; the kinds say how their verdicts make one."""

    word: ClassVar[str]
    parts: tuple[Any, ...]

    def reads(self) -> Iterator[str]:
        for part in self.parts:
            yield from part.reads()

    def words(self) -> str:
        return f"{self.word} of (" + "; ".join(part.words() for part in self.parts) + ")"

    def explain(self, state: ProfileState, at_us: int) -> str:
        return f"{self.word} of (" + "; ".join(part.explain(state, at_us) for part in self.parts) + ")"
