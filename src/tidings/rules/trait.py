"""trait: a given or computed trait compares as asked, or is an instant within (or before) a sliding window.

``{trait: revenue, at_least: 1000}``, ``{trait: first_order, within: 30d}``, ``{trait: last_order, older_than: 90d}``.
`within: W` holds at T when T - W < instant <= T; `older_than: W` when instant <= T - W. The two exclude each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tidings.clock import format_duration, iso, parse_duration, parse_instant
from tidings.domain import compare
from tidings.domain.compare import Comparison
from tidings.domain.profile import ProfileState
from tidings.errors import DefinitionError
from tidings.rules.base import NO, YES, Condition, Traits, Verdict

_FIRST_US = parse_instant("0001-01-01")
_END_US = parse_instant("9999-12-31")
"""Where the calendar ends. Anybody may give a trait an integer of 64 bits, and no clock or text can show that."""


class Trait(msgspec.Struct, frozen=True):
    """Comparisons on one trait."""

    name: str
    comparisons: tuple[Comparison, ...]
    slot: int
    accumulator: Any
    within_us: int
    older_us: int

    def value(self, state: ProfileState) -> Any:
        """The trait's value for this person; None when unknown."""
        if self.accumulator is not None:
            return self.accumulator.read(state.values[self.slot])
        given = state.traits.get(self.name)
        return given.value if given is not None else None

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        value = self.value(state)
        for one in self.comparisons:
            if not one.test(value):
                return NO
        if not (self.within_us or self.older_us):
            return YES
        return self._judge_age(value, at_us)

    def _judge_age(self, value: Any, at_us: int) -> Verdict:
        instant_us = _instant(value)
        if instant_us is None:
            return NO
        turns_us = instant_us + (self.within_us or self.older_us)
        if self.within_us:
            if instant_us > at_us:
                return Verdict(False, instant_us)
            return Verdict(True, turns_us) if at_us < turns_us else NO
        return YES if at_us >= turns_us else Verdict(False, turns_us)

    def reads(self) -> Iterator[str]:
        yield f"slot:{self.slot}" if self.accumulator is not None else f"trait:{self.name}"

    def words(self) -> str:
        tests = [one.words() for one in self.comparisons]
        if self.within_us:
            tests.append(f"is within {format_duration(self.within_us)}")
        if self.older_us:
            tests.append(f"is older than {format_duration(self.older_us)}")
        return f"{self.name} {' and '.join(tests)}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        value = self.value(state)
        instant_us = _instant(value) if self.within_us or self.older_us else None
        shown = iso(instant_us) if instant_us is not None else _shown(value)
        return f"{self.words()}: {'yes' if self.judge(state, at_us).holds else 'no'} ({shown})"


def _shown(value: Any) -> str:
    if value is None:
        return "unknown"
    if isinstance(value, list):
        return f"{len(value)} item{'' if len(value) == 1 else 's'}"
    return str(value)[:100]


def _instant(value: Any) -> int | None:
    """Microseconds from a computed instant (an integer) or an ISO text; None for anything else."""
    if isinstance(value, str):
        try:
            value = parse_instant(value)
        except ValueError:
            return None
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and _FIRST_US <= value < _END_US else None


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
    found = traits.computed(name)
    slot, accumulator = found if found is not None else (-1, None)
    return Trait(name, comparisons, slot, accumulator, spans["within"], spans["older_than"])
