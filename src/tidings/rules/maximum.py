"""maximum: the largest number that a property of events had compares as asked; of none it is unknown."""

from __future__ import annotations

from typing import Any

from tidings.accumulate.maximum import Maximum
from tidings.rules import measure
from tidings.rules.base import Condition, Traits

FORM = measure.FORM


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return measure.parse("maximum", Maximum, raw, traits, where)
