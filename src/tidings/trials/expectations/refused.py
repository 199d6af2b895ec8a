"""refused: one was decided on and did not go, for a reason. ``{refused: abandoned_cart, reason: no_consent}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.domain import schema
from tidings.domain.message import SendIntent
from tidings.trials.base import TEMPLATE, Act, ActBase, When, World, name_of
from tidings.trials.told import told

SCHEMA = {"description": "Its template.", **schema.NAME}
BESIDE: dict[str, schema.Schema] = {"reason": {"description": "Why, such as no_consent.", **schema.NAME}}


class Refused(ActBase, frozen=True):
    """A message that does not go."""

    template: str
    reason: str

    def play(self, world: World) -> str:
        for one in world.messages(self.when.who):
            if one.suppressed and self._is(one) and not world.expected(one.message_id):
                world.expect(one.message_id)
                return ""
        why = f" because of {self.reason}" if self.reason else ""
        return f"expected message {self.template} to {self.when.who} to be refused{why}; {told(world, self.when.who)}"

    def _is(self, one: SendIntent) -> bool:
        return one.template == self.template and self.reason in ("", one.suppressed)

    def names(self) -> Iterator[tuple[str, str]]:
        yield TEMPLATE, self.template


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:
    return Refused(when, name_of(raw, f"{where}.refused", "a template"), str(beside.get("reason", "")))
