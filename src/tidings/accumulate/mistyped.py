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
from tidings.domain.filter import EventFilter
from tidings.domain.literals import pointer, text

AMOUNT = "amount"
"""A number, or a text that is one, as sums take it."""
EXAMPLE = 60
"""Characters of a value that is shown."""
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
        found.update(wanted_of(one.filter))
        whole = getattr(one, "whole", one)  # of a window, or of what came since a date
        if isinstance(whole, DecayedSum) or (isinstance(whole, Entries) and whole.taken == "amount"):
            found.add(Wanted(one.filter.names, whole.name, (AMOUNT,)))
    return sorted(found)


def wanted_of(events: EventFilter) -> list[Wanted]:
    """All that it asks of properties."""
    asked = ((name, _types(comparison)) for name, many in events.where for comparison in many)
    return sorted({Wanted(events.names, name, types) for name, types in asked if types})


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


def mistyped_sql(events: str, asked: Sequence[Wanted]) -> str:
    """SELECT one row over a relation with ``name, properties``. For each of those asked, of which there is at least one: how many events
    have these names, how many of them have the property with another type, and one such value as JSON, cut.
    """
    properties = sorted({one.property for one in asked})
    pointers = ", ".join(text(pointer(name)) for name in properties)
    # each event is read once, and each test made once, whatever is asked of it
    read = f"name, json_extract(properties, [{pointers}]) AS v, json_type(properties, [{pointers}]) AS t"
    names = _list(sorted({name for one in asked for name in one.events}))
    places = [properties.index(one.property) + 1 for one in asked]
    tests = [_wrong(one, place) for one, place in zip(asked, places, strict=True)]
    tested = ", ".join(f"{test} AS wrong_{number}" for number, test in enumerate(tests))
    counted = [
        f"count(*) FILTER (WHERE name IN ({_list(one.events)})), count(*) FILTER (WHERE wrong_{number}),"
        f" min(left(v[{place}]::VARCHAR, {EXAMPLE})) FILTER (WHERE wrong_{number})"
        for number, (one, place) in enumerate(zip(asked, places, strict=True))
    ]
    return (
        f"SELECT {', '.join(counted)} FROM (SELECT name, v, {tested} FROM"
        f" (SELECT {read} FROM {events} WHERE name IN ({names})))"
    )


def _wrong(one: Wanted, place: int) -> str:
    """Whether an event has it with another type."""
    if one.types == (AMOUNT,):
        test = f"t[{place}] != 'NULL' AND {millionths_sql(f'v[{place}]')} IS NULL"
    else:
        fitting = [name for kind in one.types for name in _TYPES.get(kind, ("ARRAY",))]
        test = f"t[{place}] NOT IN ('NULL', {_list(fitting)})"
    return f"CASE WHEN name IN ({_list(one.events)}) THEN {test} END"


def _list(values: Iterable[str]) -> str:
    return ", ".join(text(value) for value in values)
