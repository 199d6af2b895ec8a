"""subscribed: `consent` to a topic, in the word that people use for one."""

from __future__ import annotations

from typing import Any

from tidings.rules import consent
from tidings.rules.base import Condition, Traits

FORM = consent.FORM


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return consent.parse(raw, traits, where, word="subscribed")
