"""identify: something is told about her. ``{identify: {plan: gold}}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.trials import event
from tidings.trials.base import Act, When

SCHEMA = {"description": "Traits as an identify call gives them.", "type": "object"}
BESIDE = event.ABOUT


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:
    body = {"type": "identify", "traits": event.mapping(raw, f"{where}.identify")}
    return event.of_body(body, beside, when, where)
