"""advance: time passes. ``{advance: 3d}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.domain import schema
from tidings.trials.base import Act, ActBase, When, World, span

SCHEMA = {**schema.SPAN, "description": "How much time passes."}
BESIDE: dict[str, schema.Schema] = {}


class Advance(ActBase, frozen=True):
    """A span that passes."""

    span_us: int

    def play(self, world: World) -> str:
        world.pass_to(world.now_us + self.span_us)
        return ""


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:  # noqa: ARG001 - nothing stands beside it
    return Advance(when, span(raw, f"{where}.advance"))
