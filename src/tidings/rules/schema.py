"""The language of conditions as JSON Schema, from the forms that the kinds declare."""

from __future__ import annotations

from functools import cache
from typing import Any

from tidings.domain import schema
from tidings.domain.schema import Schema
from tidings.rules import form as forms
from tidings.rules.form import Form
from tidings.rules.kinds import KINDS
from tidings.rules.tokens import MAX_CHARS

RULE: Schema = {"$ref": "#/$defs/rule"}
"""A condition, where `defs` are."""
MAX_PARTS = 100
"""As `parse.MAX_PARTS`, which a test compares."""


@cache
def defs() -> dict[str, Any]:
    """What a schema that speaks of rules needs in its ``$defs``."""
    listed = {"type": "array", "items": RULE, "minItems": 1, "maxItems": MAX_PARTS}
    found: dict[str, Any] = {**schema.DEFS}
    for kind in KINDS:
        if kind in forms.JOINTS:
            found[kind] = schema.settings({kind: RULE if kind == "not" else listed}, [kind])
        else:
            found[kind] = _condition(kind, forms.of(kind))
    text = {"type": "string", "maxLength": MAX_CHARS, "description": "A rule as a line of text."}
    found["rule"] = {"anyOf": [*({"$ref": f"#/$defs/{kind}"} for kind in KINDS), text]}
    return found


def _condition(kind: str, form: Form) -> dict[str, Any]:
    own = {**schema.comparisons(form.comparisons), **{one.name: one.schema for one in form.settings}}
    if form.value is not None:
        return schema.settings({kind: form.value, **own}, [kind], form.more)
    leading = [one.name for one in form.leading]
    return schema.settings({kind: schema.settings(own, leading, form.more)}, [kind])
