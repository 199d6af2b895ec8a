"""ended: her latest run of a journey is over, in a way. ``{ended: abandoned_cart, outcome: reminded}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.domain import schema
from tidings.trials.base import JOURNEY, Act, ActBase, When, World, name_of
from tidings.trials.told import told

SCHEMA = {"description": "The journey.", **schema.NAME}
BESIDE: dict[str, schema.Schema] = {"outcome": {"description": "How it ended.", **schema.NAME}}


class HasEnded(ActBase, frozen=True):
    """A run that is over."""

    journey: str
    outcome: str
    """Empty for any."""

    def play(self, world: World) -> str:
        own = [one for one in world.ended(self.when.who) if one.journey == self.journey]
        if own and self.outcome in ("", own[-1].outcome):
            return ""
        how = f" with outcome {self.outcome!r}" if self.outcome else ""
        got = f"it ended with {own[-1].outcome!r}; " if own else ""
        return f"expected {self.when.who} to have ended journey {self.journey}{how}; {got}{told(world, self.when.who)}"

    def names(self) -> Iterator[tuple[str, str]]:
        yield JOURNEY, self.journey


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:
    return HasEnded(when, name_of(raw, f"{where}.ended", "a journey"), str(beside.get("outcome", "")))
