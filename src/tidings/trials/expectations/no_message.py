"""no_message: none has gone to her but those that were expected. ``{no_message: true}``, or of one template ``{no_message: abandoned_cart}``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.domain import schema
from tidings.errors import DefinitionError
from tidings.trials.base import TEMPLATE, Act, ActBase, When, World
from tidings.trials.told import told

SCHEMA = {"description": "true for none at all, or a template.", "anyOf": [{"const": True}, schema.NAME]}
BESIDE: dict[str, schema.Schema] = {}


class NoMessage(ActBase, frozen=True):
    """Silence."""

    template: str
    """Empty for any."""

    def play(self, world: World) -> str:
        extra = [
            one
            for one in world.messages(self.when.who)
            if not one.suppressed and not world.expected(one.message_id) and self.template in ("", one.template)
        ]
        if not extra:
            return ""
        return f"expected no {self.template or 'further'} message to {self.when.who}; {told(world, self.when.who)}"

    def names(self) -> Iterator[tuple[str, str]]:
        if self.template:
            yield TEMPLATE, self.template


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:  # noqa: ARG001 - nothing stands beside it
    if raw is not True and (not isinstance(raw, str) or not raw):
        raise DefinitionError(f"{where}.no_message", "unknown", got=raw, wanted="true, or a template")
    return NoMessage(when, "" if raw is True else raw)
