"""did: the person did an event at least so many times, ever or within a sliding window.

An event at t counts as "within W" at T when T - W < t <= T: it drops out exactly at t + W. State: the instants of the
`at_least` latest events, which is all that the question needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.accumulate.latest import MAX_K, Latest
from tidings.clock import format_duration, iso, parse_duration
from tidings.domain import filter as event_filter
from tidings.domain.filter import EventFilter
from tidings.domain.profile import ProfileState
from tidings.domain.sql import Query
from tidings.errors import DefinitionError
from tidings.rules.base import NO, YES, Condition, Traits, Verdict


class Did(msgspec.Struct, frozen=True):
    """At least `times` matching events, within `window_us` (0: ever)."""

    filter: EventFilter
    times: int
    window_us: int
    slot: int

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        instants = state.values[self.slot]
        if instants is None or len(instants) < self.times:
            return NO
        if not self.window_us:
            return YES
        drops_us = instants[-self.times] + self.window_us
        return Verdict(True, drops_us) if at_us < drops_us else NO

    def reads(self) -> Iterator[str]:
        yield f"slot:{self.slot}"

    def words(self) -> str:
        times = "" if self.times == 1 else f" at least {self.times} times"
        window = f" within {format_duration(self.window_us)}" if self.window_us else ""
        return f"did {self.filter.words()}{times}{window}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        instants = state.values[self.slot] or []
        last = f"last at {iso(instants[-1])}" if instants else "never seen"
        verdict = self.judge(state, at_us)
        until = f", until {iso(verdict.next_us)}" if verdict.next_us else ""
        return f"{self.words()}: {'yes' if verdict.holds else 'no'} ({last}{until})"

    def sql(self, query: Query) -> str:
        found = query.within(self.window_us).matching(self.filter, "profile_id")
        return f"{found} GROUP BY profile_id HAVING count(*) >= {self.times}"


def parse(raw: dict[str, Any], traits: Traits, where: str, name: str = "did") -> Condition:
    settings = raw[name]
    path = f"{where}.{name}"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="at least `event`")
    only(settings, {"event", "where", "at_least", "within"}, path)
    events = event_filter.parse(settings.get("event"), settings.get("where"), path)
    times = settings.get("at_least", 1)
    if not isinstance(times, int) or isinstance(times, bool) or not 1 <= times <= MAX_K:
        raise DefinitionError(path, "`at_least` is out of range", got=times, wanted=f"a whole number, 1 to {MAX_K}")
    try:
        window_us = parse_duration(settings["within"]) if "within" in settings else 0
    except ValueError as error:
        raise DefinitionError(f"{path}.within", str(error)) from error
    return Did(events, times, window_us, traits.slot(Latest(events, times)))
