"""The policy of a message category, as the workspace defines it."""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.clock import parse_duration
from tidings.domain import schema
from tidings.errors import DefinitionError

MAX_CAP = 100
"""Largest number of messages that a cap may allow; bounds what is remembered per person."""


SCHEMA = schema.named(
    {
        "anyOf": [
            {"type": "null"},
            schema.settings(
                {
                    "consent": schema.one_of(("required", "not_needed")),
                    "cap": {
                        "anyOf": [
                            {"type": "null"},
                            schema.settings(
                                {"at_most": schema.whole(1, MAX_CAP), "per": schema.SPAN}, ["at_most", "per"]
                            ),
                        ]
                    },
                    "mode": schema.one_of(("at_most_once", "at_least_once")),
                    "description": schema.SENTENCE,
                }
            ),
        ]
    }
)


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What one category of messages needs and may."""

    category: str
    """Its name."""
    consent: bool = True
    """Whether a message needs the person's consent to this purpose."""
    cap: int = 0
    """At most so many messages of this category per `cap_span_us`; 0 for no cap."""
    cap_span_us: int = 0
    """Span of the cap."""
    mode: str = "at_most_once"
    """``at_most_once`` or ``at_least_once`` when a crash hits between hand-over and answer."""


def parse(raw: Any, where: str) -> dict[str, Policy]:
    """Policies by category from ``{marketing: {consent: required, cap: {at_most: 1, per: 24h}}}``."""
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs categories with their policy", got=raw)
    return {str(name): _one(str(name), settings or {}, f"{where}.{name}") for name, settings in raw.items()}


def _one(category: str, raw: Any, where: str) -> Policy:
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs settings", got=raw, wanted="consent, cap, mode")
    only(raw, {"consent", "cap", "mode", "description"}, where)
    if raw.get("consent", "required") not in ("required", "not_needed"):
        raise DefinitionError(f"{where}.consent", "unknown", got=raw["consent"], wanted="required or not_needed")
    if raw.get("mode", "at_most_once") not in ("at_most_once", "at_least_once"):
        raise DefinitionError(f"{where}.mode", "unknown", got=raw["mode"], wanted="at_most_once or at_least_once")
    at_most, span_us = _cap(raw["cap"], f"{where}.cap") if raw.get("cap") else (0, 0)
    return Policy(
        category=category,
        consent=raw.get("consent", "required") == "required",
        cap=at_most,
        cap_span_us=span_us,
        mode=raw.get("mode", "at_most_once"),
    )


def _cap(raw: Any, where: str) -> tuple[int, int]:
    """(at most, span) of ``{at_most: 1, per: 24h}``."""
    if not isinstance(raw, dict) or set(raw) - {"at_most", "per"}:
        raise DefinitionError(where, "needs `at_most` and `per`", got=raw)
    at_most = raw.get("at_most")
    if not isinstance(at_most, int) or isinstance(at_most, bool) or not 1 <= at_most <= MAX_CAP:
        raise DefinitionError(f"{where}.at_most", "out of range", got=at_most, wanted=f"1 to {MAX_CAP}")
    try:
        return at_most, parse_duration(raw.get("per", ""))
    except ValueError as error:
        raise DefinitionError(f"{where}.per", str(error)) from error
