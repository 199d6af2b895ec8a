"""From the YAML of one computed trait to its accumulator: a kind is a module of this package, found by name."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from tidings.accumulate.base import Accumulator
from tidings.domain import filter as event_filter
from tidings.errors import DefinitionError

KINDS = ("count", "sum", "first", "last", "distinct", "top", "cart")
"""Kinds that a definition may name."""


def parse(raw: Any, where: str) -> Accumulator:
    """The accumulator of ``{count: {event: …}}``. Raises DefinitionError."""
    if not isinstance(raw, Mapping):
        raise DefinitionError(where, "a computed trait needs a kind", got=raw, wanted="one of " + ", ".join(KINDS))
    kinds = [name for name in raw if name != "description"]
    if len(kinds) != 1 or kinds[0] not in KINDS:
        raise DefinitionError(where, "needs exactly one kind", got=kinds, wanted="one of " + ", ".join(KINDS))
    kind, settings = kinds[0], raw[kinds[0]]
    if not isinstance(settings, Mapping):
        raise DefinitionError(f"{where}.{kind}", "needs settings", got=settings, wanted="at least `event`")
    events = None
    if kind != "cart":
        events = event_filter.parse(settings.get("event"), settings.get("where"), f"{where}.{kind}")
    accumulator: Accumulator = import_module(f"tidings.accumulate.{kind}").parse(settings, events, f"{where}.{kind}")
    return accumulator
