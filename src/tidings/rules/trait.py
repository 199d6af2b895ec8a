"""trait: a given or computed trait compares as asked, or is an instant within (or before) a sliding window.

``{trait: revenue, at_least: 1000}``, ``{trait: first_order, within: 30d}``, ``{trait: last_order, older_than: 90d}``.
`within: W` holds at T when T - W < instant <= T; `older_than: W` when instant <= T - W. The two exclude each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from tidings.accumulate.reading import Single
from tidings.clock import format_duration, iso, parse_duration
from tidings.domain import compare, schema
from tidings.domain.compare import OPERATORS, Comparison
from tidings.domain.instants import instant_of
from tidings.domain.profile import ProfileState
from tidings.domain.sql import Query, instant_sql
from tidings.errors import DefinitionError
from tidings.rules import form, sql
from tidings.rules.base import NO, YES, Condition, Traits, Verdict, earliest
from tidings.rules.compile import Source
from tidings.rules.form import Form, Setting

SYMBOLS = {"at_least": ">=", "at_most": "<=", "more_than": ">", "less_than": "<"}
"""Comparisons of numbers that are written as they are."""


FORM = Form(
    (form.WITHIN, Setting("older_than", schema.SPAN)),
    value={"description": "A given or computed trait.", **schema.NAME},
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
    within_us: int
    older_us: int
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
            verdict = self._judge_age(value, at_us) if self.within_us or self.older_us else YES
        if self.reading is None or self.reading.timeless:
            return verdict
        turns_us = self.reading.next_us(state.values, at_us, self.comparisons)
        return Verdict(verdict.holds, earliest(verdict.next_us, turns_us))

    def code(self, source: Source) -> bool:
        """Comparisons of what only events change."""
        if self.within_us or self.older_us or not (self.reading is None or self.reading.timeless):
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

    def _judge_age(self, value: Any, at_us: int) -> Verdict:
        instant_us = instant_of(value)
        if instant_us is None:
            return NO
        turns_us = instant_us + (self.within_us or self.older_us)
        if self.within_us:
            if instant_us > at_us:
                return Verdict(False, instant_us)
            return Verdict(True, turns_us) if at_us < turns_us else NO
        return YES if at_us >= turns_us else Verdict(False, turns_us)

    def reads(self) -> Iterator[str]:
        if self.reading is None:
            yield f"trait:{self.name}"
        else:
            yield from (f"slot:{slot}" for slot in self.reading.slots)

    def words(self) -> str:
        tests = [one.words() for one in self.comparisons]
        if self.within_us:
            tests.append(f"is within {format_duration(self.within_us)}")
        if self.older_us:
            tests.append(f"is older than {format_duration(self.older_us)}")
        return f"{self.name} {' and '.join(tests)}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        value = self.value(state, at_us)
        instant_us = instant_of(value) if self.within_us or self.older_us else None
        shown = iso(instant_us) if instant_us is not None else _shown(value)
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
        instant = instant_sql("value")
        if self.within_us:
            tests.append(f"COALESCE({instant} > {query.at_us - self.within_us} AND {instant} <= {query.at_us}, false)")
        if self.older_us:
            tests.append(f"COALESCE({instant} <= {query.at_us - self.older_us}, false)")
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
    spans = {}
    for setting in ("within", "older_than"):
        try:
            spans[setting] = parse_duration(raw[setting]) if setting in raw else 0
        except ValueError as error:
            raise DefinitionError(f"{where}.{setting}", str(error)) from error
    if spans["within"] and spans["older_than"]:
        raise DefinitionError(where, "use `within` or `older_than`, not both")
    tests = {key: value for key, value in raw.items() if key not in ("trait", "within", "older_than")}
    comparisons = compare.parse(tests, where) if tests or not any(spans.values()) else ()
    reading = traits.computed(name)
    only_empty = len(comparisons) == 1 and comparisons[0].operator == "empty" and not any(spans.values())
    is_empty = getattr(getattr(reading, "accumulator", None), "is_empty", None) if only_empty else None
    return Trait(name, comparisons, reading, spans["within"], spans["older_than"], is_empty)
