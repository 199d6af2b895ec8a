"""Rules, events and traits inside settings, found by the JSON Schema of those settings: no kind is named here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.domain import mention, places, schema
from tidings.domain.mention import Mention
from tidings.domain.schema import Schema
from tidings.rules import mentions as rule_mentions
from tidings.rules import schema as rule_schema
from tidings.rules import text


def tree(form: Schema, raw: Any, where: str) -> Any:
    """The settings with every rule in them that is a text read; whether they parse or not. Raises DefinitionError."""
    form = _fitting(form, raw)
    if form is rule_schema.RULE and raw is not None:
        return text.tree(raw, where)
    parts = dict(_parts(form, raw, where))
    if not parts:
        return raw
    if isinstance(raw, list):
        return [tree(*parts[index]) for index in range(len(raw))]
    return {name: tree(*parts[name]) if name in parts else one for name, one in raw.items()}


def mentions(form: Schema, raw: Any, where: str) -> Iterator[Mention]:
    """Every event and trait that settings which parse name."""
    form = _fitting(form, raw)
    if raw is None:
        return
    if form is rule_schema.RULE:
        yield from rule_mentions.mentions(raw, where)
    elif form is schema.EVENT:
        yield from mention.events(raw, where)
    elif form is schema.TRAIT and isinstance(raw, str):
        yield Mention(mention.TRAIT, raw, where)
    else:
        for _, part in _parts(form, raw, where):
            yield from mentions(*part)


def _parts(form: Schema, raw: Any, where: str) -> Iterator[tuple[str | int, tuple[Schema, Any, str]]]:
    """What stands right below, each with its own schema and path."""
    if isinstance(raw, list) and "items" in form:
        yield from ((index, (form["items"], one, places.below(where, index))) for index, one in enumerate(raw))
    elif isinstance(raw, Mapping):
        every = form.get("additionalProperties")
        for name, one in raw.items():
            own = form.get("properties", {}).get(name, every)
            if isinstance(own, Mapping):
                yield name, (own, one, places.below(where, name))


def _fitting(form: Schema, raw: Any) -> Schema:
    """Of several that it may be, the one that knows these names, or the one of a list."""
    if form is rule_schema.RULE or form is schema.EVENT or "anyOf" not in form:
        return form
    if isinstance(raw, list):
        return next((one for one in form["anyOf"] if "items" in one), form)
    names = set(raw) if isinstance(raw, Mapping) else None
    for one in form["anyOf"]:
        if names is None and (one is rule_schema.RULE or one is schema.EVENT):
            return one
        if names is not None and names <= set(one.get("properties", {})) and "properties" in one:
            return _fitting(one, raw)
    return next((one for one in form["anyOf"] if one is rule_schema.RULE), form)
