"""What is counted while history goes by: numbers per day, step and reason, and a few numbers for each person who was concerned.

Its size goes by the days, the steps and the people, never by the events.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from tidings.accumulate.numbers import millionths
from tidings.clock import DAY_US, HOUR_US, SECOND_US
from tidings.decide.reasons import SHADOW
from tidings.domain.event import Event
from tidings.domain.message import Intents, SendIntent
from tidings.domain.output import Fact, FactKind, OutputBlock
from tidings.domain.zones import zone

MAX_OUTCOMES = 10_000
"""Different endings told apart per journey while counting; an ending may have somebody's own values in it."""
MAX_OPEN = 20
"""Latest messages of one person that a purchase is compared with."""
OTHERWISE = "otherwise"
"""Endings beyond `MAX_OUTCOMES`."""
PEAK_US = 7 * DAY_US
"""The span of which the busiest one of each person is found."""


class Bought(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as a purchase."""

    names: frozenset[str]
    """Event names."""
    within_us: int
    """How long after a message one counts."""
    revenue: str
    """The property that has its worth."""


class JourneyTally(msgspec.Struct, kw_only=True):
    """One journey."""

    started: int = 0
    first_us: int = 0
    last_us: int = 0
    days: dict[str, int] = {}
    """Runs started by day."""
    hours: list[int] = msgspec.field(default_factory=lambda: [0] * 24)
    """Runs started by hour of day."""
    ways: dict[str, dict[str, int]] = {}
    """Step to following step (or ``exit``) to runs that went there."""
    ended_at: dict[str, int] = {}
    """Runs that ended, by the step where they were."""
    outcomes: dict[str, int] = {}
    """The same by how."""


class PersonTally(msgspec.Struct, array_like=True):
    """One person who entered or was written to."""

    entered: int = 0
    first_us: int = 0
    """When she entered first."""
    messages: int = 0
    peak: int = 0
    """Most messages within `PEAK_US`."""
    peak_us: int = 0
    """When the last of those was."""
    recent: list[int] = []
    """Instants of messages of the latest `PEAK_US`."""
    open: list[list[int]] = []
    """[instant, 1 if a purchase followed] of the latest messages."""


class Tally(msgspec.Struct, kw_only=True):
    """One version over the whole rehearsal."""

    journeys: dict[str, JourneyTally] = {}
    days: dict[str, dict[str, int]] = {}
    """Messages by day and category."""
    templates: dict[str, int] = {}
    """Messages by template."""
    refused: dict[str, dict[str, int]] = {}
    """Messages not sent, by category and reason."""
    calls: dict[str, int] = {}
    """Calls of webhooks, by name; nobody answers."""
    messages: int = 0
    followed: int = 0
    """Messages after which the person bought."""
    purchases: int = 0
    """Purchases that followed a message."""
    revenue_micro: int = 0
    """Their worth in millionths."""
    people: dict[str, PersonTally] = {}


def add(mine: Tally, other: Tally) -> None:
    """Put what was counted of other people to this."""
    for name, journey in other.journeys.items():
        _add_journey(mine.journeys.setdefault(name, JourneyTally()), journey)
    _add_nested(mine.days, other.days)
    _add_all(mine.templates, other.templates)
    _add_nested(mine.refused, other.refused)
    _add_all(mine.calls, other.calls)
    mine.messages += other.messages
    mine.followed += other.followed
    mine.purchases += other.purchases
    mine.revenue_micro += other.revenue_micro
    mine.people |= other.people


def _add_journey(mine: JourneyTally, other: JourneyTally) -> None:
    mine.started += other.started
    mine.first_us = min(filter(None, (mine.first_us, other.first_us)), default=0)
    mine.last_us = max(mine.last_us, other.last_us)
    _add_all(mine.days, other.days)
    mine.hours = [one + theirs for one, theirs in zip(mine.hours, other.hours, strict=True)]
    _add_nested(mine.ways, other.ways)
    _add_all(mine.ended_at, other.ended_at)
    _add_all(mine.outcomes, other.outcomes)


def _add_nested(mine: dict[str, dict[str, int]], other: dict[str, dict[str, int]]) -> None:
    for name, counts in other.items():
        _add_all(mine.setdefault(name, {}), counts)


def _add_all(mine: dict[str, int], other: dict[str, int]) -> None:
    for name, count in other.items():
        mine[name] = mine.get(name, 0) + count


class Counting:
    """The sink that counts. Before it is opened, and after it is closed, what is decided is not counted."""

    def __init__(self, bought: Bought, zone_name: str, tally: Tally | None = None) -> None:
        self.tally = tally or Tally()
        self.open = False
        self._bought = bought
        self._zone = zone(zone_name)
        self._hour: tuple[int, str, int] = (-1, "", 0)

    def last_seq(self) -> int:
        """See `Sink.last_seq`."""
        return 0

    def durable_seq(self) -> int:
        """See `Sink.durable_seq`."""
        return 0

    def put(self, block: OutputBlock, intents: Intents) -> None:
        """See `Sink.put`."""
        merged: dict[str, str] = {}
        for fact in block.facts:
            if fact.kind == FactKind.PROFILE_MERGED:
                self._merge(fact)
                merged[fact.subject] = fact.profile_id
            elif self.open and fact.kind in _OF_RUNS:
                self._run(fact)
        if self.open:
            for call in intents.calls:
                _add(self.tally.calls, call.webhook)
            for intent in intents.sends:
                self._message(intent, _survivor(merged, intent.profile_id))

    # Runs

    def _run(self, fact: Fact) -> None:
        journey = self.tally.journeys.setdefault(fact.subject, JourneyTally())
        step = fact.data["step"]
        if fact.kind == FactKind.RUN_STARTED:
            self._started(journey, fact)
        elif fact.kind == FactKind.RUN_ENDED:
            outcome = fact.data["outcome"]
            if outcome not in journey.outcomes and len(journey.outcomes) >= MAX_OUTCOMES:
                outcome = OTHERWISE
            _add(journey.outcomes, outcome)
            _add(journey.ended_at, step)
        elif fact.data["next"] not in ("", step):  # else it waits, or waits on
            _add(journey.ways.setdefault(step, {}), fact.data["next"])

    def _started(self, journey: JourneyTally, fact: Fact) -> None:
        day, hour = self._when(fact.known_us)
        journey.started += 1
        journey.first_us = min(journey.first_us or fact.known_us, fact.known_us)
        journey.last_us = max(journey.last_us, fact.known_us)
        _add(journey.days, day)
        journey.hours[hour] += 1
        person = self.tally.people.setdefault(fact.profile_id, PersonTally())
        person.entered += 1
        person.first_us = min(person.first_us or fact.known_us, fact.known_us)

    # Messages

    def _message(self, intent: SendIntent, profile_id: str) -> None:
        if intent.suppressed not in ("", SHADOW):  # what a journey in shadow mode would send is what is asked
            _add(self.tally.refused.setdefault(intent.category, {}), intent.suppressed)
            return
        at_us = intent.decided_us
        self.tally.messages += 1
        _add(self.tally.templates, intent.template)
        _add(self.tally.days.setdefault(self._when(at_us)[0], {}), intent.category)
        person = self.tally.people.setdefault(profile_id, PersonTally())
        person.messages += 1
        person.recent = [one for one in person.recent if one > at_us - PEAK_US]
        person.recent.append(at_us)
        if len(person.recent) > person.peak:
            person.peak, person.peak_us = len(person.recent), at_us
        person.open = [*person.open[1 - MAX_OPEN :], [at_us, 0]]

    def purchase(self, profile_id: str, event: Event) -> None:
        """She bought: which of her messages was before it, and not too long."""
        person = self.tally.people.get(profile_id)
        if person is None:
            return
        at_us = event.occurred_us
        before = [one for one in person.open if one[0] < at_us <= one[0] + self._bought.within_us]
        for one in before:
            self.tally.followed += not one[1]
            one[1] = 1
        if before:
            self.tally.purchases += 1
            self.tally.revenue_micro += millionths(event.properties.get(self._bought.revenue)) or 0

    def _merge(self, fact: Fact) -> None:
        """Two turn out to be one: what was counted of either is hers."""
        people = self.tally.people
        other = people.pop(fact.subject, None)
        if other is None:
            return
        mine = people.setdefault(fact.profile_id, PersonTally())
        mine.entered += other.entered
        mine.messages += other.messages
        mine.first_us = min(filter(None, (mine.first_us, other.first_us)), default=0)
        mine.peak, mine.peak_us = max((mine.peak, mine.peak_us), (other.peak, other.peak_us))
        mine.recent = sorted([*mine.recent, *other.recent])
        mine.open = sorted([*mine.open, *other.open])[-MAX_OPEN:]

    def _when(self, at_us: int) -> tuple[str, int]:
        """(day, hour of day) in the workspace's zone. Most instants are of the same hour as the one before."""
        hour = at_us // (HOUR_US // 4)  # zones differ by quarters of an hour
        if hour != self._hour[0]:
            local = datetime.fromtimestamp(at_us // SECOND_US, self._zone)
            self._hour = (hour, local.date().isoformat(), local.hour)
        return self._hour[1], self._hour[2]


_OF_RUNS = frozenset((FactKind.RUN_STARTED, FactKind.RUN_STEP, FactKind.RUN_ENDED))


def _survivor(merged: dict[str, str], profile_id: str) -> str:
    """Who is left of her after the merges of a block, which may have come after her message."""
    while profile_id in merged:
        profile_id = merged[profile_id]
    return profile_id


def _add(counts: dict[Any, int], name: Any) -> None:
    counts[name] = counts.get(name, 0) + 1
