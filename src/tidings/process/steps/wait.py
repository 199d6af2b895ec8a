"""wait: a span from the instant the run arrived; or until a time of day where the person is; or until a date of hers.

``wait: 1d``, ``wait: {until: "09:00", weekdays: [mon, tue]}``, ``wait: {until_trait: trial_ends_at, before: 3d}``,
``wait: {until_date: 2030-12-24T09:00Z}``. Times of day go by her own clock
as in `local_time`; a missing or invalid zone is the workspace's. What is over already, or unknown, is not waited for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from tidings.accumulate.base import only
from tidings.clock import SECOND_US, format_duration, iso, parse_duration
from tidings.domain import schema
from tidings.domain.instants import END_US, instant_of
from tidings.domain.profile import ProfileState, Run
from tidings.domain.zones import zone
from tidings.errors import DefinitionError
from tidings.process import lanes
from tidings.process.steps.base import Move, Step, StepBase
from tidings.rules import local_time, window
from tidings.rules.base import Reading, Traits
from tidings.rules.local_time import WEEKDAYS

_DAYS_AHEAD = 16
"""Days looked ahead for the next such time: a week, and more where a zone once left a day out."""
_TIME = schema.settings(
    {"until": local_time.CLOCK, "weekdays": {"type": "array", "items": schema.one_of(WEEKDAYS), "minItems": 1}},
    ["until"],
)
_DATE = schema.settings(
    {
        "until_trait": schema.TRAIT,
        "before": schema.SPAN,
        "after": schema.SPAN,
    },
    ["until_trait"],
)
_DAY = schema.settings({"until_date": schema.DATE}, ["until_date"])
SCHEMA = {"anyOf": [schema.SPAN, _TIME, _DATE, _DAY]}


class Wait(StepBase, frozen=True):
    """Settings: the span, as in ``wait: 1d``."""

    span_us: int

    def at_once(self) -> tuple[str, ...]:
        return ()

    def enter(self, state: ProfileState, run: Run) -> Move:  # noqa: ARG002 - the same for everyone
        return Move(f"waits {format_duration(self.span_us)}", until_us=run.since_us + self.span_us)

    def on_timer(self, run: Run) -> Move:  # noqa: ARG002
        return Move(f"waited {format_duration(self.span_us)}", goto=self.next)

    def words(self) -> str:
        return f"Wait {format_duration(self.span_us)}"


class WaitTime(StepBase, frozen=True):
    """Until her clock shows a time of day, on one of some days."""

    at_s: int
    """Seconds after midnight."""
    weekdays: tuple[int, ...]
    default_zone: str

    def at_once(self) -> tuple[str, ...]:
        return ()

    def enter(self, state: ProfileState, run: Run) -> Move:
        name = local_time.zone_name(state, self.default_zone)
        # Who has waited here for this very instant already has gone round in a circle, and waits for the next one.
        again = any(entry[0] == self.id and entry[1] == run.since_us for entry in lanes.path_of(state, run))
        from_us = run.since_us + again
        until_us = next(one for one in self._times(from_us, name) if one >= from_us)
        return Move(f"waits until {iso(until_us)}, {self._shown()} in {name}", until_us=until_us)

    def _times(self, from_us: int, name: str) -> Iterator[int]:
        """Instants from about then on at which the clock shows it, in order; where it is skipped, as much later that day."""
        first = datetime.fromtimestamp(from_us // SECOND_US, zone(name)).date() - timedelta(days=1)
        for ahead in range(_DAYS_AHEAD):
            day = first + timedelta(days=ahead)
            if day.weekday() in self.weekdays:
                found = sorted(local_time.instants(day, self.at_s, name))
                shown = [one for one in found if self._is_shown(one, name)]
                yield from (one * SECOND_US for one in shown or found[-1:])

    def _is_shown(self, at_s: int, name: str) -> bool:
        local = datetime.fromtimestamp(at_s, zone(name))
        return local.hour * 3_600 + local.minute * 60 == self.at_s

    def on_timer(self, run: Run) -> Move:  # noqa: ARG002
        return Move(f"it is {self._shown()}", goto=self.next)

    def _shown(self) -> str:
        days = "" if len(self.weekdays) == len(WEEKDAYS) else ", ".join(WEEKDAYS[day] for day in self.weekdays)
        return f"{self.at_s // 3_600:02}:{self.at_s % 3_600 // 60:02}" + (f" on {days}" if days else "")

    def words(self) -> str:
        return f"Wait until {self._shown()} where the person is"


class WaitDate(StepBase, frozen=True):
    """Until so long before or after an instant that a trait is, as it is when the run arrives."""

    trait: str
    reading: Reading | None
    """How a computed trait is read; None for a given one."""
    shift_us: int
    """Negative for before."""

    def enter(self, state: ProfileState, run: Run) -> Move:
        if self.reading is not None:
            value = self.reading.read(state.values, run.since_us)
        else:
            given = state.traits.get(self.trait)
            value = given.value if given is not None else None
        instant_us = instant_of(value)
        if instant_us is None:
            return Move(f"{self.trait} is no date: does not wait", goto=self.next)
        until_us = instant_us + self.shift_us
        if until_us >= END_US:  # anybody may say so, and no calendar can show it
            return Move(f"{self._shown()} is no date: does not wait", goto=self.next)
        if until_us <= run.since_us:
            return Move(f"{iso(instant_us)} is past: does not wait", goto=self.next)
        return Move(f"waits until {iso(until_us)}", until_us=until_us)

    def on_timer(self, run: Run) -> Move:  # noqa: ARG002
        return Move(f"it is {self._shown()}", goto=self.next)

    def _shown(self) -> str:
        if not self.shift_us:
            return self.trait
        return f"{format_duration(abs(self.shift_us))} {'before' if self.shift_us < 0 else 'after'} {self.trait}"

    def words(self) -> str:
        return f"Wait until {self._shown()}"


class WaitDay(StepBase, frozen=True):
    """Until an instant that is the same for everyone. One that is past is refused in new definitions; see hosts/check.py."""

    at_us: int

    def enter(self, state: ProfileState, run: Run) -> Move:  # noqa: ARG002 - the same for everyone
        if self.at_us <= run.since_us:
            return Move(f"{iso(self.at_us)} is past: does not wait", goto=self.next)
        return Move(f"waits until {iso(self.at_us)}", until_us=self.at_us)

    def on_timer(self, run: Run) -> Move:  # noqa: ARG002
        return Move(f"it is {iso(self.at_us)}", goto=self.next)

    def words(self) -> str:
        return f"Wait until {iso(self.at_us)}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:
    settings, path = raw["wait"], f"{where}.wait"
    if not isinstance(settings, dict):
        return Wait(step_id, following, _span(settings, path))
    if "until" in settings:
        only(settings, {"until", "weekdays"}, path)
        at_s = local_time.seconds(settings["until"], f"{path}.until") % 86_400
        weekdays = local_time.days(settings.get("weekdays", list(WEEKDAYS)), f"{path}.weekdays")
        return WaitTime(step_id, following, at_s=at_s, weekdays=weekdays, default_zone=traits.zone)
    if "until_date" in settings:
        only(settings, {"until_date"}, path)
        return WaitDay(step_id, following, at_us=window.date(settings["until_date"], f"{path}.until_date"))
    only(settings, {"until_trait", "before", "after"}, path)
    trait = settings.get("until_trait")
    if not isinstance(trait, str) or not trait:
        raise DefinitionError(path, "needs a span, `until`, `until_trait` or `until_date`", got=settings)
    if "before" in settings and "after" in settings:
        raise DefinitionError(path, "use `before` or `after`, not both")
    before, after = (_span(settings[name], f"{path}.{name}") if name in settings else 0 for name in ("before", "after"))
    return WaitDate(step_id, following, trait=trait, reading=traits.computed(trait), shift_us=after - before)


def _span(raw: Any, path: str) -> int:
    try:
        return parse_duration(raw)
    except ValueError as error:
        raise DefinitionError(path, str(error)) from error
