"""What `first` and `last` share: the instant of the first or the last such event lies in a window, or beside a date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.accumulate.edge import Edge
from tidings.clock import iso
from tidings.domain import filter as event_filter
from tidings.domain import schema
from tidings.domain.filter import EventFilter
from tidings.domain.profile import ProfileState
from tidings.domain.sql import Query
from tidings.errors import DefinitionError
from tidings.rules import age, form, window
from tidings.rules.age import Age
from tidings.rules.base import NO, Condition, Traits, Verdict
from tidings.rules.form import Form, Setting

SETTINGS = (*age.BACK, "before", "after")
EVER = Age("", 0, None)
"""From its instant on."""

FORM = Form(
    (
        form.EVENT,
        form.WITH,
        form.WITHIN,
        Setting("older_than", schema.SPAN),
        Setting("after", schema.DATE),
        Setting("before", schema.DATE),
    ),
    more={"anyOf": [{"required": [one]} for one in SETTINGS]},
)


class Moment(msgspec.Struct, frozen=True):
    """The event's instant passes every test that is given; one that was never seen passes none."""

    word: str
    filter: EventFilter
    slot: int
    edge: Edge
    age: Age | None = None
    """How long ago it was."""
    before_us: int = 0
    """It came before this instant; 0 for no such test."""
    after_us: int = 0
    """It came after this instant; 0 for no such test."""

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        value = state.values[self.slot]
        if value is None:
            return NO
        seen_us = value[0]
        if (self.before_us and seen_us >= self.before_us) or (self.after_us and seen_us <= self.after_us):
            return NO
        return (self.age or EVER).judge_instant(seen_us, at_us)

    def reads(self) -> Iterator[str]:
        yield f"slot:{self.slot}"

    def words(self) -> str:
        tests = [self.age.words] if self.age is not None else []
        dates = (("before", self.before_us), ("after", self.after_us))
        tests += [f"{word} {iso(at_us)}" for word, at_us in dates if at_us]
        return f"{self.word} {self.filter.words()} {' and '.join(tests)}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        value = state.values[self.slot]
        seen = f"at {iso(value[0])}" if value is not None else "never seen"
        return f"{self.words()}: {'yes' if self.judge(state, at_us).holds else 'no'} ({seen})"

    def sql(self, query: Query) -> str:
        tests = []
        if self.age is not None:
            tests.append(self.age.sql_instant(query, "value::BIGINT"))
        if self.before_us:
            tests.append(f"value::BIGINT < {self.before_us}")
        if self.after_us:
            tests.append(f"value::BIGINT > {self.after_us}")
        return f"SELECT profile_id FROM ({self.edge.sql(query)}) WHERE {' AND '.join(tests)}"


def parse(word: str, make: Callable[[EventFilter], Edge], raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    """The condition of this word."""
    settings, path = raw[word], f"{where}.{word}"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="`event` and one of " + ", ".join(SETTINGS))
    only(settings, {"event", "where", *SETTINGS}, path)
    if not set(SETTINGS) & set(settings):
        raise DefinitionError(path, "says nothing about when", wanted="one of " + ", ".join(SETTINGS))
    events = event_filter.parse(settings.get("event"), settings.get("where"), path)
    dates = [window.date(settings[one], f"{path}.{one}") if one in settings else 0 for one in ("before", "after")]
    if all(dates) and dates[0] <= dates[1] + 1:
        raise DefinitionError(
            path, "can never hold: `before` is not after `after`", got=[settings["before"], settings["after"]]
        )
    edge = make(events)
    return Moment(word, events, traits.slot(edge), edge, age.parse(settings, path), *dates)
