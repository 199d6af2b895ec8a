"""did_not: `did` turned round, because "did not buy within 90 days" is what people say."""

from __future__ import annotations

from typing import Any

from tidings.rules import did
from tidings.rules.base import Condition, Traits
from tidings.rules.not_ import Not

FORM = did.FORM


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    return Not(did.parse(raw, traits, where, name="did_not"))
