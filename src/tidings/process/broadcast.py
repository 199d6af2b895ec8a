"""A broadcast: one message to a segment, now or at an instant, at each person's turn.

Under the hood it is a journey whose runs begin by a record to everybody: ``turn`` waits for the person's instant, ``still``
looks once more whether she is meant, ``send`` asks for the message. So caps, quiet hours, consent, ledger and explanations
are those of any journey.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from tidings.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, format_duration
from tidings.domain.profile import ProfileState
from tidings.domain.zones import zone
from tidings.ids import draw
from tidings.rules import local_time
from tidings.rules.base import Condition

TURN, STILL, SEND = "turn", "still", "send"
"""Ids of its steps."""
NOW, SKIP, NEXT_DAY = "now", "skip", "next_day"
"""What becomes of those in whose zone the time has passed when it begins."""
FIRST_ZONE = "Etc/GMT-14"
"""Where each day begins first."""


class Broadcast(msgspec.Struct, frozen=True, kw_only=True):
    """To whom and when."""

    segment: str
    """Members of it; empty when a rule says whom."""
    rule: Condition | None
    day: date | None
    """The day; None for now."""
    at_s: int
    """Seconds after midnight of that day."""
    local: bool
    """Whether that is by each person's own clock."""
    passed: str
    """What becomes of those for whom it has passed: `NOW`, `SKIP` or `NEXT_DAY`."""
    over_us: int
    """The span that it is spread over; 0 where the rate says."""
    rate_us: float
    """Else: microseconds per person."""
    zone: str
    """The zone of whoever has none, and of the instant when it is not local."""

    def begins_us(self, known_us: int) -> int:
        """When it begins for everybody: at the earliest instant that somebody's turn can be. `known_us` or earlier for at once."""
        if self.day is None:
            return known_us
        return _instant_us(self.day, self.at_s, FIRST_ZONE if self.local else self.zone)

    def last_us(self) -> int:
        """The instant after which nobody's clock shows it any more; 0 for now."""
        return _instant_us(self.day, self.at_s, "Etc/GMT+12" if self.local else self.zone) if self.day else 0

    def span_us(self, audience: int) -> int:
        """Over how long so many people are spread."""
        return self.over_us or int(audience * self.rate_us)

    def has(self, state: ProfileState, at_us: int) -> bool:
        """Whether she is meant."""
        if self.rule is not None:
            return self.rule.judge(state, at_us).holds
        return self.segment in state.segments

    def turn(self, state: ProfileState, begun_us: int) -> tuple[int, str]:
        """(Her instant, 0 for never; in words), before the spreading."""
        if self.day is None or not self.local:
            return begun_us, ""
        name = local_time.zone_name(state, self.zone)
        at_us, shown = _instant_us(self.day, self.at_s, name), f"{_clock(self.at_s)} in {name}"
        if at_us >= begun_us or self.passed == NOW:
            return max(at_us, begun_us), shown
        if self.passed == SKIP:
            return 0, f"{shown} had passed"
        later = self.day
        while at_us < begun_us:
            later += timedelta(days=1)
            at_us = _instant_us(later, self.at_s, name)
        return at_us, f"{shown}, which had passed on the day itself"

    def words(self) -> str:
        """It in a sentence."""
        meant = f"segment {self.segment}" if self.rule is None else "whoever the rule holds of"
        when = "now"
        if self.day is not None:
            clock = "each person's own clock" if self.local else self.zone
            when = f"{self.day.isoformat()} {_clock(self.at_s)} by {clock}"
        spread = f"over {format_duration(self.over_us)}" if self.over_us else f"{_rate(self.rate_us)}"
        return f"To {meant}: {when}, {spread}"


_SPANS = ((SECOND_US, "a second"), (MINUTE_US, "a minute"), (HOUR_US, "an hour"), (DAY_US, "a day"))


def _rate(rate_us: float) -> str:
    """How many people in the shortest span that makes it one or more."""
    if not rate_us:
        return "as fast as it goes"
    span, name = next(((us, name) for us, name in _SPANS if us >= rate_us), _SPANS[-1])
    said = f"{span / rate_us:.4g}"
    return f"{said} {'person' if said == '1' else 'people'} {name}"


def _clock(at_s: int) -> str:
    return f"{at_s // 3_600:02}:{at_s % 3_600 // 60:02}"


def _instant_us(day: date, at_s: int, name: str) -> int:
    """When the clocks of a zone show it; where they skip it, as much later. The first time where they show it twice."""
    local = datetime(day.year, day.month, day.day, tzinfo=zone(name)) + timedelta(seconds=at_s)
    return int(local.timestamp()) * SECOND_US


def item_of(broadcast: Broadcast, state: ProfileState, start: str, audience: int, begun_us: int) -> dict[str, Any]:
    """What a run of it is given: the start it belongs to, and her instant with its words."""
    turn_us, words = broadcast.turn(state, begun_us)
    if turn_us:
        turn_us += int(draw("broadcast", start, state.profile_id) * broadcast.span_us(audience))
    return {"start": start, "turn_us": turn_us, "turn": words}
