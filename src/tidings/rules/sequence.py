"""sequence: events in order, a funnel: A, then B within a span after it, …, and perhaps then not C.

Each later event comes strictly after the one before it, and before its span is over: at a, then b with a < b < a + span.
"Then not C within a span" after z is decided when the span is over, at z + span, if no C came in between; without a span it
holds until a C comes. The outer `within` is a sliding window on the first event. State: the instants of the latest
`KEPT` events of each step, and SQL asks about the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.accumulate.latest import Latest
from tidings.clock import format_duration, iso
from tidings.domain import filter as event_filter
from tidings.domain import schema
from tidings.domain.filter import EventFilter
from tidings.domain.profile import ProfileState
from tidings.domain.sql import Query
from tidings.errors import DefinitionError
from tidings.rules import form, window
from tidings.rules.base import NEVER, NO, YES, Condition, Traits, Verdict
from tidings.rules.form import Form, Setting

KEPT = 50
"""Events of each step that are looked at: the latest."""
MAX_STEPS = 10
"""Most events in order, the one that must not come included."""
_END_US = 2**62
"""Later than every instant."""
_EVENTS = {"event": schema.EVENT, "where": schema.WHERE}
STEPS = {
    "type": "array",
    "minItems": 2,
    "maxItems": MAX_STEPS,
    "items": schema.settings(
        {
            **_EVENTS,
            "within": schema.SPAN,
            "not": {"anyOf": [schema.NAMES, schema.settings(_EVENTS, ["event"])]},
        },
        more={"oneOf": [{"required": ["event"]}, {"required": ["not"]}]},
    ),
}
"""As JSON Schema."""


FORM = Form((Setting("steps", STEPS, form.STEPS, leads=True), form.WITHIN))
"""``sequence ("Product Added" then "Checkout Started" within 2h then not "Order Completed" within 1d) within 30d``."""


class Step(msgspec.Struct, frozen=True):
    """One event of the sequence."""

    filter: EventFilter
    slot: int
    span_us: int
    """How long after the one before it may come; 0 for any time."""


class Funnel(msgspec.Struct, frozen=True):
    """Steps in order."""

    steps: tuple[Step, ...]
    absent: Step | None
    """What must not come after the last step."""
    window_us: int
    """On the first step's instant; 0 for ever."""

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        first_us = last_us = NEVER
        for begin_us, end_us in self._stretches(state, at_us):
            if begin_us > at_us:
                first_us = min(first_us, begin_us) if first_us else begin_us
            elif at_us < end_us:
                last_us = max(last_us, end_us)
        if last_us:  # one of them holds at least until then
            return Verdict(True, last_us) if last_us != _END_US else YES
        return Verdict(False, first_us) if first_us else NO

    def _stretches(self, state: ProfileState, now_us: int) -> Iterator[tuple[int, int]]:
        """From when until when it holds: once for each end of a chain that matters."""
        absent = (state.values[self.absent.slot] or ()) if self.absent is not None else ()
        chains = self._chains(state)
        if self.absent is None and chains and chains[-1][0] <= now_us:
            chains = chains[-1:]  # begun last, it holds longest
        for at_us, start_us in chains:
            begin_us, end_us = at_us, start_us + self.window_us if self.window_us else _END_US
            if self.absent is not None:
                place = bisect_right(absent, at_us)
                came_us = absent[place] if place < len(absent) else _END_US
                if self.absent.span_us:
                    begin_us += self.absent.span_us
                    if came_us < begin_us:
                        continue
                else:
                    end_us = min(end_us, came_us)
            if begin_us < end_us:
                yield begin_us, end_us

    def _chains(self, state: ProfileState) -> list[tuple[int, int]]:
        """(instant of the last step, latest instant at which a chain up to it can have begun)."""
        found = [(at_us, at_us) for at_us in state.values[self.steps[0].slot] or ()]
        for step in self.steps[1:]:
            if not found:
                break
            found = _followed(found, state.values[step.slot] or (), step.span_us)
        return found

    def reads(self) -> Iterator[str]:
        for step in (*self.steps, *([self.absent] if self.absent is not None else [])):
            yield f"slot:{step.slot}"

    def words(self) -> str:
        parts = [self.steps[0].filter.words()]
        parts += [f"then {step.filter.words()}{_within(step.span_us)}" for step in self.steps[1:]]
        if self.absent is not None:
            parts.append(f"then not {self.absent.filter.words()}{_within(self.absent.span_us)}")
        return f"did {', '.join(parts)}{', begun' + _within(self.window_us) if self.window_us else ''}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        verdict = self.judge(state, at_us)
        seen = []
        for step in (*self.steps, *([self.absent] if self.absent is not None else [])):
            instants = state.values[step.slot]
            when = f"last at {iso(instants[-1])}" if instants else "never seen"
            seen.append(f"{' or '.join(step.filter.names)} {when}")
        until = f"; can change at {iso(verdict.next_us)}" if verdict.next_us else ""
        return f"{self.words()}: {'yes' if verdict.holds else 'no'} ({', '.join(seen)}{until})"

    def sql(self, query: Query) -> str:
        first = Latest(self.steps[0].filter, KEPT).rows(query)
        found = f"SELECT profile_id, occurred_us AS at_us, occurred_us AS start_us FROM ({first})"
        for step in self.steps[1:]:
            span = f" AND later.occurred_us < chain.at_us + {step.span_us}" if step.span_us else ""
            found = (
                f"SELECT later.profile_id, later.occurred_us AS at_us, max(chain.start_us) AS start_us FROM ({found}) AS chain"
                f" JOIN ({Latest(step.filter, KEPT).rows(query)}) AS later ON later.profile_id = chain.profile_id"
                f" AND later.occurred_us > chain.at_us{span} GROUP BY later.profile_id, later.occurred_us"
            )
        tests = [f"chain.start_us > {query.at_us - self.window_us}"] if self.window_us else []
        if self.absent is not None:
            span_us = self.absent.span_us
            tests += [f"chain.at_us + {span_us} <= {query.at_us}"] if span_us else []
            before = f" AND came.occurred_us < chain.at_us + {span_us}" if span_us else ""
            tests.append(
                f"NOT EXISTS (SELECT 1 FROM ({Latest(self.absent.filter, KEPT).rows(query)}) AS came"
                f" WHERE came.profile_id = chain.profile_id AND came.occurred_us > chain.at_us{before})"
            )
        return f"SELECT DISTINCT chain.profile_id FROM ({found}) AS chain WHERE {' AND '.join(tests) or 'true'}"


def _within(span_us: int) -> str:
    return f" within {format_duration(span_us)}" if span_us else ""


def _followed(chains: list[tuple[int, int]], instants: Sequence[int], span_us: int) -> list[tuple[int, int]]:
    """The chains one step longer, by their ends.

    The chain that ends latest before an instant has also begun latest, so it is the best one that the instant may follow.
    """
    longer: list[tuple[int, int]] = []
    place, many = 0, len(chains)
    for at_us in instants:
        while place < many and chains[place][0] < at_us:
            place += 1
        if place and (not span_us or at_us < chains[place - 1][0] + span_us):
            longer.append((at_us, chains[place - 1][1]))
    return longer


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    settings, path = raw["sequence"], f"{where}.sequence"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="`steps`, and perhaps `within`")
    only(settings, {"steps", "within"}, path)
    listed = settings.get("steps")
    if (
        not isinstance(listed, list)
        or not 2 <= len(listed) <= MAX_STEPS
        or not all(isinstance(one, dict) for one in listed)
    ):
        raise DefinitionError(f"{path}.steps", f"needs a list of 2 to {MAX_STEPS} events", got=listed)
    last = listed[-1]
    negative = "not" in last
    steps = [
        _step(one, traits, f"{path}.steps[{i}]", first=not i)
        for i, one in enumerate(listed[: -1 if negative else None])
    ]
    absent = None
    if negative:
        only(last, {"not", "within"}, f"{path}.steps[{len(listed) - 1}]")
        inner = last["not"] if isinstance(last["not"], dict) else {"event": last["not"]}
        settings_of = {**inner, **({"within": last["within"]} if "within" in last else {})}
        absent = _step(settings_of, traits, f"{path}.steps[{len(listed) - 1}].not", first=False)
    window_us = window.span(settings["within"], f"{path}.within") if "within" in settings else 0
    if absent is not None and 0 < window_us <= absent.span_us:
        wanted = f"more than {format_duration(absent.span_us)}, after which it is decided"
        raise DefinitionError(f"{path}.within", "can never hold", got=settings["within"], wanted=wanted)
    return Funnel(tuple(steps), absent, window_us)


def _step(raw: dict[str, Any], traits: Traits, path: str, *, first: bool) -> Step:
    if "not" in raw:
        raise DefinitionError(path, "`not` may only be the last step")
    if first and "within" in raw:
        raise DefinitionError(f"{path}.within", "the first step follows nothing", do="put it beside `steps`")
    only(raw, {"event", "where", "within"}, path)
    events = event_filter.parse(raw.get("event"), raw.get("where"), path)
    span_us = window.span(raw["within"], f"{path}.within") if "within" in raw else 0
    return Step(events, traits.slot(Latest(events, KEPT)), span_us)
