"""message: one that was not expected before has gone to her. ``{message: abandoned_cart, at: 5m, give_or_take: 1s, category: marketing}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.clock import SECOND_US, format_duration
from tidings.domain import schema
from tidings.domain.message import SendIntent
from tidings.trials.base import TEMPLATE, Act, ActBase, When, World, name_of, span
from tidings.trials.told import told

SCHEMA = {"description": "Its template.", **schema.NAME}
BESIDE: dict[str, schema.Schema] = {
    "at": {**schema.SPAN, "description": "When it was decided, after the beginning of the test."},
    "give_or_take": {**schema.SPAN, "description": "How exactly; 1s if not given."},
    "category": schema.NAME,
}


class Message(ActBase, frozen=True):
    """A message that goes."""

    template: str
    at_us: int
    """After the beginning; -1 for whenever."""
    slack_us: int
    category: str

    def play(self, world: World) -> str:
        open_ = [one for one in world.messages(self.when.who) if not world.expected(one.message_id)]
        found = next((one for one in open_ if self._is(one, world)), None)
        if found is None:
            when = f" at {format_duration(self.at_us)}" if self.at_us >= 0 else ""
            return f"expected message {self.template} to {self.when.who}{when}; {told(world, self.when.who)}"
        world.expect(found.message_id)
        return ""

    def names(self) -> Iterator[tuple[str, str]]:
        yield TEMPLATE, self.template

    def _is(self, one: SendIntent, world: World) -> bool:
        apart_us = abs(one.decided_us - world.start_us - self.at_us)
        return (
            not one.suppressed
            and one.template == self.template
            and (self.at_us < 0 or apart_us <= self.slack_us)
            and self.category in ("", one.category)
        )


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:
    return Message(
        when,
        template=name_of(raw, f"{where}.message", "a template"),
        at_us=span(beside["at"], f"{where}.at") if "at" in beside else -1,
        slack_us=span(beside["give_or_take"], f"{where}.give_or_take") if "give_or_take" in beside else SECOND_US,
        category=str(beside.get("category", "")),
    )
