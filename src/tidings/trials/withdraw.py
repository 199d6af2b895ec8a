"""withdraw: she takes her consent to a category back. ``{withdraw: marketing}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tidings.domain import feedback, schema
from tidings.trials import consent, event
from tidings.trials.base import Act, When, name_of

SCHEMA = {"description": "The category of which she wants no more.", **schema.NAME}
BESIDE = event.ABOUT


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:
    purpose = name_of(raw, f"{where}.withdraw", "a category")
    return event.of_body(consent.body(feedback.CONSENT_WITHDRAWN, purpose), beside, when, where)
