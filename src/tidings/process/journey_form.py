"""How a journey is written: its JSON Schema, and where it names events and traits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.domain import places, schema
from tidings.domain.mention import Mention
from tidings.domain.schema import Schema
from tidings.process import admission, moves, watch
from tidings.process.entries import kinds as entry_kinds
from tidings.process.journey import PRIORITIES
from tidings.process.steps import held, holdout, kinds
from tidings.rules import schema as rule_schema

_EVENTS = schema.settings({"event": schema.EVENT, "where": schema.WHERE}, ["event"])
_ENDS: dict[str, Schema] = {
    "goal": {**schema.settings(watch.SETTINGS), "type": ["object", "null"]},
    "exit_on": {
        "anyOf": [
            *schema.NAMES["anyOf"],
            _EVENTS,
            {"type": "array", "items": {"anyOf": [*schema.NAMES["anyOf"], _EVENTS]}, "minItems": 1},
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
    reentry = [schema.one_of(("always", "once")), schema.SPAN, schema.settings({"after": schema.SPAN}, ["after"])]
    return schema.settings(
        {
            "journey": {"description": "Its name.", **schema.NAME},
            "description": schema.SENTENCE,
            "entry": entry_kinds.schema_of_all(),
            "reentry": {"anyOf": reentry},
            "per": admission.PER,
            "limit": admission.LIMIT,
            "priority": schema.one_of(PRIORITIES),
            **_ENDS,
            "holdout": holdout.SCHEMA,
            "moves": moves.SCHEMA,
            "shadow": {**schema.FLAG, "description": "Decide for real people, and send nothing."},
            "steps": {"type": "array", "minItems": 1, "items": kinds.schema_of_one()},
        },
        ["journey", "entry", "steps"],
    )


def tree(raw: Any, where: str) -> Any:
    """A journey in which every rule that is a text is read; whether it parses or not. Raises DefinitionError."""
    if not isinstance(raw, dict) or not isinstance(raw.get("steps"), list):
        return raw
    entry = {"entry": entry_kinds.tree(raw["entry"], f"{where}: entry")} if "entry" in raw else {}
    ends = {name: _ends_tree(name, raw[name], f"{where}: {name}") for name in _ENDS if name in raw}
    return {
        **raw,
        **entry,
        **ends,
        "steps": [kinds.tree(one, f"{where}: steps[{index}]") for index, one in enumerate(raw["steps"])],
    }


def _ends_tree(name: str, raw: Any, where: str) -> Any:
    read = [held.tree(form, one, path) for form, one, path in _ends(name, raw, where)]
    return read if isinstance(raw, list) else read[0] if read else raw


def _ends(name: str, raw: Any, where: str) -> Iterator[tuple[Schema, Any, str]]:
    """What ends runs, one after the other, each with its schema and path."""
    form = {"goal": _ENDS["goal"], "exit_on": _EVENTS, "exit_if": rule_schema.RULE}[name]
    if isinstance(raw, list):
        for index, one in enumerate(raw):
            yield (
                schema.EVENT if name == "exit_on" and not isinstance(one, dict) else form,
                one,
                places.below(where, index),
            )
    elif raw is not None:
        yield schema.EVENT if name == "exit_on" and not isinstance(raw, dict) else form, raw, where


def mentions(raw: Mapping[str, Any], where: str) -> Iterator[Mention]:
    """Every event and trait that a journey which parses names."""
    yield from entry_kinds.mentions(raw["entry"], f"{where}: entry")
    for name in _ENDS:
        for form, one, path in _ends(name, raw.get(name), f"{where}: {name}"):
            yield from held.mentions(form, one, path)
    for index, step in enumerate(raw["steps"]):
        yield from kinds.mentions(step, f"{where}: steps[{index}]")
