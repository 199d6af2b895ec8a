"""How a journey is written: its JSON Schema, and where it names events and traits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.domain import mention, schema
from tidings.domain.mention import Mention
from tidings.domain.schema import Schema
from tidings.process.entries import kinds as entry_kinds
from tidings.process.journey import PRIORITIES
from tidings.process.steps import kinds


def schema_of_file() -> Schema:
    """A file of one journey, as JSON Schema; it speaks of rules."""
    reentry = [schema.one_of(("always", "once")), schema.SPAN, schema.settings({"after": schema.SPAN}, ["after"])]
    return schema.settings(
        {
            "journey": {"description": "Its name.", **schema.NAME},
            "description": schema.SENTENCE,
            "entry": entry_kinds.schema_of_all(),
            "reentry": {"anyOf": reentry},
            "priority": schema.one_of(PRIORITIES),
            "exit_on": {"anyOf": [*schema.NAMES["anyOf"], {"type": "null"}]},
            "steps": {"type": "array", "minItems": 1, "items": kinds.schema_of_one()},
        },
        ["journey", "entry", "steps"],
    )


def tree(raw: Any, where: str) -> Any:
    """A journey in which every rule that is a text is read; whether it parses or not. Raises DefinitionError."""
    if not isinstance(raw, dict) or not isinstance(raw.get("steps"), list):
        return raw
    entry = {"entry": entry_kinds.tree(raw["entry"], f"{where}: entry")} if "entry" in raw else {}
    return {
        **raw,
        **entry,
        "steps": [kinds.tree(one, f"{where}: steps[{index}]") for index, one in enumerate(raw["steps"])],
    }


def mentions(raw: Mapping[str, Any], where: str) -> Iterator[Mention]:
    """Every event and trait that a journey which parses names."""
    yield from entry_kinds.mentions(raw["entry"], f"{where}: entry")
    yield from mention.events(raw.get("exit_on"), f"{where}: exit_on")
    for index, step in enumerate(raw["steps"]):
        yield from kinds.mentions(step, f"{where}: steps[{index}]")
