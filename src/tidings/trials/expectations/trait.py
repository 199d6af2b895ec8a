"""trait: a given or computed trait of hers has a value. ``{trait: orders, equals: 2}``; null when it is to be unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.domain import schema
from tidings.errors import DefinitionError
from tidings.trials.base import Act, ActBase, When, World, name_of

SCHEMA = schema.TRAIT
BESIDE: dict[str, schema.Schema] = {"equals": schema.ANYTHING}


class HasTrait(ActBase, frozen=True):
    """A trait's value."""

    name: str
    value: Any

    def play(self, world: World) -> str:
        got = world.trait(self.when.who, self.name)
        return (
            ""
            if got == self.value
            else f"expected trait {self.name} of {self.when.who} to be {self.value!r}; got {got!r}"
        )


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:
    if "equals" not in beside:
        raise DefinitionError(where, "needs `equals`: what the trait is to be")
    return HasTrait(when, name_of(raw, f"{where}.trait", "a trait"), beside["equals"])
