"""sum: the total of a numeric property of events compares as asked."""

from __future__ import annotations

from typing import Any

from tidings.accumulate.sum import Sum
from tidings.rules import measure
from tidings.rules.base import Condition, Traits

FORM = measure.FORM


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return measure.parse("sum", Sum, raw, traits, where)
