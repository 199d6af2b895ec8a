"""minimum: the smallest number that a property of events had compares as asked; of none it is unknown."""

from __future__ import annotations

from typing import Any

from tidings.accumulate.minimum import Minimum
from tidings.rules import measure
from tidings.rules.base import Condition, Traits

FORM = measure.FORM


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return measure.parse("minimum", Minimum, raw, traits, where)
