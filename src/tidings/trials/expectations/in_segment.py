"""in_segment: she is in a segment. ``{in_segment: open_cart}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.domain import schema
from tidings.trials.base import SEGMENT, Act, ActBase, When, World, name_of

SCHEMA = {"description": "The segment.", **schema.NAME}
BESIDE: dict[str, schema.Schema] = {}


class Member(ActBase, frozen=True):
    """Whether she is a member."""

    segment: str
    wanted: bool

    def play(self, world: World) -> str:
        inside = world.segments(self.when.who)
        if (self.segment in inside) is self.wanted:
            return ""
        word = "in" if self.wanted else "not in"
        return f"expected {self.when.who} {word} segment {self.segment}; she is in {', '.join(inside) or 'none'}"

    def names(self) -> Iterator[tuple[str, str]]:
        yield SEGMENT, self.segment


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:  # noqa: ARG001 - nothing stands beside it
    return Member(when, name_of(raw, f"{where}.in_segment", "a segment"), wanted=True)
