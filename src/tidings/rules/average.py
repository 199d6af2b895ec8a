"""average: the mean of a numeric property of events compares as asked; of none it is unknown."""

from __future__ import annotations

from typing import Any

from tidings.accumulate.average import Average
from tidings.rules import measure
from tidings.rules.base import Condition, Traits

FORM = measure.FORM


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return measure.parse("average", Average, raw, traits, where)
