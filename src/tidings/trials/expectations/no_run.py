"""no_run: she is not in a journey. ``{no_run: abandoned_cart}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.domain import schema
from tidings.trials.base import JOURNEY, Act, ActBase, When, World, name_of
from tidings.trials.told import told

SCHEMA = {"description": "The journey.", **schema.NAME}
BESIDE: dict[str, schema.Schema] = {}


class NoRun(ActBase, frozen=True):
    """No run under way."""

    journey: str

    def play(self, world: World) -> str:
        if all(run.journey != self.journey for run in world.runs(self.when.who)):
            return ""
        return f"expected {self.when.who} not in journey {self.journey}; {told(world, self.when.who)}"

    def names(self) -> Iterator[tuple[str, str]]:
        yield JOURNEY, self.journey


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:  # noqa: ARG001 - nothing stands beside it
    return NoRun(when, name_of(raw, f"{where}.no_run", "a journey"))
