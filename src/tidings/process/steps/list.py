"""list: puts the person on a list or takes her off it, by the event that says so (see `rules/in_list.py`).

The run waits until it is back, so the next step and every segment see it.
"""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import only
from tidings.domain import schema
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process.steps.asking import PATIENCE_US, Changing
from tidings.process.steps.base import Ask, Move, Step, text
from tidings.rules import in_list
from tidings.rules.base import Traits

SCHEMA = {
    "anyOf": [schema.settings({"add": schema.NAME}, ["add"]), schema.settings({"remove": schema.NAME}, ["remove"])]
}


class List(Changing, frozen=True):
    """Settings: add or remove, the name of a list."""

    name: str
    joins: bool

    def listens(self) -> tuple[str, ...]:
        return (self._event,)

    @property
    def _event(self) -> str:
        return in_list.JOINED if self.joins else in_list.LEFT

    def enter(self, state: ProfileState, run: Run) -> Move:  # noqa: ARG002 - the same for everyone
        outcome = f"puts her on the list {self.name}" if self.joins else f"takes her off the list {self.name}"
        return Move(outcome, ask=Ask("track", self._event, {"list": self.name}, PATIENCE_US))

    def words(self) -> str:
        return f"Add to the list {self.name}" if self.joins else f"Take off the list {self.name}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:  # noqa: ARG001
    settings, path = raw["list"], f"{where}.list"
    if not isinstance(settings, dict) or len(settings) != 1:
        raise DefinitionError(path, "needs either `add` or `remove`: the name of a list", got=settings)
    only(settings, {"add", "remove"}, path)
    joins = "add" in settings
    return List(step_id, following, name=text(settings, "add" if joins else "remove", path), joins=joins)
