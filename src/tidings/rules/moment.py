"""What `first` and `last` share: the instant of the first or the last such event lies in a window, or beside a date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.accumulate.edge import Edge
from tidings.clock import format_duration, iso
from tidings.domain import filter as event_filter
from tidings.domain import schema
from tidings.domain.filter import EventFilter
from tidings.domain.profile import ProfileState
from tidings.domain.sql import Query
from tidings.errors import DefinitionError
from tidings.rules import form, window
from tidings.rules.base import NO, Condition, Traits, Verdict, earliest
from tidings.rules.form import Form, Setting

SETTINGS = ("within", "older_than", "before", "after")


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
    within_us: int = 0
    older_us: int = 0
    before_us: int = 0
    """It came before this instant; 0 for no such test."""
    after_us: int = 0
    """It came after this instant; 0 for no such test."""

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        value = state.values[self.slot]
        if value is None:
            return NO
        seen_us = value[0]
        holds = seen_us <= at_us
        next_us = 0 if holds else seen_us
        if (self.before_us and seen_us >= self.before_us) or (self.after_us and seen_us <= self.after_us):
            return NO
        if self.within_us:
            drops_us = seen_us + self.within_us
            holds = holds and at_us < drops_us
            next_us = earliest(next_us, drops_us if drops_us > at_us else 0)
        if self.older_us:
            turns_us = seen_us + self.older_us
            holds = holds and at_us >= turns_us
            next_us = earliest(next_us, turns_us if turns_us > at_us else 0)
        return Verdict(holds, next_us)

    def reads(self) -> Iterator[str]:
        yield f"slot:{self.slot}"

    def words(self) -> str:
        spans = (("within", self.within_us), ("older than", self.older_us))
        tests = [f"{word} {format_duration(span_us)}" for word, span_us in spans if span_us]
        dates = (("before", self.before_us), ("after", self.after_us))
        tests += [f"{word} {iso(at_us)}" for word, at_us in dates if at_us]
        return f"{self.word} {self.filter.words()} {' and '.join(tests)}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        value = state.values[self.slot]
        seen = f"at {iso(value[0])}" if value is not None else "never seen"
        return f"{self.words()}: {'yes' if self.judge(state, at_us).holds else 'no'} ({seen})"

    def sql(self, query: Query) -> str:
        tests = []
        if self.within_us:
            tests.append(f"value::BIGINT > {query.at_us - self.within_us}")
        if self.older_us:
            tests.append(f"value::BIGINT <= {query.at_us - self.older_us}")
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
    only(settings, {"event", "where", "within", "older_than", "before", "after"}, path)
    if not set(SETTINGS) & set(settings):
        raise DefinitionError(path, "says nothing about when", wanted="one of " + ", ".join(SETTINGS))
    if "within" in settings and "older_than" in settings:
        raise DefinitionError(path, "use `within` or `older_than`, not both")
    events = event_filter.parse(settings.get("event"), settings.get("where"), path)
    spans = [window.span(settings[one], f"{path}.{one}") if one in settings else 0 for one in ("within", "older_than")]
    dates = [window.date(settings[one], f"{path}.{one}") if one in settings else 0 for one in ("before", "after")]
    if all(dates) and dates[0] <= dates[1] + 1:
        raise DefinitionError(
            path, "can never hold: `before` is not after `after`", got=[settings["before"], settings["after"]]
        )
    edge = make(events)
    return Moment(word, events, traits.slot(edge), edge, *spans, *dates)
