"""Comparisons of one value with what a definition asks for; shared by event filters and by trait conditions.

A value of the wrong type never raises and never matches: events come from outside, definitions are checked at load.
The same in SQL: `domain/compare_sql.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase
from typing import Any

import msgspec

from tidings.clock import DAY_US
from tidings.domain import semver
from tidings.domain.instants import instant_of
from tidings.errors import DefinitionError

MAX_LIST = 1_000
"""Longest list that a comparison takes."""
MAX_STARS = 10
"""Most `*` in one pattern."""
LOWER = str.maketrans(ascii_uppercase, ascii_lowercase)
"""What `like` does to letters: only those of ASCII, as SQL folds others differently."""

Test = Callable[[Any, Any], bool]


class Operator(msgspec.Struct, frozen=True):
    """One way to compare."""

    test: Test
    """(value, wanted)."""
    says: str
    """For people, before what is wanted: ``is at least``."""
    fits: Callable[[Any], bool]
    """Whether what a definition asks for is of the right type."""
    needs: str
    """What that is, for people."""


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


def _in(value: Any, wanted: Any) -> bool:
    return any(_equals(value, one) for one in wanted)


@lru_cache(maxsize=1 << 10)
def _pieces(pattern: str) -> tuple[str, ...]:
    return tuple(pattern.translate(LOWER).split("*"))


def _like(value: Any, wanted: str) -> bool:
    """Greedy from left to right, so that no pattern takes longer than the text is long."""
    if not isinstance(value, str):
        return False
    own, pieces = value.translate(LOWER), _pieces(wanted)
    if len(pieces) == 1:
        return own == pieces[0]
    first, *middle, last = pieces
    at, end = len(first), len(own) - len(last)
    if end < at or not own.startswith(first) or not own.endswith(last):
        return False
    for piece in middle:
        found = own.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _instants(compare: Callable[[int, int], bool]) -> Test:
    def test(value: Any, wanted: Any) -> bool:
        one, other = instant_of(value), instant_of(wanted)
        return one is not None and other is not None and compare(one, other)

    return test


def _versions(compare: Callable[[list[str], list[str]], bool]) -> Test:
    def test(value: Any, wanted: Any) -> bool:
        one, other = (semver.key(text) if isinstance(text, str) else None for text in (value, wanted))
        return one is not None and other is not None and compare(one, other)

    return test


def _size(compare: Callable[[int, int], bool]) -> Test:
    return lambda value, wanted: isinstance(value, list) and compare(len(value), wanted)


def _not(test: Test) -> Test:
    return lambda value, wanted: not test(value, wanted)


def _text(wanted: Any) -> bool:
    return isinstance(wanted, str)


def _true_or_false(wanted: Any) -> bool:
    return isinstance(wanted, bool)


def _list(wanted: Any) -> bool:
    return isinstance(wanted, list) and len(wanted) <= MAX_LIST


def _some(wanted: Any) -> bool:
    return _list(wanted) and bool(wanted)


def _whole(wanted: Any) -> bool:
    return isinstance(wanted, int) and not isinstance(wanted, bool) and 0 <= wanted <= MAX_LIST


def _instant(wanted: Any) -> bool:
    return isinstance(wanted, str) and instant_of(wanted) is not None


def _day(wanted: Any) -> bool:
    return _instant(wanted) and instant_of(wanted) % DAY_US == 0  # type: ignore[operator]


def _version(wanted: Any) -> bool:
    return isinstance(wanted, str) and semver.key(wanted) is not None


def _scalar(wanted: Any) -> bool:
    return _number(wanted) or isinstance(wanted, str)


def _range(wanted: Any) -> bool:
    return isinstance(wanted, list) and len(wanted) == 2 and _at_most(wanted[0], wanted[1])


def _bounded(wanted: Any) -> bool:
    return _parts(wanted) <= MAX_LIST


def _parts(wanted: Any) -> int:
    below = wanted.values() if isinstance(wanted, dict) else wanted if isinstance(wanted, list) else ()
    return 1 + sum(map(_parts, below))


def _pattern(wanted: Any) -> bool:
    return isinstance(wanted, str) and wanted.count("*") <= MAX_STARS


_ANY = (_bounded, f"a value of at most {MAX_LIST:,} parts")
_SCALAR = (_scalar, "a number or a text")
_A_TEXT = (_text, "a text")
_A_LIST = (_list, f"a list of at most {MAX_LIST:,} values")
_ITEMS = (_some, f"a list of 1 to {MAX_LIST:,} values")
_WHOLE = (_whole, f"a whole number, 0 to {MAX_LIST:,}")
_DATE = (_instant, "a date such as 2026-01-31, perhaps with a time")
_VERSION = (_version, 'a version in quotes such as "2.10.0"')
_YES = (_true_or_false, "true or false")

OPERATORS: dict[str, Operator] = {
    "equals": Operator(_equals, "is", *_ANY),
    "not_equals": Operator(_not(_equals), "is not", *_ANY),
    "at_least": Operator(_at_least, "is at least", *_SCALAR),
    "at_most": Operator(_at_most, "is at most", *_SCALAR),
    "more_than": Operator(_ordered(lambda value, wanted: value > wanted), "is more than", *_SCALAR),
    "less_than": Operator(_ordered(lambda value, wanted: value < wanted), "is less than", *_SCALAR),
    "between": Operator(_between, "is between", _range, "two numbers or two texts, the smaller first"),
    "contains": Operator(_contains, "contains", *_ANY),
    "not_contains": Operator(_not(_contains), "does not contain", *_ANY),
    "starts_with": Operator(
        lambda value, wanted: isinstance(value, str) and value.startswith(wanted), "starts with", *_A_TEXT
    ),
    "ends_with": Operator(
        lambda value, wanted: isinstance(value, str) and value.endswith(wanted), "ends with", *_A_TEXT
    ),
    "like": Operator(_like, "is like", _pattern, f"a text in which * is any text, with at most {MAX_STARS} of them"),
    "in": Operator(_in, "is one of", *_A_LIST),
    "not_in": Operator(_not(_in), "is none of", *_A_LIST),
    "has_any": Operator(
        lambda value, wanted: isinstance(value, list) and any(one in value for one in wanted), "has any of", *_ITEMS
    ),
    "has_all": Operator(
        lambda value, wanted: isinstance(value, list) and all(one in value for one in wanted), "has all of", *_ITEMS
    ),
    "size": Operator(_size(lambda size, wanted: size == wanted), "is a list of exactly", *_WHOLE),
    "size_at_least": Operator(_size(lambda size, wanted: size >= wanted), "is a list of at least", *_WHOLE),
    "size_at_most": Operator(_size(lambda size, wanted: size <= wanted), "is a list of at most", *_WHOLE),
    "before": Operator(_instants(lambda one, other: one < other), "is before", *_DATE),
    "after": Operator(_instants(lambda one, other: one > other), "is after", *_DATE),
    "on": Operator(
        _instants(lambda one, other: one // DAY_US == other // DAY_US), "is on", _day, "a date such as 2026-01-31"
    ),
    "version": Operator(_versions(lambda one, other: one == other), "is version", *_VERSION),
    "version_at_least": Operator(_versions(lambda one, other: one >= other), "is at least version", *_VERSION),
    "version_at_most": Operator(_versions(lambda one, other: one <= other), "is at most version", *_VERSION),
    "version_more_than": Operator(_versions(lambda one, other: one > other), "is later than version", *_VERSION),
    "version_less_than": Operator(_versions(lambda one, other: one < other), "is earlier than version", *_VERSION),
    "exists": Operator(lambda value, wanted: (value is not None) is wanted, "exists is", *_YES),
    "empty": Operator(lambda value, wanted: (value is None or value in ("", [], {})) is wanted, "empty is", *_YES),
}
"""By the name in definitions."""
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
        return OPERATORS[self.operator].test(value, self.wanted)

    def words(self) -> str:
        """For people: ``is at least 1000``, ``is not empty``."""
        wanted = self.wanted
        match self.operator:
            case "empty":
                return "is empty" if wanted else "is not empty"
            case "between":
                return f"is between {wanted[0]!r} and {wanted[1]!r}"
            case "exists":
                return "is known" if wanted else "is unknown"
            case "before" | "after" | "on" | "version" | "version_at_least" | "version_at_most":
                return f"{OPERATORS[self.operator].says} {wanted}"
            case "version_more_than" | "version_less_than":
                return f"{OPERATORS[self.operator].says} {wanted}"
            case "size" | "size_at_least" | "size_at_most":
                return f"{OPERATORS[self.operator].says} {wanted} item{'' if wanted == 1 else 's'}"
        return f"{OPERATORS[self.operator].says} {wanted!r}"


def _check_possible(found: list[Comparison], where: str) -> None:
    """Refuse bounds that no value can be between."""
    _check_bounds([one for one in found if one.operator in (*ORDERS, "between", "equals")], where)
    asked = {one.operator: one.wanted for one in found}
    _check_order(
        [asked.get("size_at_least"), asked.get("size")], [asked.get("size"), asked.get("size_at_most")], where, asked
    )
    _check_instants(asked, where)
    _check_versions(asked, where)
    _check_few(found, where, asked)


def _check_instants(asked: Mapping[str, Any], where: str) -> None:
    after, before, day = (instant_of(asked.get(name)) for name in ("after", "before", "on"))
    lows = [after + 1 if after is not None else None, day]
    highs = [before - 1 if before is not None else None, day + DAY_US - 1 if day is not None else None]
    _check_order(lows, highs, where, asked)


def _check_versions(asked: Mapping[str, Any], where: str) -> None:
    """A version with a 1 behind it lies right after it, with a -1 right before."""
    keys = {name: (semver.key(wanted), 0) for name, wanted in asked.items() if name.startswith("version")}
    lows = [keys.get("version"), keys.get("version_at_least"), _beside(keys.get("version_more_than"), 1)]
    highs = [keys.get("version"), keys.get("version_at_most"), _beside(keys.get("version_less_than"), -1)]
    _check_order(lows, highs, where, asked)


def _beside(key: tuple[Any, int] | None, by: int) -> tuple[Any, int] | None:
    return None if key is None else (key[0], by)


def _check_few(found: list[Comparison], where: str, asked: Mapping[str, Any]) -> None:
    """Where only a few values are left by one comparison, one of them must pass the others."""
    few = [values for one in found if (values := _only_values(one)) is not None]
    if few and not any(all(one.test(value) for one in found) for value in min(few, key=len)):
        raise DefinitionError(where, "can never hold", got=dict(asked))


def _only_values(one: Comparison) -> list[Any] | None:
    """The values that a comparison leaves; None when they are many."""
    match one.operator, one.wanted:
        case "equals", wanted:
            return [wanted]
        case "in", wanted:
            return list(wanted)
        case "exists", False:
            return [None]
        case "empty", True:
            return [None, "", [], {}]
    return None


def _check_order(lows: Sequence[Any], highs: Sequence[Any], where: str, asked: Mapping[str, Any]) -> None:
    low, high = [one for one in lows if one is not None], [one for one in highs if one is not None]
    if low and high and max(low) > min(high):
        raise DefinitionError(where, "can never hold", got=dict(asked))


def _check_bounds(bounds: list[Comparison], where: str) -> None:
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
        raw = {"equals": raw}
    found = []
    for name, wanted in raw.items():
        if name not in OPERATORS:
            near = get_close_matches(str(name), OPERATORS, 1)
            do = f"did you mean {near[0]}?" if near else ""
            raise DefinitionError(where, "unknown comparison", got=name, wanted="one of " + ", ".join(OPERATORS), do=do)
        operator = OPERATORS[name]
        if not operator.fits(wanted):
            raise DefinitionError(where, f"`{name}` needs {operator.needs}", got=wanted)
        found.append(Comparison(name, wanted))
    _check_possible(found, where)
    if not found:
        raise DefinitionError(where, "no comparison given", wanted="one of " + ", ".join(OPERATORS))
    return tuple(found)
