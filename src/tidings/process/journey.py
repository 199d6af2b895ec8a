"""A journey: a versioned graph of steps, with who enters it, when, and what ends its runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from tidings.clock import format_duration
from tidings.domain.filter import EventFilter
from tidings.process.steps.base import Step
from tidings.process.watch import Awaited, Reads, Watched
from tidings.rules.base import Condition


class Journey(msgspec.Struct, frozen=True, kw_only=True):
    """One version of one journey."""

    name: str
    version: str
    """Content hash of the definition."""
    description: str
    entry: EventFilter | None
    """Events that start a run."""
    entry_segment: str
    """Segment whose entering starts a run; empty for none."""
    reentry_us: int
    """A new run may start so long after the last one ended; -1 for never again."""
    exit_on: tuple[EventFilter, ...]
    """Events that end a run wherever it waits."""
    steps: Mapping[str, Step]
    """By id, in order."""
    goal: Awaited | None = None
    """What the journey is for: when it comes a run ends, wherever it waits, and counts as one that reached it."""
    exit_if: tuple[Awaited, ...] = ()
    """Rules that end a run when one becomes true, wherever it waits."""
    watched: Mapping[str, tuple[Watched, ...]] = {}
    """Step id to the rules that a run waiting there watches: of the goal, the exits and the step."""
    reads: Reads | None = None
    """What these rules look at; None when there is none."""

    @property
    def first(self) -> str:
        """Id of the first step."""
        return next(iter(self.steps))

    def touched(self, slots: Sequence[int], given: Sequence[str], purpose: str) -> bool:
        """Whether a rule that runs watch reads any of these slots, given traits, or the consent to this purpose."""
        return self.reads is not None and self.reads.touched(slots, given, purpose)

    def listens(self) -> set[str]:
        """Names of events that matter to runs of this journey."""
        ends = [
            *(self.goal.names() if self.goal is not None else ()),
            *(name for one in self.exit_on for name in one.names),
        ]
        return {*ends, *(name for step in self.steps.values() for name in step.listens())}

    def rules(self) -> Iterator[tuple[str, Condition]]:
        """(where, rule) of each rule in it: ``branch worth_it``, ``goal``, ``exit_if``, ``wait_until a_day``."""
        ends = [*([("goal", self.goal)] if self.goal is not None else []), *(("exit_if", one) for one in self.exit_if)]
        yield from ((where, one.rule) for where, one in ends if one.rule is not None)
        for step in self.steps.values():
            kind = type(step).__module__.rpartition(".")[2]
            yield from ((f"{kind} {step.id}", rule) for rule in step.rules())

    def filters(self) -> Iterator[EventFilter]:
        """Filters of events that its runs wait for."""
        yield from self.exit_on
        waited = [
            *([self.goal] if self.goal is not None else []),
            *(one for step in self.steps.values() for one in step.awaits()),
        ]
        yield from (one.event for one in waited if one.event is not None)


def words(journey: Journey) -> Sequence[str]:
    """The journey for people, a line a step."""
    entry = journey.entry.words() if journey.entry is not None else f"enters segment {journey.entry_segment}"
    after = (
        f"again {format_duration(journey.reentry_us)} after the last run" if journey.reentry_us else "again and again"
    )
    again = "only once" if journey.reentry_us < 0 else after
    return [
        f"Entry: {entry} ({again})",
        *ending_words(journey),
        *(f"{step.id}: {step.words()}" for step in journey.steps.values()),
    ]


def ending_words(journey: Journey) -> list[str]:
    """What ends its runs wherever they wait, for people."""
    goal = [f"Goal: {journey.goal.words()}"] if journey.goal is not None else []
    exits = [*(one.words() for one in journey.exit_on), *(one.words() for one in journey.exit_if)]
    return [*goal, *([f"Leaves at once: {' or '.join(exits)}"] if exits else [])]
