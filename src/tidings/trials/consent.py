"""consent: she agrees to a category of messages. ``{consent: marketing}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.domain import feedback, schema
from tidings.trials import event
from tidings.trials.base import Act, When, name_of

SCHEMA = {"description": "The category that she agrees to.", **schema.NAME}
BESIDE = event.ABOUT


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:
    purpose = name_of(raw, f"{where}.consent", "a category")
    return event.of_body(body(feedback.CONSENT_GIVEN, purpose), beside, when, where)


def body(name: str, purpose: str) -> dict[str, Any]:
    """The call that says it."""
    return {"type": "track", "event": name, "properties": {"purpose": purpose, "method": "test"}}
