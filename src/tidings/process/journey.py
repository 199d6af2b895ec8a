"""A journey: a versioned graph of steps, with who enters it, when, and what ends its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from tidings.domain.filter import EventFilter
from tidings.domain.profile import ProfileState
from tidings.process import admission
from tidings.process.admission import Rules
from tidings.process.broadcast import Broadcast
from tidings.process.entries.base import Entry
from tidings.process.moves import Moves
from tidings.process.results import FEEDBACK
from tidings.process.steps.base import Step
from tidings.process.watch import Awaited, Reads, Watched
from tidings.rules.base import Condition

PRIORITIES = ("low", "normal", "high")
"""What a journey may say of itself, by rank."""


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one journey."""

    name: str
    version: str
    """Content hash of the definition."""
    description: str
    entries: Sequence[Entry]
    """What starts a run: any of these. None in an earlier version, which nobody enters any more."""
    admits: Rules = Rules()
    """How often one gets in."""
    exit_on: tuple[EventFilter, ...]
    """Events that end a run wherever it waits."""
    steps: Mapping[str, Step]
    """By id, in order."""
    moves: Moves = {}
    """Where runs of earlier versions go on."""
    goal: Awaited | None = None
    """What the journey is for: when it comes a run ends, wherever it waits, and counts as one that reached it."""
    exit_if: tuple[Awaited, ...] = ()
    """Rules that end a run when one becomes true, wherever it waits."""
    watched: Mapping[str, tuple[Watched, ...]] = {}
    """Step id to the rules that a run waiting there watches: of the goal, the exits and the step."""
    reads: Reads | None = None
    """What these rules look at; None when there is none."""
    holdout: int = 0
    """How many in a hundred get none of its messages; 0 for nobody."""
    shadow: bool = False
    """Whether it decides and does nothing: its messages are recorded, see decide/shadow.py; what it wants outside is left."""
    asked: frozenset[str] = frozenset()
    """Steps of which it is kept what came of them, as others go by it."""
    priority: str = "normal"
    """One of `PRIORITIES`: whose messages go first when several want one person; see decide/arbitration.py."""
    broadcast: Broadcast | None = None
    """Of a broadcast: to whom and when. Its runs begin by a record to everybody, and nothing else."""

    @property
    def first(self) -> str:
        """Id of the first step."""
        return next(iter(self.steps))

    def denied(self, state: ProfileState, entry: int) -> str:
        """Why a run that this entry (by number) began late was begun wrongly, as is known by now; empty if it was not."""
        return self.entries[entry].denied(state) if entry < len(self.entries) else ""

    def touched(self, slots: Sequence[int], given: Sequence[str], purpose: str) -> bool:
        """Whether a rule that runs watch reads any of these slots, given traits, or the consent to this purpose."""
        return self.reads is not None and self.reads.touched(slots, given, purpose)

    def rules(self) -> Iterator[tuple[str, Condition]]:
        """(where, rule) of each rule in it: ``entry``, ``goal``, ``exit_if``, ``branch worth_it``, ``wait_until a_day``."""
        yield from (("entry", rule) for entry in self.entries for rule in entry.rules())
        ends = [*([("goal", self.goal)] if self.goal is not None else []), *(("exit_if", one) for one in self.exit_if)]
        yield from ((where, one.rule) for where, one in ends if one.rule is not None)
        for step in self.steps.values():
            yield from ((f"{step.kind} {step.id}", rule) for rule in step.rules())

    def filters(self) -> Iterator[EventFilter]:
        """Filters of events that it has: those that begin its runs, and those that they wait for."""
        yield from (named for entry in self.entries for named in entry.filters())
        yield from self.exit_on
        waited = [*([self.goal] if self.goal is not None else [])]
        waited += [one for step in self.steps.values() for one in step.awaits()]
        yield from (one.event for one in waited if one.event is not None)

    def listens(self) -> set[str]:
        """Names of events that matter to runs of this journey."""
        ends = [*self.exit_on, *([self.goal.event] if self.goal is not None and self.goal.event is not None else [])]
        names = {name for one in ends for name in one.names}
        names |= {name for step in self.steps.values() for name in step.listens()}
        return names.union(FEEDBACK) if self._asks_of_messages() else names

    def _asks_of_messages(self) -> bool:
        return any("accepted" in self.steps[one].results() for one in self.asked)

    def reaches_out(self) -> bool:
        """Whether a step wants things done outside."""
        return any(step.reaches_out() for step in self.steps.values())


class Way(msgspec.Struct, frozen=True):
    """One way into a journey."""

    journey: Journey
    number: int
    """Of the entry, in the journey."""
    entry: Entry


def ways(journeys: Iterable[Journey]) -> Iterator[Way]:
    """All ways into these journeys, in order."""
    for journey in journeys:
        for number, entry in enumerate(journey.entries):
            yield Way(journey, number, entry)


def entry_words(journey: Journey) -> str:
    """What starts a run, for people."""
    if journey.broadcast is not None:
        return journey.broadcast.words()
    return " or ".join(entry.words() for entry in journey.entries) or "none, as it is an earlier version"


def words(journey: Journey) -> Sequence[str]:
    """The journey for people, a line a step."""
    return [
        f"Entry: {entry_words(journey)} ({admission.words(journey.admits)})",
        *ending_words(journey),
        *priority_words(journey),
        *(f"{step.id}: {step.words()}" for step in journey.steps.values()),
    ]


def ending_words(journey: Journey) -> list[str]:
    """What ends its runs wherever they wait, for people."""
    goal = [f"Goal: {journey.goal.words()}"] if journey.goal is not None else []
    exits = [*(one.words() for one in journey.exit_on), *(one.words() for one in journey.exit_if)]
    return [*goal, *([f"Leaves at once: {' or '.join(exits)}"] if exits else [])]


def priority_words(journey: Journey) -> list[str]:
    """Whose messages go first, for people; nothing for the usual."""
    return [] if journey.priority == "normal" else [f"Priority of its messages: {journey.priority}"]
