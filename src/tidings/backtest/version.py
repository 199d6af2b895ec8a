"""One version under rehearsal: definitions cut down to what they need, a driver, and what is counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

import msgspec

from tidings.backtest.drive import RehearsalDriver
from tidings.backtest.history import Moment, Passing, passing
from tidings.backtest.narrow import Warming, narrowed
from tidings.backtest.result import JourneyResult, PersonResult, Purchases, StepResult, VersionResult
from tidings.backtest.tally import OTHERWISE, Bought, Counting, JourneyTally, Tally
from tidings.clock import format_duration, iso
from tidings.domain.item import ItemChange
from tidings.domain.message import EventIntent
from tidings.pipeline import Pipeline
from tidings.process import journey as journeys
from tidings.process.journey import Journey
from tidings.process.steps.base import EXIT, Step
from tidings.workspace import Definitions

MAX_SHOWN = 50
"""Endings of a journey that are told apart in a result."""


class Kept(msgspec.Struct, kw_only=True):
    """A version as it is kept when a backtest is interrupted."""

    label: str
    version: str
    """Content of the journeys, so that no other ones go on with it."""
    tally: Tally
    open: bool
    links: dict[str, str]
    people: list[tuple[str, bytes]]
    coming: list[tuple[int, str, EventIntent]]


class Version:
    """See above."""

    def __init__(
        self,
        label: str,
        definitions: Definitions,
        names: Sequence[str],
        bought: Bought,
        *,
        assume_consent: Collection[str] = (),
        assume_address: bool = False,
        late: bool = True,
    ) -> None:
        """`names`: the journeys that run. Categories of `assume_consent` take everybody who never said no as consenting.

        `late`: whether events may be known later than they happened; see `narrowed`.
        """
        narrow = narrowed(_consenting(definitions, assume_consent), names, late=late)
        self.label = label
        self.definitions = narrow
        self._bought = bought
        self._playing = Pipeline(narrow)
        self._quiet = Warming(narrow)
        self.names = self._playing.concerned() | bought.names
        self.clocks = self._playing.goes_by_clock
        self.sink = Counting(bought, narrow.layout.zone)
        self.known_as = self.identifiers
        """Tells the identifiers of a person, wherever she is."""
        self.driver = RehearsalDriver(
            self._quiet, self.sink, assume_address=assume_address, watched=bought.names, watch=self.sink.purchase
        )

    def wants(self, change: ItemChange) -> bool:
        """Whether a journey is about this change of an item."""
        return self._playing.wants(change)

    @property
    def looks_at_items(self) -> bool:
        """Whether any is about items at all."""
        return bool(self._playing.item_slots)

    @property
    def key(self) -> str:
        """Tells one version from another."""
        return " ".join([self.label, *(f"{one.name}@{one.version}" for one in self.definitions.journeys.values())])

    def take(self, moments: Iterable[Moment]) -> None:
        """Process these, in order."""
        self.driver.take(self._own(moments))

    def _own(self, moments: Iterable[Moment]) -> Iterator[Moment]:
        """Of what all versions asked for, what this one needs; of the rest, what may pass."""
        for one in moments:
            if isinstance(one, Passing) or one.name in self.names or one.kind in ("identify", "alias"):
                yield one
            elif self.clocks or (one.user_id and one.anonymous_id):
                yield passing(one)

    def begin(self, at_us: int) -> None:
        """From this instant on runs begin, and are counted."""
        self.driver.let_time_pass(at_us - 1)
        self.driver.follow(self._playing)
        self.sink.open = True

    def end(self, at_us: int) -> None:
        """The clock stops: nothing from this instant on is decided. Purchases may still be told."""
        self.driver.let_time_pass(at_us - 1)
        self.driver.follow(self._quiet)
        self.sink.open = False

    # What came out

    def result(self, seen_until_us: int) -> VersionResult:
        """What was counted."""
        tally = self.sink.tally
        by_messages: dict[int, int] = {}
        for person in tally.people.values():
            if person.messages:
                by_messages[person.messages] = by_messages.get(person.messages, 0) + 1
        return VersionResult(
            label=self.label,
            journeys=[_journey(one, tally.journeys.get(name)) for name, one in self.definitions.journeys.items()],
            entered=sum(1 for one in tally.people.values() if one.entered),
            messages=tally.messages,
            per_day={day: dict(sorted(counts.items())) for day, counts in sorted(tally.days.items())},
            per_template=_most_first(tally.templates),
            refused={category: _most_first(counts) for category, counts in sorted(tally.refused.items())},
            people_by_messages=dict(sorted(by_messages.items())),
            most=self._most(),
            bought=Purchases(
                events=sorted(self._bought.names),
                within=format_duration(self._bought.within_us),
                followed=tally.followed,
                purchases=tally.purchases,
                revenue=tally.revenue_micro / 1_000_000,
                seen_until=iso(seen_until_us),
            ),
        )

    def identifiers(self, profile_id: str) -> list[str]:
        """Identifiers of a person; none when she is not here."""
        state = self.driver.person(profile_id)
        return [f"{kind}:{value}" for kind, value in state.identifiers] if state is not None else []

    def _most(self) -> PersonResult | None:
        people = self.sink.tally.people
        who = max(people, key=lambda one: (people[one].peak, people[one].messages, one), default="")
        if not who or not people[who].messages:
            return None
        found = people[who]
        return PersonResult(
            profile_id=who,
            known_as=self.known_as(who),
            messages=found.messages,
            peak=found.peak,
            peak_at=iso(found.peak_us),
        )

    # Interruption

    def keep(self) -> Kept:
        """All of it."""
        return Kept(
            label=self.label,
            version=self.key,
            tally=self.sink.tally,
            open=self.sink.open,
            links=self.driver.links(),
            people=list(self.driver.people()),
            coming=self.driver.coming(),
        )

    def go_on(self, kept: Kept) -> None:
        """Where another one was interrupted."""
        self.sink.tally = kept.tally
        self.driver.restore(kept.people, kept.links, kept.coming)
        if kept.open:
            self.driver.follow(self._playing)
            self.sink.open = True


def _consenting(definitions: Definitions, categories: Collection[str]) -> Definitions:
    policies = {
        name: msgspec.structs.replace(one, consent=False) if name in categories else one
        for name, one in definitions.policies.items()
    }
    return msgspec.structs.replace(definitions, policies=policies)


def _journey(journey: Journey, tally: JourneyTally | None) -> JourneyResult:
    found = tally or JourneyTally()
    arrived = {journey.first: found.started}
    for ways in found.ways.values():
        for following, runs in ways.items():
            arrived[following] = arrived.get(following, 0) + runs
    return JourneyResult(
        journey=journey.name,
        version=journey.version,
        entry=journeys.words(journey)[0].removeprefix("Entry: "),
        started=found.started,
        first=iso(found.first_us) if found.first_us else "",
        last=iso(found.last_us) if found.last_us else "",
        per_day=dict(sorted(found.days.items())),
        per_hour=found.hours,
        steps=[_step(step, arrived.get(name, 0), found) for name, step in journey.steps.items()],
        outcomes=_shown(found.outcomes),
    )


def _step(step: Step, arrived: int, found: JourneyTally) -> StepResult:
    ways = found.ways.get(step.id, {})
    left = max(0, found.ended_at.get(step.id, 0) - ways.get(EXIT, 0))
    gone = sum(ways.values()) + left
    arrived = max(arrived, gone)  # parallel paths begin at their first steps, and nobody is told
    return StepResult(
        step=step.id,
        kind=step.kind,
        words=step.words(),
        arrived=arrived,
        ways=_most_first(ways),
        left=left,
        waiting=arrived - gone,
    )


def _shown(outcomes: dict[str, int]) -> dict[str, int]:
    """The most frequent endings; all others are one."""
    found = list(_most_first(outcomes).items())
    shown = dict(found[:MAX_SHOWN])
    if others := sum(count for _, count in found[MAX_SHOWN:]):
        shown[OTHERWISE] = shown.get(OTHERWISE, 0) + others
    return shown


def _most_first(counts: dict[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
