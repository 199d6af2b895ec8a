"""answers: what webhooks answer in a test, by webhook or by step. ``{crm_score: {status: 200, body: {score: 7}, after: 2s}}``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.domain import schema
from tidings.errors import DefinitionError
from tidings.trials.base import span

SCHEMA = schema.settings({"status": schema.whole(100, 599), "body": schema.ANYTHING, "after": schema.SPAN}, ["status"])


class Scripted(msgspec.Struct, frozen=True, kw_only=True):
    """One answer."""

    status: int
    """HTTP status; 200 to 299 are well."""
    body: Any = None
    after_us: int = 0
    """How long it takes."""


def parse(raw: Any, where: str) -> dict[str, Scripted]:
    """Answers by webhook or step. Raises DefinitionError."""
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs names of webhooks or steps with their answers", got=raw)
    return {str(name): _one(one, f"{where}.{name}") for name, one in raw.items()}


def _one(raw: Mapping[str, Any] | Any, where: str) -> Scripted:
    status = raw.get("status") if isinstance(raw, dict) else None
    if type(status) is not int or not 100 <= status <= 599:
        raise DefinitionError(where, "needs `status`", got=status, wanted="an HTTP status such as 200")
    only(raw, {"status", "body", "after"}, where)
    after_us = span(raw["after"], f"{where}.after") if "after" in raw else 0
    return Scripted(status=status, body=raw.get("body"), after_us=after_us)
