"""Comparisons of one value with what a definition asks for; shared by event filters and by trait conditions.

A value of the wrong type never raises and never matches: events come from outside, definitions are checked at load.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tidings.errors import DefinitionError

Test = Callable[[Any, Any], bool]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ordered(compare: Callable[[Any, Any], bool]) -> Test:
    def test(value: Any, wanted: Any) -> bool:
        same_kind = (_number(value) and _number(wanted)) or (isinstance(value, str) and isinstance(wanted, str))
        return same_kind and compare(value, wanted)

    return test


_at_least = _ordered(lambda value, wanted: value >= wanted)
_at_most = _ordered(lambda value, wanted: value <= wanted)


def _equals(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted)


def _contains(value: Any, wanted: Any) -> bool:
    if isinstance(value, str):
        return isinstance(wanted, str) and wanted in value
    return isinstance(value, list) and wanted in value


def _between(value: Any, wanted: Any) -> bool:
    return _at_least(value, wanted[0]) and _at_most(value, wanted[1])


OPERATORS: dict[str, tuple[Test, str]] = {
    "equals": (_equals, "is"),
    "not_equals": (lambda value, wanted: not _equals(value, wanted), "is not"),
    "at_least": (_at_least, "is at least"),
    "at_most": (_at_most, "is at most"),
    "more_than": (_ordered(lambda value, wanted: value > wanted), "is more than"),
    "less_than": (_ordered(lambda value, wanted: value < wanted), "is less than"),
    "between": (_between, "is between"),
    "contains": (_contains, "contains"),
    "starts_with": (lambda value, wanted: isinstance(value, str) and value.startswith(wanted), "starts with"),
    "in": (lambda value, wanted: any(_equals(value, one) for one in wanted), "is one of"),
    "exists": (lambda value, wanted: (value is not None) is wanted, "exists is"),
    "empty": (lambda value, wanted: (value is None or value in ("", [], {})) is wanted, "empty is"),
}
"""Name in definitions to (test, words for people)."""
ORDERS = ("at_least", "at_most", "more_than", "less_than")
"""Those that compare numbers with numbers and texts with texts."""


class Comparison(msgspec.Struct, frozen=True):
    """One operator with what it asks for."""

    operator: str
    """A name in `OPERATORS`."""
    wanted: Any
    """What the definition asks for."""

    def test(self, value: Any) -> bool:
        """Whether `value` passes."""
        return OPERATORS[self.operator][0](value, self.wanted)

    def words(self) -> str:
        """For people: ``is at least 1000``, ``is not empty``."""
        if self.operator == "empty":
            return "is empty" if self.wanted else "is not empty"
        if self.operator == "between":
            return f"is between {self.wanted[0]!r} and {self.wanted[1]!r}"
        if self.operator == "exists":
            return "is known" if self.wanted else "is unknown"
        return f"{OPERATORS[self.operator][1]} {self.wanted!r}"


def _range(wanted: Any) -> bool:
    """Whether it is a list of two of a kind, in order."""
    return isinstance(wanted, list) and len(wanted) == 2 and _at_most(wanted[0], wanted[1])


def _check_possible(found: list[Comparison], where: str) -> None:
    """Refuse bounds that no value can be between."""
    bounds = [one for one in found if one.operator in (*ORDERS, "between", "equals")]
    operators = {one.operator for one in bounds}
    if not operators - {"at_least", "more_than"} or not operators - {"at_most", "less_than"}:
        return  # open on one side
    edges = [edge for one in bounds for edge in (one.wanted if one.operator == "between" else [one.wanted])]
    if not (all(map(_number, edges)) or all(isinstance(edge, str) for edge in edges)):
        return
    lowest = [one.wanted for one in bounds if one.operator == "more_than"]
    highest = [one.wanted for one in bounds if one.operator == "less_than"]
    between = bool(lowest and highest) and max(lowest) < min(
        highest
    )  # neither end itself passes, what lies between may
    if not between and not any(all(one.test(edge) for one in bounds) for edge in edges):
        raise DefinitionError(where, "can never hold", got={one.operator: one.wanted for one in bounds})


def parse(raw: Any, where: str) -> tuple[Comparison, ...]:
    """Comparisons from ``{at_least: 3, less_than: 9}``, or from a plain value, which means equals."""
    if not isinstance(raw, Mapping):
        return (Comparison("equals", raw),)
    found = []
    for name, wanted in raw.items():
        if name not in OPERATORS:
            raise DefinitionError(where, "unknown comparison", got=name, wanted="one of " + ", ".join(OPERATORS))
        if name == "in" and not isinstance(wanted, list):
            raise DefinitionError(where, "`in` needs a list", got=wanted)
        if name in ORDERS and not (_number(wanted) or isinstance(wanted, str)):
            raise DefinitionError(where, f"`{name}` needs a number or a text", got=wanted)
        if name == "between" and not _range(wanted):
            raise DefinitionError(where, "`between` needs two numbers or two texts, the smaller first", got=wanted)
        if name in ("exists", "empty") and not isinstance(wanted, bool):
            raise DefinitionError(where, f"`{name}` needs true or false", got=wanted)
        if name == "starts_with" and not isinstance(wanted, str):
            raise DefinitionError(where, "`starts_with` needs a text", got=wanted)
        found.append(Comparison(name, wanted))
    _check_possible(found, where)
    if not found:
        raise DefinitionError(where, "no comparison given", wanted="one of " + ", ".join(OPERATORS))
    return tuple(found)
