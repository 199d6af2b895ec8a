"""send_time: waits for the hour at which she engages with mail most, on her own clock, and never longer than `within`.

``send_time: {within: 24h, fallback: "10:00"}``. Her own opens and clicks (the latest 50; a month back counts half) and everybody's
(``send_times.yml``) count together: everybody's weigh as much as `PRIOR` of hers that have just been, and of fewer than `LEAST` hers say nothing.
Nothing known at all: the time of day in `fallback`. With ``weekdays: true`` the hours of the whole week are compared. Of equals the
sooner; an hour that is now is not waited for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.clock import DAY_US, HOUR_US, SECOND_US, format_duration, iso, parse_duration
from tidings.domain import schema
from tidings.domain.profile import ProfileState, Run
from tidings.domain.zones import zone
from tidings.errors import DefinitionError
from tidings.process.steps.asking import put_off
from tidings.process.steps.base import Move, Step, StepBase
from tidings.rules import local_time
from tidings.rules.base import Traits
from tidings.rules.send_times import HOURS, LATEST, WHOLE, SendTimes, hour_of_week, shown, weight

PRIOR = 5
"""Everybody's hours weigh as much as so many engagements of hers."""
LEAST = 5
"""With fewer engagements, hers say nothing yet."""
OWN, EVERYBODY, FALLBACK = "own", "everybody", "fallback"
"""Results: what decided."""
_SPANS_US = (HOUR_US, 7 * DAY_US)
SCHEMA = schema.settings(
    {"within": schema.SPAN, "fallback": local_time.CLOCK, "weekdays": schema.FLAG},
)


class Hour(msgspec.Struct, frozen=True):
    """An hour that may be waited for."""

    at_us: int
    hour: int
    """Of the week."""


class SendTime(StepBase, frozen=True):
    """Settings: within (a span), fallback (a time of day), weekdays (whether days differ)."""

    within_us: int
    fallback_s: int
    of_week: bool
    slot: int
    everybody: SendTimes
    default_zone: str

    def results(self) -> tuple[str, ...]:
        return (OWN, EVERYBODY, FALLBACK)

    def enter(self, state: ProfileState, run: Run) -> Move:
        name = local_time.zone_name(state, self.default_zone)
        at_us, result, why = self._best(state.values[self.slot] or (), run.since_us, name)
        if at_us <= run.since_us:
            return Move(f"goes on now: {why}", goto=self.next, result=result)
        return Move(f"waits until {iso(at_us)}: {why}", until_us=at_us, result=result)

    def _best(self, instants: Sequence[int], since_us: int, name: str) -> tuple[int, str, str]:
        """(instant, what decided, the evidence)."""
        mine = [one for one in instants if one <= since_us]
        trusted = mine if len(mine) >= LEAST else []
        own: Counter[int] = Counter()
        for one in trusted:
            own[self._bin(hour_of_week(one, name))] += weight(since_us - one)
        everybody = self.everybody.week if self.of_week else self.everybody.day
        total = self.everybody.total

        def score(one: Hour) -> int:
            hour = self._bin(one.hour)
            return own[hour] * max(total, 1) + PRIOR * WHOLE * everybody[hour]

        best = max(self._ahead(since_us, name), key=lambda one: (score(one), -one.at_us))
        if not score(best):
            return self._fallback(since_us, name)
        hour = shown(best.hour, of_week=self.of_week)
        if own.total():
            hits = sum(self._bin(hour_of_week(one, name)) == self._bin(best.hour) for one in mine)
            return best.at_us, OWN, f"opens or clicks {hits} of {len(mine)} at {hour} in {name}"
        share = everybody[self._bin(best.hour)]
        known = f"{len(mine)} of her own are too few; " if mine else ""
        return best.at_us, EVERYBODY, f"{known}{share:,} of {total:,} of everybody's are at {hour}, in {name}"

    def _bin(self, hour: int) -> int:
        return hour if self.of_week else hour % HOURS

    def _ahead(self, since_us: int, name: str) -> Iterator[Hour]:
        """Hours that a clock shows from now on, with the instant at which each begins; the present one is now."""
        at_us = since_us
        while at_us <= since_us + self.within_us:
            yield Hour(at_us, hour_of_week(at_us, name))
            local = datetime.fromtimestamp(at_us // SECOND_US, zone(name))
            left_s = 3_600 - local.minute * 60 - local.second
            at_us = (at_us // SECOND_US + left_s) * SECOND_US

    def _fallback(self, since_us: int, name: str) -> tuple[int, str, str]:
        """The next instant at which her clock shows the time of day; now, if that is too far ahead."""
        clock = f"{self.fallback_s // 3_600:02}:{self.fallback_s % 3_600 // 60:02} in {name}"
        days = (one.at_us for one in self._ahead(since_us, name) if one.hour % HOURS == self.fallback_s // 3_600)
        for hour_us in days:
            local = datetime.fromtimestamp(hour_us // SECOND_US, zone(name))
            at_us = hour_us + (self.fallback_s % 3_600 - local.minute * 60 - local.second) * SECOND_US
            if since_us <= at_us <= since_us + self.within_us:
                return at_us, FALLBACK, f"nothing is known of her hours: {clock}"
        return since_us, FALLBACK, f"nothing is known of her hours, and {clock} is too far ahead"

    def on_timer(self, run: Run) -> Move:
        return put_off(self, run) or Move("it is the hour", goto=self.next)

    def words(self) -> str:
        hour = "hour of the week" if self.of_week else "hour of the day"
        return f"Wait for the {hour} at which the person engages most, at most {format_duration(self.within_us)}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:
    settings, path = raw["send_time"] or {}, f"{where}.send_time"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="within, fallback, weekdays")
    only(settings, {"within", "fallback", "weekdays"}, path)
    of_week = settings.get("weekdays", False)
    if not isinstance(of_week, bool):
        raise DefinitionError(f"{path}.weekdays", "needs true or false", got=of_week)
    return SendTime(
        step_id,
        following,
        within_us=_span(settings.get("within", "7d" if of_week else "24h"), f"{path}.within"),
        fallback_s=local_time.seconds(settings.get("fallback", "10:00"), f"{path}.fallback") % 86_400,
        of_week=of_week,
        slot=traits.slot(LATEST),
        everybody=traits.send_times,
        default_zone=traits.zone,
    )


def _span(raw: Any, path: str) -> int:
    try:
        found = parse_duration(raw)
    except ValueError as error:
        raise DefinitionError(path, str(error)) from error
    if not _SPANS_US[0] <= found <= _SPANS_US[1]:
        raise DefinitionError(path, "out of range", got=raw, wanted="1h to 7d")
    return found
