"""run: she is in a journey, at a step. ``{run: abandoned_cart, step: left_alone}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.domain import schema
from tidings.trials.base import JOURNEY, Act, ActBase, When, World, name_of
from tidings.trials.told import told

SCHEMA = {"description": "The journey.", **schema.NAME}
BESIDE: dict[str, schema.Schema] = {"step": {"description": "Where the run waits.", **schema.NAME}}


class InRun(ActBase, frozen=True):
    """A run under way."""

    journey: str
    step: str
    """Empty for any."""

    def play(self, world: World) -> str:
        for run in world.runs(self.when.who):
            if run.journey == self.journey and self.step in ("", run.step):
                return ""
        at = f" at step {self.step}" if self.step else ""
        return f"expected {self.when.who} in journey {self.journey}{at}; {told(world, self.when.who)}"

    def names(self) -> Iterator[tuple[str, str]]:
        yield JOURNEY, self.journey


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:
    return InRun(when, name_of(raw, f"{where}.run", "a journey"), str(beside.get("step", "")))
