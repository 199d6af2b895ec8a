"""From the YAML of one step to the step: a kind is a module of this package, found by name."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

from tidings.domain import schema
from tidings.domain.mention import Mention
from tidings.domain.names import nearest
from tidings.domain.schema import Schema
from tidings.errors import DefinitionError
from tidings.process.steps import held
from tidings.process.steps.base import EXIT, Step
from tidings.rules.base import Traits

KINDS = (
    "send",
    "wait",
    "wait_until",
    "branch",
    "split",
    "holdout",
    "update",
    "list",
    "webhook",
    "parallel",
    "start",
    "send_time",
    "exit",
)
"""Kinds that a journey may name."""


def schema_of_one() -> Schema:
    """A step, as JSON Schema; it speaks of rules."""
    beside = {"id": {**schema.NAME, "not": {"const": EXIT}}, "description": schema.SENTENCE}
    found = {kind: import_module(f"tidings.process.steps.{kind}").SCHEMA for kind in KINDS}
    return {"required": ["id"], "anyOf": schema.kinds(found, beside)}


def tree(raw: Any, where: str) -> Any:
    """A step in which every rule that is a text is read; whether the step parses or not."""
    kind = next((name for name in raw if name in KINDS), "") if isinstance(raw, dict) else ""
    if not kind or not isinstance(raw[kind], dict):
        return raw
    form = import_module(f"tidings.process.steps.{kind}").SCHEMA
    return {**raw, kind: held.tree(form, raw[kind], f"{where}.{kind}")}


def mentions(raw: dict[str, Any], where: str) -> Iterator[Mention]:
    """Every event and trait that a step which parses names."""
    kind = next(name for name in raw if name in KINDS)
    form = import_module(f"tidings.process.steps.{kind}").SCHEMA
    yield from held.mentions(form, raw[kind], f"{where}.{kind}")


def parse(raw: Any, following: str, traits: Traits, where: str) -> Step:
    """The step of ``{id: …, KIND: …}``. Raises DefinitionError."""
    kinds = [name for name in raw if name in KINDS] if isinstance(raw, dict) else []
    if len(kinds) != 1:
        near = {nearest(str(name), KINDS) for name in raw if name != "id"} - {""} if isinstance(raw, dict) else set()
        do = f"did you mean {near.pop()}?" if len(near) == 1 and not kinds else ""
        wanted = "one of " + ", ".join(KINDS)
        raise DefinitionError(where, "a step needs exactly one kind", got=raw, wanted=wanted, do=do)
    step_id = raw.get("id")
    if not isinstance(step_id, str) or not step_id or step_id == "exit":
        raise DefinitionError(where, "a step needs an `id` other than exit", got=step_id)
    extra = sorted(set(raw) - {"id", "description", kinds[0]})
    if extra:
        raise DefinitionError(where, "unknown setting", got=extra[0], wanted=f"id, description, {kinds[0]}")
    step: Step = import_module(f"tidings.process.steps.{kinds[0]}").parse(raw, step_id, following, traits, where)
    return step
