"""The pieces of JSON Schema (draft 2020-12) that definitions share: names, events, spans, dates, comparisons.

A schema is for editors: it completes and checks while one types. The parsers decide; whatever they take, a schema takes too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tidings.domain.compare import OPERATORS, ORDERS

Schema = Mapping[str, Any]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
ANYTHING: Schema = {}
NAME: Schema = {"type": "string", "minLength": 1}
SENTENCE: Schema = {"description": "For people; means nothing to the machine."}
FLAG: Schema = {"type": "boolean"}
NAMES: Schema = {"anyOf": [NAME, {"type": "array", "items": NAME, "minItems": 1}]}
EVENT: Schema = {"description": "An event name, or a list of them: any of these.", **NAMES}
"""By being this very object, it marks a setting that names events; `TRAIT` one that names a trait."""
TRAIT: Schema = {"description": "A given or computed trait.", **NAME}
SPAN: Schema = {
    "type": "string",
    "pattern": r"^\s*[0-9]{1,18}(\.[0-9]{1,6})?\s*(ms|s|m|h|d|w)\s*$",
    "description": "A number and a unit, such as 30s, 5m, 2h, 90d or 1w.",
}
DATE: Schema = {
    "type": "string",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].+)?$",
    "description": "A date such as 2026-01-31, or with a time 2026-01-31T09:30Z.",
}
VERSION: Schema = {
    "type": "string",
    "pattern": r"^v?[0-9]+(\.[0-9]+){0,3}([-+].+)?$",
    "description": 'A semantic version in quotes, such as "2.10.0".',
}
_NUMBER_OR_TEXT: Schema = {"type": ["number", "string"]}
WANTED: dict[str, Schema] = {
    **dict.fromkeys(ORDERS, _NUMBER_OR_TEXT),
    "between": {"type": "array", "items": _NUMBER_OR_TEXT, "minItems": 2, "maxItems": 2},
    **{name: {"type": "string"} for name in ("starts_with", "ends_with", "like")},
    "in": {"type": "array"},
    "not_in": {"type": "array"},
    **{name: {"type": "array", "minItems": 1} for name in ("has_any", "has_all")},
    **{name: {"type": "integer", "minimum": 0} for name in ("size", "size_at_least", "size_at_most")},
    **dict.fromkeys(("before", "after", "on"), DATE),
    **{name: VERSION for name in OPERATORS if name.startswith("version")},
    "exists": FLAG,
    "empty": FLAG,
}
"""What comparisons ask for; one that is not named here may ask for anything."""


def whole(least: int, most: int) -> Schema:
    """A whole number in a range."""
    return {"type": "integer", "minimum": least, "maximum": most}


def one_of(words: Sequence[str]) -> Schema:
    """One of some words."""
    return {"enum": list(words)}


def comparisons(names: Sequence[str]) -> dict[str, Schema]:
    """Comparisons as properties of an object."""
    return {name: WANTED.get(name, ANYTHING) for name in names}


def settings(
    properties: Mapping[str, Schema], required: Sequence[str] = (), more: Schema | None = None
) -> dict[str, Any]:
    """An object with these settings and no others."""
    found: dict[str, Any] = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if required:
        found["required"] = list(required)
    return {**found, **(more or {})}


def kinds(found: Mapping[str, Schema], beside: Mapping[str, Schema] | None = None) -> list[dict[str, Any]]:
    """For each kind an object that has it, and perhaps what may stand beside any kind."""
    return [settings({kind: one, **(beside or {})}, [kind]) for kind, one in found.items()]


def whole_file(title: str, body: Schema, defs: Mapping[str, Schema]) -> dict[str, Any]:
    """The schema of a file."""
    return {"$schema": DRAFT, "title": title, **body, "$defs": dict(defs)}


def named(one: Schema) -> dict[str, Any]:
    """A file of definitions by name; an empty one is null."""
    return {"type": ["object", "null"], "additionalProperties": one}


TEST: Schema = {
    "description": "A plain value, which means equals; or comparisons, all of which must hold.",
    "anyOf": [{"not": {"type": "object"}}, settings(comparisons(tuple(OPERATORS)), more={"minProperties": 1})],
}
WHERE: Schema = {
    "type": ["object", "null"],
    "description": "Properties of the event with a comparison each; all must pass.",
    "additionalProperties": {"$ref": "#/$defs/test"},
}
"""Needs `DEFS`."""
EVENTS: dict[str, Schema] = {"event": EVENT, "where": WHERE, "description": SENTENCE}
"""What computed traits say of their events."""
DEFS: dict[str, Schema] = {"test": TEST}
