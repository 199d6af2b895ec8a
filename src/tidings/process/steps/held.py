"""What stands in a step, by its JSON Schema: the rules, events and traits that it names, however deep they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tidings.domain import mention, places, schema
from tidings.domain.mention import Mention
from tidings.domain.schema import Schema
from tidings.rules import mentions as rule_mentions
from tidings.rules import schema as rule_schema
from tidings.rules import text


def tree(form: Schema, held: Any, where: str) -> Any:
    """The same with every rule that is a text read. Raises DefinitionError."""
    if form is rule_schema.RULE:
        return text.tree(held, where)
    if isinstance(held, dict):
        forms, other = _settings(form), _others(form)
        return {key: tree(forms.get(key, other), one, places.below(where, key)) for key, one in held.items()}
    if isinstance(held, list):
        items = _items(form)
        return [tree(items, one, places.below(where, index)) for index, one in enumerate(held)]
    return held


def mentions(form: Schema, held: Any, where: str) -> Iterator[Mention]:
    """Every event and trait that is named, in what parses."""
    if form is rule_schema.RULE:
        yield from rule_mentions.mentions(held, where)
    elif form is schema.EVENT:
        yield from mention.events(held, where)
    elif form is schema.TRAIT and isinstance(held, str):
        yield Mention(mention.TRAIT, held, where)
    elif isinstance(held, dict):
        forms, other = _settings(form), _others(form)
        for key, one in held.items():
            yield from mentions(forms.get(key, other), one, places.below(where, key))
    elif isinstance(held, list):
        for index, one in enumerate(held):
            yield from mentions(_items(form), one, places.below(where, index))


def _settings(form: Schema) -> Mapping[str, Schema]:
    """Settings of an object by name; of several forms that it may have, all."""
    found = dict(form.get("properties", {}))
    for one in form.get("anyOf", ()):
        found = {**_settings(one), **found}
    return found


def _others(form: Schema) -> Schema:
    """The form of what an object holds under any name."""
    found = (one.get("additionalProperties") for one in (form, *form.get("anyOf", ())))
    return next((one for one in found if isinstance(one, dict)), schema.ANYTHING)


def _items(form: Schema) -> Schema:
    """The form of what a list holds."""
    listed = next((one["items"] for one in (form, *form.get("anyOf", ())) if "items" in one), None)
    return listed if listed is not None else schema.ANYTHING
