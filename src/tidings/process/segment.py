"""Segments: named rules with live membership, judged when something they read changed or when their alarm rings.

Membership goes by *occurred* time: a rule is judged at the person's own clock (the latest instant that something
happened to her), and what would already have changed since then rings at once, with its own instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from tidings.domain import profile as profiles
from tidings.domain.instants import FIRST_US
from tidings.domain.profile import ProfileState
from tidings.rules.base import NEVER, Condition
from tidings.rules.compile import Judge

MAX_LOOKS = 100
"""Instants at which a rule could turn but does not that `turn` looks past."""


class Segment(msgspec.Struct, frozen=True):
    """A named rule."""

    name: str
    description: str
    rule: Condition
    version: str
    """Content hash of the definition."""
    judge: Judge
    """The rule, compiled."""


class Change(msgspec.Struct, frozen=True, gc=False):
    """A membership that changed."""

    segment: str
    entered: bool
    occurred_us: int


class Turn(msgspec.Struct, frozen=True, gc=False):
    """When membership changes next if nothing happens."""

    at_us: int
    enters: bool | None
    """Whether it is entered or left then; None when all that is known is that it does not change before."""


class Segments:
    """All segments of a workspace, with which of them read what."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.by_name = {segment.name: segment for segment in segments}
        self._readers: dict[str, tuple[Segment, ...]] = {}
        self._by_slots: dict[tuple[int, ...], tuple[Segment, ...]] = {}
        self._anybody: tuple[Segment, ...] | None = None
        for segment in segments:
            for read in dict.fromkeys(segment.rule.reads()):
                self._readers[read] = (*self._readers.get(read, ()), segment)

    def asking_for(self, purpose: str) -> tuple[Segment, ...]:
        """Segments that read the consent to this purpose."""
        return self._readers.get(f"consent:{purpose}", ())

    def touched(self, slots: tuple[int, ...], given: Sequence[str]) -> Iterable[Segment]:
        """Segments that read any of these slots or given traits, each once."""
        found = self._by_slots.get(slots)
        if found is None:
            found = self._by_slots[slots] = self._reading(f"slot:{slot}" for slot in slots)
        if given:
            more = self._reading(f"trait:{name}" for name in given)
            return {segment.name: segment for segment in (*found, *more)}.values()
        return found

    def first_look(self, touched: Iterable[Segment], slots: int) -> Iterable[Segment]:
        """Those touched, and those that may hold of somebody of whom nothing is known ("never bought"), each once.

        `slots` is how many values a state has.
        """
        if self._anybody is None:
            nobody = profiles.new("", "", slots)
            verdicts = [(one, one.rule.judge(nobody, FIRST_US)) for one in self.by_name.values()]
            self._anybody = tuple(one for one, verdict in verdicts if verdict.holds or verdict.next_us != NEVER)
        return {segment.name: segment for segment in (*touched, *self._anybody)}.values()

    def _reading(self, reads: Iterable[str]) -> tuple[Segment, ...]:
        found = {segment.name: segment for read in reads for segment in self._readers.get(read, ())}
        return tuple(found.values())

    def all(self) -> Iterable[Segment]:
        """Every segment."""
        return self.by_name.values()


def judge(state: ProfileState, segment: Segment, at_us: int, known_us: int) -> Change | None:
    """Judge one segment at `at_us`, known at `known_us`: note membership and alarm; the change, if any."""
    holds, next_us = segment.judge(state, at_us)
    name = segment.name
    if next_us:
        state.alarms[name] = [next_us, next_us if next_us > known_us else known_us]
    elif name in state.alarms:
        del state.alarms[name]
    if holds == (name in state.segments):
        return None
    if holds:
        state.segments[name] = at_us
    else:
        del state.segments[name]
    return Change(name, holds, at_us)


def turn(state: ProfileState, segment: Segment, at_us: int) -> Turn | None:
    """When she enters or leaves by time alone, after an instant; None when only what happens can change it."""
    holds, next_us = segment.judge(state, at_us)
    for _ in range(MAX_LOOKS):
        if next_us == NEVER:
            return None
        then, further_us = segment.judge(state, next_us)
        if then != holds:
            return Turn(next_us, then)
        at_us, next_us = next_us, further_us
    return Turn(at_us, None)
