"""trait: a given or computed trait compares as asked, or is an instant so far from now, back or ahead (`age.py`).

``{trait: revenue, at_least: 1000}``, ``{trait: first_order, within: 30d}``, ``{trait: trial_ends_at, in_next: 3d}``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from tidings.accumulate.reading import Reading, Single, is_number
from tidings.clock import iso
from tidings.domain import compare, schema
from tidings.domain.compare import OPERATORS, Comparison
from tidings.domain.profile import ProfileState
from tidings.domain.sql import Query
from tidings.errors import DefinitionError
from tidings.rules import age, sql
from tidings.rules.age import Age
from tidings.rules.base import NO, YES, Condition, Traits, Verdict, earliest
from tidings.rules.compile import Source
from tidings.rules.form import Form, Setting

SYMBOLS = {"at_least": ">=", "at_most": "<=", "more_than": ">", "less_than": "<"}
"""Comparisons of numbers that are written as they are."""
_OF_NUMBERS = (*SYMBOLS, "between", "equals")
_NOT_OF_NUMBERS = frozenset(OPERATORS) - {
    *_OF_NUMBERS,
    "not_equals",
    "in",
    "not_in",
    "exists",
    "empty",
    "not_contains",
} | {*age.SETTINGS}
"""What is asked of texts, lists, dates and versions only."""

FORM = Form(
    tuple(Setting(name, schema.SPAN) for name in age.SETTINGS),
    value=schema.TRAIT,
    comparisons=tuple(OPERATORS),
    more={"minProperties": 2},
)
"""``trait revenue at least 1000``, ``trait first_order within 30d``."""


class Trait(msgspec.Struct, frozen=True):
    """Comparisons on one trait."""

    name: str
    comparisons: tuple[Comparison, ...]
    reading: Any
    """How a computed trait is read; None for a given one."""
    age: Age | None = None
    """Where the instant that it is must lie."""
    is_empty: Callable[[Any], bool] | None = None
    """When only that is asked, and the accumulator can tell without being read."""

    def value(self, state: ProfileState, at_us: int) -> Any:
        """The trait's value for this person; None when unknown."""
        if self.reading is not None:
            return self.reading.read(state.values, at_us)
        given = state.traits.get(self.name)
        return given.value if given is not None else None

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        if self.is_empty is not None:
            return YES if self.is_empty(state.values[self.reading.slot]) is self.comparisons[0].wanted else NO
        value = self.value(state, at_us)
        verdict = NO
        if all(one.test(value) for one in self.comparisons):
            verdict = self.age.judge(value, at_us) if self.age is not None else YES
        if self.reading is None or self.reading.timeless:
            return verdict
        turns_us = self.reading.next_us(state.values, at_us, self.comparisons)
        return Verdict(verdict.holds, earliest(verdict.next_us, turns_us))

    def code(self, source: Source) -> bool:
        """Comparisons of what only events change."""
        if self.age is not None or not (self.reading is None or self.reading.timeless):
            return False
        if self.is_empty is not None:
            ask, wanted = source.bind(self.is_empty), bool(self.comparisons[0].wanted)
            source.add(f"h = {ask}({source.slot(self.reading.slot)}) is {wanted}", "n = 0")
            return True
        if self.reading is None:
            source.add(f"x = state.traits.get({source.bind(self.name)})", "if x is not None: x = x.value")
        elif isinstance(self.reading, Single):
            source.add(f"x = {source.bind(self.reading.accumulator.read)}({source.slot(self.reading.slot)})")
        else:
            source.add(f"x = {source.bind(self.reading.read)}(state.values, at_us)")
        source.add(f"h = {' and '.join(map(partial(_test, source), self.comparisons))}", "n = 0")
        return True

    def reads(self) -> Iterator[str]:
        if self.reading is None:
            yield f"trait:{self.name}"
        else:
            yield from (f"slot:{slot}" for slot in self.reading.slots)

    def words(self) -> str:
        tests = [one.words() for one in self.comparisons]
        if self.age is not None:
            tests.append(f"is {self.age.words}")
        return f"{self.name} {' and '.join(tests)}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        value = self.value(state, at_us)
        shown = (age.shown(value) if self.age is not None else "") or _shown(value)
        verdict = self.judge(state, at_us)
        until = (
            f"; can change at {iso(verdict.next_us)}"
            if verdict.next_us and self.reading is not None and not self.reading.timeless
            else ""
        )
        return f"{self.words()}: {'yes' if verdict.holds else 'no'} ({shown}{until})"

    def sql(self, query: Query) -> str:
        values = self.reading.sql(query) if self.reading is not None else sql.given(query, self.name)
        tests = [sql.all_tests("value", self.comparisons)]
        if self.age is not None:
            tests.append(self.age.sql(query, "value"))
        return sql.chosen(values, " AND ".join(tests))


def _test(source: Source, comparison: Comparison) -> str:
    """An expression: whether `x` passes; a number compared with a number without a call."""
    symbol, wanted = SYMBOLS.get(comparison.operator), comparison.wanted
    if symbol is not None and type(wanted) in (int, float):
        return f"(type(x) in {source.bind((int, float))} and x {symbol} {source.bind(wanted)})"
    return f"{source.bind(OPERATORS[comparison.operator].test)}(x, {source.bind(wanted)})"


def _shown(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, list):
        return f"{len(value)} item{'' if len(value) == 1 else 's'}"
    return str(value)[:100]


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    name = raw["trait"]
    if not isinstance(name, str) or not name:
        raise DefinitionError(where, "`trait` needs a name", got=name)
    found = age.parse(raw, where)
    tests = {key: value for key, value in raw.items() if key != "trait" and key not in age.SETTINGS}
    comparisons = compare.parse(tests, where) if tests or found is None else ()
    reading = traits.computed(name)
    only_empty = len(comparisons) == 1 and comparisons[0].operator == "empty" and found is None
    if reading is not None:
        _check_kind(raw, name, reading, where)
    is_empty = getattr(getattr(reading, "accumulator", None), "is_empty", None) if only_empty else None
    return Trait(name, comparisons, reading, found, is_empty)


def _check_kind(raw: dict[str, Any], name: str, reading: Reading, where: str) -> None:
    """Refuse what a computed trait of this kind never is: a number is no text and no date, what happened lies never ahead."""
    for setting, wanted in raw.items():
        if reading.instant and setting in ("in_next", "further_than"):
            do = "use within or older_than, or a trait that is given"
            raise DefinitionError(f"{where}.{setting}", f"can never hold: {name} is never ahead", got=wanted, do=do)
        if is_number(reading) and (
            setting in _NOT_OF_NUMBERS or (setting in _OF_NUMBERS and not _may_be_number(wanted))
        ):
            do = "compare it with a number: at_least, at_most, more_than, less_than, between, equals"
            raise DefinitionError(f"{where}.{setting}", f"does not fit: {name} is a number", got=wanted, do=do)


def _may_be_number(wanted: Any) -> bool:
    if isinstance(wanted, list):
        return all(map(_may_be_number, wanted))
    return wanted is None or (isinstance(wanted, int | float) and not isinstance(wanted, bool))
