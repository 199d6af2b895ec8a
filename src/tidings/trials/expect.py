"""expect: something is to be so, now. ``{expect: {message: abandoned_cart, at: 5m}}``; the kinds are files of expectations/."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from tidings.accumulate.base import only
from tidings.domain import schema
from tidings.errors import DefinitionError
from tidings.trials.base import Act, When

KINDS = ("message", "no_message", "refused", "run", "no_run", "ended", "in_segment", "not_in_segment", "trait")
"""What may be expected."""


def _module(kind: str) -> Any:
    return import_module(f"tidings.trials.expectations.{kind}")


SCHEMA = {
    "description": "What is to be so now.",
    "anyOf": [schema.settings({kind: _module(kind).SCHEMA, **_module(kind).BESIDE}, [kind]) for kind in KINDS],
}
BESIDE: dict[str, schema.Schema] = {}


def parse(raw: Any, beside: Mapping[str, Any], when: When, where: str) -> Act:  # noqa: ARG001 - nothing stands beside it
    kinds = [name for name in raw if name in KINDS] if isinstance(raw, dict) else []
    if len(kinds) != 1:
        raise DefinitionError(
            f"{where}.expect", "needs exactly one thing", got=raw, wanted="one of " + ", ".join(KINDS)
        )
    (kind,) = kinds
    only(raw, {kind, *_module(kind).BESIDE}, f"{where}.expect")
    found: Act = _module(kind).parse(raw[kind], raw, when, f"{where}.expect")
    return found
