"""How a journey is written: its JSON Schema, and where it names events and traits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.domain import mention, schema
from tidings.domain.mention import Mention
from tidings.domain.schema import Schema
from tidings.process import watch
from tidings.process.steps import kinds
from tidings.rules import inside
from tidings.rules import schema as rule_schema

_EVENTS = schema.settings({"event": schema.EVENT, "where": schema.WHERE}, ["event"])
_ENDS: dict[str, Schema] = {
    "goal": {**schema.settings(watch.SETTINGS), "type": ["object", "null"]},
    "exit_on": {
        "anyOf": [
            schema.EVENT,
            _EVENTS,
            {"type": "array", "items": {"anyOf": [schema.EVENT, _EVENTS]}, "minItems": 1},
            {"type": "null"},
        ]
    },
    "exit_if": {
        "anyOf": [rule_schema.RULE, {"type": "array", "items": rule_schema.RULE, "minItems": 1}, {"type": "null"}]
    },
}
"""What ends a run wherever it waits."""


def schema_of_file() -> Schema:
    """A file of one journey, as JSON Schema; it speaks of rules."""
    entry = [
        schema.settings({"event": schema.EVENT, "where": schema.WHERE}, ["event"]),
        schema.settings({"segment": schema.NAME}, ["segment"]),
    ]
    reentry = [schema.one_of(("always", "once")), schema.SPAN, schema.settings({"after": schema.SPAN}, ["after"])]
    return schema.settings(
        {
            "journey": {"description": "Its name.", **schema.NAME},
            "description": schema.SENTENCE,
            "entry": {"anyOf": entry},
            "reentry": {"anyOf": reentry},
            **_ENDS,
            "steps": {"type": "array", "minItems": 1, "items": kinds.schema_of_one()},
        },
        ["journey", "entry", "steps"],
    )


def tree(raw: Any, where: str) -> Any:
    """A journey in which every rule that is a text is read; whether it parses or not. Raises DefinitionError."""
    if not isinstance(raw, dict) or not isinstance(raw.get("steps"), list):
        return raw
    steps = [kinds.tree(one, f"{where}: steps[{index}]") for index, one in enumerate(raw["steps"])]
    ends = {name: inside.tree(form, raw[name], f"{where}: {name}") for name, form in _ENDS.items() if name in raw}
    return {**raw, **ends, "steps": steps}


def mentions(raw: Mapping[str, Any], where: str) -> Iterator[Mention]:
    """Every event and trait that a journey which parses names."""
    yield from mention.events(raw["entry"].get("event"), f"{where}: entry.event")
    for name, form in _ENDS.items():
        yield from inside.mentions(form, raw.get(name), f"{where}: {name}")
    for index, step in enumerate(raw["steps"]):
        yield from kinds.mentions(step, f"{where}: steps[{index}]")
