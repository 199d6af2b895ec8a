"""What `sum`, `average`, `minimum`, `maximum` and `distinct` share: a number made of a property of events compares as asked.

Of all time, since a date, or within a sliding window; the memory is that of the computed trait of the same kind, and a
trait and a condition that need the same share it. A window is made of the latest 500 events that have the property.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from tidings.accumulate.base import required_property
from tidings.accumulate.entries import Entries
from tidings.accumulate.reading import Single
from tidings.accumulate.recent import Recent
from tidings.accumulate.since import Since
from tidings.clock import iso
from tidings.domain import compare, schema
from tidings.domain import filter as event_filter
from tidings.domain.compare import Comparison
from tidings.domain.profile import ProfileState
from tidings.domain.sql import Query
from tidings.errors import DefinitionError
from tidings.rules import form, sql, window
from tidings.rules.base import NO, YES, Condition, Traits, Verdict
from tidings.rules.form import Form, Setting

COMPARISONS = ("at_least", "at_most", "more_than", "less_than", "equals", "between")
"""What may be asked of the number."""


FORM = Form(
    (
        Setting("property", schema.NAME, leads=True),
        Setting("event", schema.EVENT, leads=True, word="of"),
        form.WITH,
        form.WITHIN,
        form.SINCE,
    ),
    comparisons=COMPARISONS,
    more={"anyOf": [{"required": [one]} for one in COMPARISONS]},
)
"""``sum revenue of "Order Completed" at least 250 within 90d``."""


class Measure(msgspec.Struct, frozen=True):
    """Comparisons on one number."""

    what: str
    """For people: ``sum of total of Order Completed within 30d``."""
    reading: Single
    comparisons: tuple[Comparison, ...]

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        value = self.reading.read(state.values, at_us)
        holds = True
        for one in self.comparisons:
            if not one.test(value):
                holds = False
                break
        if self.reading.timeless:
            return YES if holds else NO
        return Verdict(holds, self.reading.next_us(state.values, at_us, self.comparisons))

    def reads(self) -> Iterator[str]:
        yield f"slot:{self.reading.slot}"

    def words(self) -> str:
        return f"{self.what} {' and '.join(one.words() for one in self.comparisons)}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        verdict = self.judge(state, at_us)
        value = self.reading.read(state.values, at_us)
        until = f"; can change at {iso(verdict.next_us)}" if verdict.next_us else ""
        known = "unknown" if value is None else f"it is {value:.15g}"
        return f"{self.words()}: {'yes' if verdict.holds else 'no'} ({known}{until})"

    def sql(self, query: Query) -> str:
        return sql.chosen(self.reading.sql(query), sql.all_tests("value", self.comparisons))


def parse(word: str, make: Callable[..., Entries], raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    """The condition of this word, about what `make` remembers."""
    settings, path = raw[word], f"{where}.{word}"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="`event`, `property` and a comparison")
    tests = {name: value for name, value in settings.items() if name in COMPARISONS}
    unknown = set(settings) - set(tests) - {"event", "where", "property", "within", "since"}
    if unknown:
        wanted = "event, where, property, within, since, " + ", ".join(COMPARISONS)
        raise DefinitionError(path, "unknown setting", got=sorted(unknown)[0], wanted=wanted)
    comparisons = compare.parse(tests, path)
    for one in comparisons:
        if not all(_is_number(number) for number in (one.wanted if one.operator == "between" else [one.wanted])):
            raise DefinitionError(f"{path}.{one.operator}", "needs a number", got=one.wanted)
    whole = make(
        event_filter.parse(settings.get("event"), settings.get("where"), path), required_property(settings, path)
    )
    stretch = window.parse(settings, path)
    accumulator: Any = whole
    if stretch.span_us:
        accumulator = Recent(whole, stretch.span_us)
    elif stretch.from_us:
        accumulator = Since(whole, stretch.from_us)
    what = f"{word} of {whole.name} of {whole.filter.words()}{stretch.words()}"
    return Measure(what, Single(traits.slot(accumulator), accumulator), comparisons)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
