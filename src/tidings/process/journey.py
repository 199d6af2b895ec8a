"""A journey: a versioned graph of steps, with who enters it, when, and what ends its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from tidings.clock import format_duration
from tidings.domain.profile import ProfileState
from tidings.process.entries.base import Entry
from tidings.process.results import FEEDBACK
from tidings.process.steps.base import Step

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
    reentry_us: int
    """A new run may start so long after the last one ended; -1 for never again."""
    exit_on: tuple[str, ...]
    """Events that end a run wherever it waits."""
    steps: Mapping[str, Step]
    """By id, in order."""
    asked: frozenset[str] = frozenset()
    """Steps of which it is kept what came of them, as others go by it."""
    priority: str = "normal"
    """One of `PRIORITIES`: whose messages go first when several want one person; see decide/arbitration.py."""

    @property
    def first(self) -> str:
        """Id of the first step."""
        return next(iter(self.steps))

    def denied(self, state: ProfileState, entry: int) -> str:
        """Why a run that this entry (by number) began late was begun wrongly, as is known by now; empty if it was not."""
        return self.entries[entry].denied(state) if entry < len(self.entries) else ""

    def listens(self) -> set[str]:
        """Names of events that matter to runs of this journey."""
        names = {*self.exit_on, *(name for step in self.steps.values() for name in step.listens())}
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
    return " or ".join(entry.words() for entry in journey.entries) or "none, as it is an earlier version"


def words(journey: Journey) -> Sequence[str]:
    """The journey for people, a line a step."""
    after = (
        f"again {format_duration(journey.reentry_us)} after the last run" if journey.reentry_us else "again and again"
    )
    again = "only once" if journey.reentry_us < 0 else after
    return [
        f"Entry: {entry_words(journey)} ({again})",
        *(f"{step.id}: {step.words()}" for step in journey.steps.values()),
    ]
