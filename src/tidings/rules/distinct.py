"""distinct: how many different values a property of events had compares as asked."""

from __future__ import annotations

from typing import Any

from tidings.accumulate.distinct import Distinct
from tidings.rules import measure
from tidings.rules.base import Condition, Traits

FORM = measure.FORM


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return measure.parse("distinct", Distinct, raw, traits, where)
