"""call: the shop's own system begins a run. ``{call: renewal, properties: {plan: gold}}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.domain import schema
from tidings.trials.base import JOURNEY, Act, ActBase, When, World, name_of
from tidings.trials.event import mapping

SCHEMA = {"description": "The journey whose run begins.", **schema.NAME}
BESIDE: dict[str, schema.Schema] = {"properties": {"type": "object"}}


class Called(ActBase, frozen=True):
    """A call for a journey."""

    journey: str
    properties: Mapping[str, Any]

    def play(self, world: World) -> str:
        world.start(self.when.who, self.journey, self.properties)
        return ""

    def names(self) -> Iterator[tuple[str, str]]:
        yield JOURNEY, self.journey


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:
    properties = mapping(beside.get("properties", {}), f"{where}.properties")
    return Called(when, journey=name_of(raw, f"{where}.call", "the journey's name"), properties=properties)
