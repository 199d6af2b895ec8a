"""Conditions of a map: tests of one row, for `reject` rules and `cases`.

Not the condition language of segments (`rules/`): these look at one line of text before there is any event.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from tidings.errors import DefinitionError
from tidings.sources.row import Values
from tidings.sources.spec import Spec, one_of, read_as, read_list
from tidings.sources.values import decimal_in

Condition: TypeAlias = Callable[[Values], bool]
"""True when the row fulfils it. Raises Unmappable when a number is asked for and none is there."""

MAX_PATTERN_CHARS = 200
"""Longest pattern."""
MAX_MATCHED_CHARS = 256
"""A longer value never matches: bounds the time of one match."""
MAX_NESTING = 8
"""Deepest nesting of all, any, not."""
MAX_PARTS = 100
"""Most conditions in one all or any."""

# What makes patterns slow is bounded: no repeated groups, few parts of variable length, few choices.
_UNSAFE = re.compile(r"\(\?(?!:)|\\[1-9]|\)[*+?{]|\\[ABbZzGpPuUxN]")
_VARIABLE = re.compile(r"(?<!\\)[*+]|\{\d*,\d*\}")
_CHOICE = re.compile(r"(?<![\\(])\?|\|")
_MOST_VARIABLE = 3
_MOST_CHOICES = 6


class ConditionSpec(Spec, frozen=True, kw_only=True):
    """Either `column` with one test, or one of `all`, `any`, `not`."""

    column: str | None = None
    equals: str | None = None
    in_: list[str] | None = msgspec.field(default=None, name="in")
    starts_with: str | None = None
    matches: str | None = None
    empty: bool | None = None
    at_most: int | float | None = None
    at_least: int | float | None = None
    less_than: int | float | None = None
    all: Any = None
    any: Any = None
    not_: Any = msgspec.field(default=None, name="not")


def compile_condition(raw: object, where: str, needed: set[str], depth: int = 0) -> Condition:
    """The test that `raw` describes; the columns it reads are added to `needed`. Raises DefinitionError."""
    if depth > MAX_NESTING:
        raise DefinitionError(where, "is nested too deeply", wanted=f"at most {MAX_NESTING} levels")
    spec = read_as(ConditionSpec, raw, where)
    given = msgspec.structs.asdict(spec)
    tests = {name.rstrip("_"): value for name, value in given.items() if name != "column"}
    kind = one_of(tests, where)
    if kind in _JOINED:
        if spec.column is not None:
            raise DefinitionError(where, f"`column` does not go with `{kind}`", got=spec.column)
        return _JOINED[kind](tests[kind], f"{where}.{kind}", needed, depth + 1)
    if spec.column is None:
        raise DefinitionError(where, f"`{kind}` needs the column that it tests", wanted="column: NAME")
    needed.add(spec.column)
    return _TESTS[kind](spec.column, tests[kind], f"{where}.{kind}")


def _all(raw: object, where: str, needed: set[str], depth: int) -> Condition:
    parts = _parts(raw, where, needed, depth)
    return lambda values: all(part(values) for part in parts)


def _any(raw: object, where: str, needed: set[str], depth: int) -> Condition:
    parts = _parts(raw, where, needed, depth)
    return lambda values: any(part(values) for part in parts)


def _not(raw: object, where: str, needed: set[str], depth: int) -> Condition:
    part = compile_condition(raw, where, needed, depth)
    return lambda values: not part(values)


def _parts(raw: object, where: str, needed: set[str], depth: int) -> list[Condition]:
    parts = read_list(raw, where, most=MAX_PARTS)
    return [compile_condition(part, f"{where}[{index}]", needed, depth) for index, part in enumerate(parts)]


def _equals(column: str, wanted: str, _where: str) -> Condition:
    return lambda values: values.get(column, "") == wanted


def _in(column: str, wanted: list[str], _where: str) -> Condition:
    choices = frozenset(wanted)
    return lambda values: values.get(column, "") in choices


def _starts_with(column: str, wanted: str, _where: str) -> Condition:
    return lambda values: values.get(column, "").startswith(wanted)


def _matches(column: str, pattern: str, where: str) -> Condition:
    fullmatch = compile_pattern(pattern, where).fullmatch

    def test(values: Values) -> bool:
        text = values.get(column, "")
        return len(text) <= MAX_MATCHED_CHARS and fullmatch(text) is not None

    return test


def _empty(column: str, wanted: bool, _where: str) -> Condition:
    return lambda values: (not values.get(column, "").strip()) is wanted


def _at_most(column: str, bound: float, _where: str) -> Condition:
    limit = Decimal(str(bound))
    return lambda values: decimal_in(values, column) <= limit


def _at_least(column: str, bound: float, _where: str) -> Condition:
    limit = Decimal(str(bound))
    return lambda values: decimal_in(values, column) >= limit


def _less_than(column: str, bound: float, _where: str) -> Condition:
    limit = Decimal(str(bound))
    return lambda values: decimal_in(values, column) < limit


def compile_pattern(pattern: str, where: str) -> re.Pattern[str]:
    """A pattern for the whole value, of the simple kind that cannot run long. Raises DefinitionError."""
    simple = (
        f"at most {MAX_PATTERN_CHARS} characters of: letters, digits, [classes], up to {_MOST_CHOICES} of ? and |, "
        f"up to {_MOST_VARIABLE} of * + {{n,m}}, {{n}}, (groups) without repetition"
    )
    variable, choices = len(_VARIABLE.findall(pattern)), len(_CHOICE.findall(pattern))
    if (
        len(pattern) > MAX_PATTERN_CHARS
        or _UNSAFE.search(pattern)
        or variable > _MOST_VARIABLE
        or choices > _MOST_CHOICES
    ):
        raise DefinitionError(where, "is not a simple pattern", got=pattern, wanted=simple)
    try:
        return re.compile(pattern, re.ASCII)
    except re.error as error:
        raise DefinitionError(where, f"is not a pattern: {error}", got=pattern, wanted=simple) from error


_JOINED: dict[str, Callable[[object, str, set[str], int], Condition]] = {"all": _all, "any": _any, "not": _not}
_TESTS: dict[str, Callable[[str, Any, str], Condition]] = {
    "equals": _equals,
    "in": _in,
    "starts_with": _starts_with,
    "matches": _matches,
    "empty": _empty,
    "at_most": _at_most,
    "at_least": _at_least,
    "less_than": _less_than,
}
