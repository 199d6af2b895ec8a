"""did: the person did an event so many times: ever, within a sliding window, since a date or since another event.

An event at t counts as "within W" at T when T - W < t <= T: it drops out exactly at t + W. `since` a date counts from that
instant on, `since_event` what came strictly after the latest such event; without one it does not hold. State: the
instants of so many latest events as the question needs.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.accumulate.latest import MAX_K, Latest
from tidings.clock import iso
from tidings.domain import filter as event_filter
from tidings.domain import schema
from tidings.domain.filter import EventFilter
from tidings.domain.profile import ProfileState
from tidings.domain.sql import Query
from tidings.errors import DefinitionError
from tidings.rules import form, window
from tidings.rules.base import NEVER, NO, YES, Condition, Traits, Verdict
from tidings.rules.compile import Source
from tidings.rules.form import Form, Setting
from tidings.rules.window import Window

WITHOUT_END = -1
"""As the most times: no limit."""


FORM = Form(
    (
        form.EVENT,
        Setting("at_least", schema.whole(1, MAX_K)),
        Setting("at_most", schema.whole(0, MAX_K)),
        Setting("exactly", schema.whole(0, MAX_K)),
        form.WITH,
        form.WITHIN,
        form.SINCE,
        Setting("since_event", schema.settings({"event": schema.EVENT, "where": schema.WHERE}, ["event"]), form.EVENTS),
    )
)


class Did(msgspec.Struct, frozen=True):
    """From `least` to `most` matching events."""

    filter: EventFilter
    least: int
    most: int
    """Largest number for which it holds; `WITHOUT_END` for no limit."""
    window: Window
    slot: int
    anchor: EventFilter | None = None
    """The event after whose latest occurrence is counted."""
    anchor_slot: int = -1
    span_us: int = 0
    """The window's length once more, as it is looked at with every event."""
    simple: bool = False
    """Whether at least so many, ever or within a window, is all that is asked: nearly every condition."""

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        instants: Sequence[int] = state.values[self.slot] or ()
        end = len(instants)
        if self.simple and (not end or instants[-1] <= at_us):
            if end < self.least:
                return NO
            if not self.span_us:
                return YES
            drops_us = instants[-self.least] + self.span_us
            return Verdict(True, drops_us) if at_us < drops_us else NO
        future_us = NEVER
        if end and instants[-1] > at_us:  # asked about an instant before the latest event
            end = bisect_right(instants, at_us)
            future_us = instants[end]
        floor_us = self._floor(state, at_us)
        if floor_us is None:
            return Verdict(False, future_us) if future_us else NO
        count = end if not end or instants[0] > floor_us else end - bisect_right(instants, floor_us, 0, end)
        holds = count >= self.least and (self.most < 0 or count <= self.most)
        if not self.span_us or not count:
            return Verdict(holds, future_us) if future_us else YES if holds else NO
        return Verdict(holds, self._next(instants, end, count, future_us))

    def code(self, source: Source) -> bool:
        """At least so often, ever or within a window, at or after the latest event; whatever else is asked, `judge` answers."""
        if self.anchor is not None or self.most >= 0 or self.window.from_us or not self.least:
            return False
        instants, judge, least = source.slot(self.slot), source.bind(self.judge), int(self.least)
        source.add(
            f"if not {instants} or len({instants}) < {least} and {instants}[-1] <= at_us: h = False; n = 0",
            f"elif {instants}[-1] > at_us:",
            f"    verdict = {judge}(state, at_us); h = verdict.holds; n = verdict.next_us",
        )
        if self.window.span_us:
            source.add(
                "else:",
                f"    n = {instants}[-{least}] + {int(self.window.span_us)}",
                "    h = at_us < n",
                "    if not h: n = 0",
            )
        else:
            source.add("else: h = True; n = 0")
        return True

    def _floor(self, state: ProfileState, at_us: int) -> int | None:
        """The instant after which events count; None when nothing can count."""
        if self.anchor is not None:
            anchors = state.values[self.anchor_slot]
            return anchors[-1] if anchors and anchors[-1] <= at_us else None
        if self.span_us:
            return at_us - self.span_us
        return self.window.from_us - 1

    def _next(self, instants: Any, end: int, count: int, future_us: int) -> int:
        """When so many have dropped out of the window that it can change, or the next comes in."""
        left = self.most + 1 if 0 <= self.most < count else self.least
        drops_us = instants[end - left] + self.span_us if 0 < left <= count else NEVER
        return min(drops_us, future_us) if drops_us and future_us else drops_us or future_us

    def reads(self) -> Iterator[str]:
        yield f"slot:{self.slot}"
        if self.anchor is not None:
            yield f"slot:{self.anchor_slot}"

    def words(self) -> str:
        since = f" since the latest {self.anchor.words()}" if self.anchor is not None else ""
        return f"did {self.filter.words()}{_times(self.least, self.most)}{self.window.words()}{since}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        instants = state.values[self.slot] or []
        last = f"last at {iso(instants[-1])}" if instants else "never seen"
        verdict = self.judge(state, at_us)
        until = f", until {iso(verdict.next_us)}" if verdict.next_us else ""
        return f"{self.words()}: {'yes' if verdict.holds else 'no'} ({self._counted(state, at_us)}{last}{until})"

    def _counted(self, state: ProfileState, at_us: int) -> str:
        """How many there are, as far as that is remembered; nothing when once is all that is asked."""
        instants = state.values[self.slot] or []
        if self.least == 1 and self.most < 0 and self.anchor is None:
            return ""
        floor_us = self._floor(state, at_us)
        count = 0 if floor_us is None else bisect_right(instants, at_us) - bisect_right(instants, floor_us)
        more = " or more" if count and count == len(instants) == max(self.least, self.most + 1) else ""
        return f"{count}{more} time{'' if count == 1 else 's'}, "

    def sql(self, query: Query) -> str:
        found = self.window.asked(query).matching(self.filter, "profile_id, occurred_us")
        candidates = query.people()
        if self.anchor is not None:
            anchors = query.matching(self.anchor, "profile_id, max(occurred_us) AS anchor_us")
            candidates = f"SELECT profile_id FROM ({query.matching(self.anchor, 'profile_id')})"
            found = (
                f"SELECT later.profile_id FROM ({found}) AS later JOIN ({anchors} GROUP BY profile_id) AS one"
                f" ON one.profile_id = later.profile_id AND later.occurred_us > one.anchor_us"
            )
        counted = f"SELECT profile_id FROM ({found}) GROUP BY profile_id HAVING count(*)"
        if self.least:
            return f"{counted} >= {self.least}" + (f" AND count(*) <= {self.most}" if self.most >= 0 else "")
        return f"({candidates}) EXCEPT ({counted} > {self.most})" if self.most >= 0 else candidates


def _times(least: int, most: int) -> str:
    if least == most:
        return f" exactly {least} times"
    parts = [f"at least {least} times"] if least > 1 or (least and most >= 0) else []
    parts += [f"at most {most} times"] if most >= 0 else []
    return f" {' and '.join(parts)}" if parts else ""


def parse(raw: dict[str, Any], traits: Traits, where: str, name: str = "did") -> Condition:
    settings = raw[name]
    path = f"{where}.{name}"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="at least `event`")
    only(settings, {"event", "where", "at_least", "at_most", "exactly", "within", "since", "since_event"}, path)
    events = event_filter.parse(settings.get("event"), settings.get("where"), path)
    least, most = limits(settings, path)
    anchor, anchor_slot = None, -1
    if "since_event" in settings:
        if window.SETTINGS & set(settings):
            raise DefinitionError(path, "use one of `within`, `since` and `since_event`")
        anchor = _anchor(settings["since_event"], f"{path}.since_event")
        anchor_slot = traits.slot(Latest(anchor, 1))
    slot = traits.slot(Latest(events, max(least, most + 1)))
    stretch = window.parse(settings, path)
    simple = most < 0 and anchor is None and not stretch.from_us
    return Did(events, least, most, stretch, slot, anchor, anchor_slot, stretch.span_us, simple)


def limits(settings: dict[str, Any], path: str) -> tuple[int, int]:
    """The least and the most times. Raises DefinitionError."""
    for setting in ("at_least", "at_most", "exactly"):
        lowest = 1 if setting == "at_least" else 0
        times = settings.get(setting, 1)
        if not isinstance(times, int) or isinstance(times, bool) or not lowest <= times <= MAX_K:
            wanted = f"a whole number, {lowest} to {MAX_K}"
            raise DefinitionError(path, f"`{setting}` is out of range", got=times, wanted=wanted)
    if "exactly" in settings:
        if "at_least" in settings or "at_most" in settings:
            raise DefinitionError(path, "use `exactly`, or `at_least` and `at_most`")
        return settings["exactly"], settings["exactly"]
    most = settings.get("at_most", WITHOUT_END)
    least = settings.get("at_least", 1 if most < 0 else 0)
    if 0 <= most < least:
        raise DefinitionError(path, "can never hold: `at_most` is less than `at_least`", got=[least, most])
    return least, most


def _anchor(raw: Any, path: str) -> EventFilter:
    if not isinstance(raw, dict):
        raise DefinitionError(path, "needs `event`, and may have `where`", got=raw)
    only(raw, {"event", "where"}, path)
    return event_filter.parse(raw.get("event"), raw.get("where"), path)
