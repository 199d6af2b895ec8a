"""From the YAML of `entry` to the entries: a kind is a module of this package, found by the name that is used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

from tidings.domain import mention, places, schema
from tidings.domain.mention import Mention
from tidings.domain.schema import Schema
from tidings.errors import DefinitionError
from tidings.process.entries.base import Entry
from tidings.rules import mentions as rule_mentions
from tidings.rules import schema as rule_schema
from tidings.rules import text
from tidings.rules.base import Traits

KINDS = ("event", "segment", "item", "date", "schedule", "call")
"""Kinds that a journey may name."""
MAX_ENTRIES = 20
"""Ways into one journey."""


def schema_of_all() -> Schema:
    """``entry: {…}`` or a list of such, as JSON Schema; it speaks of rules."""
    one = {"anyOf": [_module(kind).SCHEMA for kind in KINDS]}
    return {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1, "maxItems": MAX_ENTRIES}]}


def tree(raw: Any, where: str) -> Any:
    """Entries in which every rule that is a text is read; whether they parse or not."""
    if isinstance(raw, list):
        return [_read(one, path) for one, path in zip(raw, _paths(raw, where), strict=True)]
    return _read(raw, where)


def mentions(raw: Any, where: str) -> Iterator[Mention]:
    """Every event and trait that entries which parse name."""
    for one, path in zip(_listed(raw), _paths(raw, where), strict=True):
        yield from _mentions(_module(_kinds(one)[0]).SCHEMA, one, path)


def parse(raw: Any, traits: Traits, where: str) -> tuple[Entry, ...]:
    """The ways into a journey: any of them begins a run. Raises DefinitionError."""
    listed = _listed(raw)
    if not 1 <= len(listed) <= MAX_ENTRIES:
        raise DefinitionError(where, f"needs 1 to {MAX_ENTRIES} ways in", got=len(listed))
    return tuple(_parse_one(one, traits, path) for one, path in zip(listed, _paths(raw, where), strict=True))


def _parse_one(raw: Any, traits: Traits, where: str) -> Entry:
    found = _kinds(raw)
    if len(found) != 1:
        raise DefinitionError(where, "an entry needs exactly one kind", got=raw, wanted="one of " + ", ".join(KINDS))
    entry: Entry = _module(found[0]).parse(raw, traits, where)
    return entry


def _module(kind: str) -> Any:
    return import_module(f"tidings.process.entries.{kind}")


def _kinds(raw: Any) -> list[str]:
    return [name for name in KINDS if name in raw] if isinstance(raw, dict) else []


def _listed(raw: Any) -> list[Any]:
    return raw if isinstance(raw, list) else [raw]


def _paths(raw: Any, where: str) -> list[str]:
    return [places.below(where, index) for index in range(len(raw))] if isinstance(raw, list) else [where]


def _read(raw: Any, where: str) -> Any:
    found = _kinds(raw)
    return _read_settings(_module(found[0]).SCHEMA, raw, where) if found else raw


def _read_settings(form: Schema, held: Any, where: str) -> Any:
    """Settings whose rules are read, also in settings of settings."""
    if form is rule_schema.RULE:
        return text.tree(held, where)
    inner = form.get("properties", {})
    if not inner or not isinstance(held, Mapping):
        return held
    return {
        name: _read_settings(inner[name], value, f"{where}.{name}") if name in inner else value
        for name, value in held.items()
    }


def _mentions(form: Schema, held: Mapping[str, Any], where: str) -> Iterator[Mention]:
    yield from mention.in_settings(form, held, where)
    for name, one in form.get("properties", {}).items():
        value, path = held.get(name), f"{where}.{name}"
        if one is rule_schema.RULE and name in held:
            yield from rule_mentions.mentions(value, path)
        elif one is schema.TRAIT and isinstance(value, str):
            yield Mention(mention.TRAIT, value, path)
        elif isinstance(value, Mapping):
            yield from _mentions(one, value, path)
