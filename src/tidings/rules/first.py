"""first: when the person did an event for the first time."""

from __future__ import annotations

from typing import Any

from tidings.accumulate.first import First
from tidings.rules import moment
from tidings.rules.base import Condition, Traits

FORM = moment.FORM


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return moment.parse("first", First, raw, traits, where)
