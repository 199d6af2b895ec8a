"""From a tree (of YAML, JSON or a text) to a condition: a kind is a module of this package, found by the name that is used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tidings.domain.names import nearest
from tidings.errors import DefinitionError
from tidings.rules import text
from tidings.rules.base import Condition, Traits
from tidings.rules.kinds import KINDS

__all__ = ["KINDS", "MAX_DEPTH", "MAX_PARTS", "parse", "parse_list"]

MAX_DEPTH = 16
"""Deepest nesting of all, any and not."""
BESIDE = ("trait", "score")
"""Kinds whose settings stand beside their name."""
MAX_PARTS = 100
"""Most conditions joined in one place."""


def parse(raw: Any, traits: Traits, where: str) -> Condition:
    """The condition that `raw` describes, which may be a text. Raises DefinitionError with the path of what is wrong."""
    if isinstance(raw, str):
        return _parse_text(raw, traits, where)
    if where.count(".all") + where.count(".any") + where.count(".not") > MAX_DEPTH:
        raise DefinitionError(where, f"nested deeper than {MAX_DEPTH}")
    kinds = [name for name in raw if name in KINDS] if isinstance(raw, dict) else []
    if len(kinds) != 1:
        near = [
            found for name in (raw if isinstance(raw, dict) and not kinds else ()) if (found := nearest(name, KINDS))
        ]
        do = f"did you mean {near[0]}?" if near else ""
        wanted = "one of " + ", ".join(KINDS)
        raise DefinitionError(where, "a condition needs exactly one kind", got=raw, wanted=wanted, do=do)
    if kinds[0] not in BESIDE and len(raw) != 1:
        extra = sorted(set(raw) - set(kinds))[0]
        raise DefinitionError(where, f"unknown setting beside `{kinds[0]}`", got=extra)
    condition: Condition = import_module(f"tidings.rules.{KINDS[kinds[0]]}").parse(raw, traits, where)
    return condition


def _parse_text(source: str, traits: Traits, where: str) -> Condition:
    found = text.read(source, where)
    try:
        return parse(found.tree, traits, where)
    except DefinitionError as error:
        raise found.placed(error, where) from error


def parse_list(raw: Any, traits: Traits, where: str) -> tuple[Condition, ...]:
    """The conditions of an all or any."""
    if not isinstance(raw, list) or not 1 <= len(raw) <= MAX_PARTS:
        raise DefinitionError(where, f"needs a list of 1 to {MAX_PARTS} conditions", got=raw)
    return tuple(parse(part, traits, f"{where}[{index}]") for index, part in enumerate(raw))
