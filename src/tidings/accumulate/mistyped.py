"""How many events have a property of another type than the definitions ask for: such a condition is silently false.

The core does not count them, as that would cost every event something. The lake knows them all: this is the question to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tidings.accumulate.base import Accumulator
from tidings.accumulate.decayed_sum import DecayedSum
from tidings.accumulate.entries import Entries
from tidings.accumulate.numbers import millionths_sql
from tidings.domain.compare import Comparison
from tidings.domain.sql import Query, member, text

_TYPES = {"number": ("UBIGINT", "BIGINT", "DOUBLE"), "text": ("VARCHAR",), "true or false": ("BOOLEAN",)}


class Wanted(msgspec.Struct, frozen=True, order=True):
    """What definitions ask of a property of events."""

    events: tuple[str, ...]
    property: str
    types: tuple[str, ...]
    """Any of ``number``, ``text``, ``true or false``, ``list``; ``amount`` is a number or a text that is one."""


def wanted(accumulators: Iterable[Accumulator]) -> list[Wanted]:
    """All that the accumulators of a layout ask of properties."""
    found: set[Wanted] = set()
    for one in accumulators:
        for name, comparisons in one.filter.where:
            for comparison in comparisons:
                types = _types(comparison)
                if types:
                    found.add(Wanted(one.filter.names, name, types))
        whole = getattr(one, "whole", one)  # of a window, or of what came since a date
        if isinstance(whole, DecayedSum) or (isinstance(whole, Entries) and whole.taken == "amount"):
            found.add(Wanted(one.filter.names, whole.name, ("amount",)))
    return sorted(found)


def _types(comparison: Comparison) -> tuple[str, ...]:
    """The types that could pass; none when any type could."""
    match comparison.operator:
        case "starts_with" | "ends_with" | "like":
            return ("text",)
        case "has_any" | "has_all" | "size" | "size_at_least" | "size_at_most":
            return ("list",)
        case "before" | "after" | "on":
            return ("text", "number")
        case "version" | "version_at_least" | "version_at_most" | "version_more_than" | "version_less_than":
            return ("text",)
        case "contains":
            return ("list", "text")
        case "equals" | "at_least" | "at_most" | "more_than" | "less_than":
            return _scalars([comparison.wanted])
        case "between" | "in":
            return _scalars(comparison.wanted)
    return ()


def _scalars(values: Sequence[Any]) -> tuple[str, ...]:
    kinds = {bool: "true or false", int: "number", float: "number", str: "text"}
    if not all(type(value) in kinds for value in values):
        return ()
    return tuple(sorted({kinds[type(value)] for value in values}))


def mistyped_sql(query: Query, one: Wanted) -> str:
    """SELECT ``mistyped``: how many of these events have the property, with another type."""
    value = member("properties", one.property)
    if one.types == ("amount",):
        wrong = f"{millionths_sql(value)} IS NULL"
    else:
        fitting = [name for kind in one.types for name in _TYPES.get(kind, ("ARRAY",))]
        wrong = f"json_type({value}) NOT IN ({', '.join(text(name) for name in fitting)})"
    names = ", ".join(text(name) for name in one.events)
    return (
        f"SELECT count(*) AS mistyped FROM {query.EVENTS}"
        f" WHERE name IN ({names}) AND json_type({value}) != 'NULL' AND {wrong}"
    )
