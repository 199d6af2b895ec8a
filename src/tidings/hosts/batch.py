"""One micro-batch: what it has gathered, how it is kept beside the state, and where it goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from tidings.domain.event import Event
from tidings.domain.message import CallIntent, EventIntent, HoldIntent, Intent, Intents, SendIntent, SuppressIntent
from tidings.domain.output import Fact, Outcome, OutputBlock
from tidings.domain.profile import ProfileState
from tidings.pipeline import Step
from tidings.state.base import Wake


class Sink(Protocol):
    """Where outputs go. Idempotent: the same number or id a second time changes nothing."""

    def put(self, block: OutputBlock, intents: Intents) -> None:
        """Take one block and its intents."""
        ...

    def last_seq(self) -> int:
        """The number of the last block taken."""
        ...

    def durable_seq(self) -> int:
        """Blocks up to this number survive a power cut."""
        ...


class Kept(msgspec.Struct, array_like=True):
    """An output as it is kept beside the state until it is safe elsewhere."""

    upto_offset: int
    outcomes: list[Outcome]
    facts: list[Fact]
    touched: list[str]
    sends: list[SendIntent]
    suppressions: list[SuppressIntent]
    events: list[EventIntent] = []
    calls: list[CallIntent] = []
    holds: list[HoldIntent] = []


class Batch:
    """What one micro-batch has gathered so far."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.facts: list[Fact] = []
        self.intents: list[Intent] = []
        self.touched: dict[str, ProfileState] = {}
        self.moved: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.seen: list[str] = []
        self.seen_us = 0
        self.unwakes: list[Wake] = []
        self.items: dict[str, bytes] = {}
        self.interests: dict[tuple[str, str], bool] = {}
        """(item id, profile id) to whether she must be told of it from now on."""

    def note_items(self, profile_id: str, before: set[str], after: set[str]) -> None:
        """Of which items she must be told changed."""
        for item in before ^ after:
            self.interests[item, profile_id] = item in after

    def take(self, step: Step) -> None:
        """What one input changed."""
        self.touched[step.state.profile_id] = step.state
        if step.facts:
            self.facts += step.facts
        if step.intents:
            self.intents += step.intents


def seen_key(event: Event) -> str:
    """By which copies of an event are known."""
    return f"{event.source}\n{event.event_id}"


def cut(batch: Batch, events: Sequence[Event], upto: int) -> None:
    """Make it a batch of the records below `upto`, whose events are these; the others are read again."""
    batch.outcomes = [one for one in batch.outcomes if one.offset < upto]
    batch.seen, batch.seen_us = [seen_key(event) for event in events], events[-1].received_us


def index(state: ProfileState, wakes: list[Wake], unwakes: list[Wake]) -> None:
    """Keep the profile in the wake-up index at or before its next due instant: one entry, moved only forward in time
    when it rings, so that a wait that is extended again and again costs no write.
    """
    due_us, indexed_us = state.next_due_us, state.indexed_us
    if due_us and (not indexed_us or due_us < indexed_us):
        if indexed_us:
            unwakes.append(Wake(indexed_us, state.profile_id))
        wakes.append(Wake(due_us, state.profile_id))
        state.indexed_us = due_us
