"""The part of JSON Schema (draft 2020-12) that our schemas use, as a check; what it does not know, it refuses to judge."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: (
        isinstance(value, int | float) and not isinstance(value, bool) and float(value).is_integer()
    ),
}
IGNORED = ("$schema", "$defs", "title", "description")


def holds(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether a value is what a whole schema allows."""
    return _holds(schema, value, schema)


def _holds(schema: Mapping[str, Any], value: Any, root: Mapping[str, Any]) -> bool:
    return all(KEYWORDS[word](asked, value, schema, root) for word, asked in schema.items() if word not in IGNORED)


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _reference(path: str, value: Any, _: Any, root: Any) -> bool:
    name = path.removeprefix("#/$defs/")
    return _holds(root["$defs"][name], value, root)


def _properties(asked: Any, value: Any, _: Any, root: Any) -> bool:
    return not isinstance(value, dict) or all(_holds(asked[name], value[name], root) for name in asked if name in value)


def _additional(asked: Any, value: Any, schema: Any, root: Any) -> bool:
    if not isinstance(value, dict):
        return True
    others = [value[name] for name in value if name not in schema.get("properties", {})]
    return not others if asked is False else all(_holds(asked, one, root) for one in others)


def _dependent(asked: Any, value: Any, _: Any, __: Any) -> bool:
    return not isinstance(value, dict) or all(set(asked[name]) <= set(value) for name in asked if name in value)


def _typed(asked: Any, value: Any, _: Any, __: Any) -> bool:
    return any(TYPES[name](value) for name in ([asked] if isinstance(asked, str) else asked))


def _sized(kind: type, fits: Callable[[int, int], bool]) -> Callable[..., bool]:
    return lambda asked, value, _, __: not isinstance(value, kind) or fits(len(value), asked)


def _number(fits: Callable[[float, float], bool]) -> Callable[..., bool]:
    return lambda asked, value, _, __: not TYPES["number"](value) or fits(value, asked)


def _at_least(one: float, other: float) -> bool:
    return one >= other


def _at_most(one: float, other: float) -> bool:
    return one <= other


KEYWORDS: dict[str, Callable[..., bool]] = {
    "$ref": _reference,
    "type": _typed,
    "enum": lambda asked, value, _, __: any(_same(one, value) for one in asked),
    "const": lambda asked, value, _, __: _same(asked, value),
    "pattern": lambda asked, value, _, __: not isinstance(value, str) or re.search(asked, value) is not None,
    "properties": _properties,
    "additionalProperties": _additional,
    "required": lambda asked, value, _, __: not isinstance(value, dict) or set(asked) <= set(value),
    "dependentRequired": _dependent,
    "items": lambda asked, value, _, root: (
        not isinstance(value, list) or all(_holds(asked, one, root) for one in value)
    ),
    "anyOf": lambda asked, value, _, root: any(_holds(one, value, root) for one in asked),
    "oneOf": lambda asked, value, _, root: sum(_holds(one, value, root) for one in asked) == 1,
    "not": lambda asked, value, _, root: not _holds(asked, value, root),
    "minimum": _number(_at_least),
    "maximum": _number(_at_most),
    "minLength": _sized(str, _at_least),
    "maxLength": _sized(str, _at_most),
    "minItems": _sized(list, _at_least),
    "maxItems": _sized(list, _at_most),
    "minProperties": _sized(dict, _at_least),
    "maxProperties": _sized(dict, lambda size, most: size <= most),
}
