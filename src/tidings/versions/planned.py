"""What a plan says: the difference of two versions and its effect on real people. See hosts/plan.py for how it is found."""

from __future__ import annotations

import msgspec

from tidings.process.steps.base import EXIT
from tidings.versions.changed import ChangedDefinition
from tidings.versions.effect import SegmentEffect
from tidings.versions.mistyped import Mistyped
from tidings.versions.needs import Need


class Messages(msgspec.Struct, frozen=True, kw_only=True):
    """Messages that one template would make."""

    template: str
    send: int
    """Decided to send."""
    refused: dict[str, int]
    """Decided not to, by reason."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody in a sample."""

    profile_id: str
    name: str = ""
    email: str = ""
    user_id: str = ""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """Active runs that wait at one step of one version."""

    version: str
    step: str
    runs: int
    to: str = ""
    """The step of the new version where they go on, or ``exit``; empty when they stay."""

    def words(self) -> str:
        """For people: ``12 wait at a_day of 3f2a91c04b7d: go on at two_days``."""
        goes = "leave" if self.to == EXIT else f"go on at {self.to} of the new version" if self.to else "stay"
        return f"{self.runs:,} at {self.step} of {self.version}: {goes}"


class Touched(msgspec.Struct, frozen=True, kw_only=True):
    """A journey that the change touches, and its active runs by the version that they keep."""

    journey: str
    why: str
    runs: dict[str, int]
    changed: bool = True
    """Whether the journey itself has another version; else what it is made of changes, for active runs too."""
    waiting: list[Waiting] = []
    """Runs of earlier versions by where they wait, and where each goes, when the journey itself changes."""

    def words(self) -> str:
        """What becomes of its active runs, for people."""
        runs = ", ".join(f"{count:,} in version {version}" for version, count in sorted(self.runs.items()))
        if not runs:
            return "no active runs"
        if not self.changed:
            return f"active runs {runs}; what changed holds for them too"
        moved = any(one.to for one in self.waiting)
        return f"active runs {runs}; {'they go where `moves` says' if moved else 'they end on their version'}"


class NextDay(msgspec.Struct, frozen=True, kw_only=True):
    """Messages of the next 24 hours, if nobody does anything."""

    people: int
    """People looked at."""
    cut: bool
    """Whether there were more, who were not."""
    before: list[Messages]
    after: list[Messages]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    plan: str
    """Its name, for `tidings apply --plan`."""
    running: str
    version: str
    offset: int
    """Place in the log that it looked at."""
    at_us: int
    definitions: list[ChangedDefinition]
    segments: list[SegmentEffect]
    people: dict[str, Person]
    """Who is in the samples, by id."""
    journeys: list[Touched]
    next_day: NextDay
    needs: list[Need]
    mistyped: list[Mistyped] = []
    """Properties that events have with another type than what is new or changed asks for."""
    notes: list[str]
    """What `tidings validate` notes, and runs that could not go on."""
