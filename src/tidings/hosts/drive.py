"""Driving the core: read the log in order, load states, run the pipeline, commit once, hand on what came out.

Every host uses this one file; they differ in their ports and their clock. It decides nothing: order, state and timers are
the pipeline's. What makes a crash harmless: outputs commit in the same atomic write as state and offset, and are handed
on afterwards under their running number; after a crash what was not handed on is handed on again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Protocol

import msgspec

from tidings.clock import SECOND_US
from tidings.domain import profile as profiles
from tidings.domain import wire
from tidings.domain.control import change_of, is_change
from tidings.domain.event import Event, Rejected
from tidings.domain.message import CallIntent, EventIntent, Intent, Intents, SendIntent, SuppressIntent, by_kind
from tidings.domain.output import APPLIED, DUPLICATE, REJECTED, Fact, FactKind, Outcome, OutputBlock, event_cause
from tidings.domain.profile import ProfileState
from tidings.domain.record import LogBlock
from tidings.errors import CorruptData
from tidings.hosts.changes import SWEEP, Changes
from tidings.log.base import Log
from tidings.pipeline import Pipeline, Step
from tidings.process import identity
from tidings.state.base import Commit, StateStore, Wake, moved, moved_to

MAX_WAKES = 500
"""Profiles woken in one micro-batch: no timer waits long for the commit of the others."""
MAX_FACTS = 20_000
"""Facts of one micro-batch, from which on the rest of it waits for the next: one person may make thousands, when her last event is
years back."""
BESIDE_TIMERS = 500
"""Records in one micro-batch while timers are due, so that these do not wait long behind events."""
SOON_US = SECOND_US
"""Timers due within this are about to be due."""
DROP_EVERY = 64
"""Output blocks between two looks at which of them are safe elsewhere."""


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


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Kept)


def _nothing(point: str) -> None:
    """The default checkpoint."""


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


class Driver:
    """One keyed core over one log. Not thread-safe; one per process."""

    def __init__(
        self,
        pipeline: Pipeline,
        log: Log,
        state: StateStore,
        sink: Sink,
        *,
        max_batch: int = 5_000,
        cache: int = 50_000,
        checkpoint: Callable[[str], None] = _nothing,
        changes: Changes | None = None,
    ) -> None:
        """`checkpoint` is called at named points; the test kit crashes there. `changes` are followed if given."""
        self._changes = changes
        self._pipeline = pipeline
        self._layout = pipeline.definitions.layout
        self._log = log
        self._state = state
        self._sink = sink
        self._max_batch = max_batch
        self._cache = cache
        self._checkpoint = checkpoint
        self._live: dict[str, ProfileState] = {}
        self._links: dict[str, str] = {}
        self.offset, self._seq = state.position()
        self.complete_us = 0
        """All records taken by the log up to this instant have been processed."""
        log.fence(state.fired_us())  # a log's own note of it need not survive a power cut
        self._recover()

    @property
    def reaches_out(self) -> bool:
        """Whether a journey wants things done outside."""
        return self._pipeline.reaches_out

    def _recover(self) -> None:
        """Hand on again what a crash may have kept from being handed on. Raises CorruptData on foreign outputs."""
        if self._sink.last_seq() > self._seq:
            msg = (
                f"state: it ends with output {self._seq}, but {self._sink.last_seq()} were handed on; state and outputs are "
                f"not of one age: restore both from the same backup, or delete state, outputs and serving copy to rebuild"
            )
            raise CorruptData(msg)
        for seq, data in self._state.outputs(min(self._sink.last_seq(), self._sink.durable_seq())):
            kept = _DECODER.decode(data)
            stored = zip(kept.touched, self._state.states(kept.touched), strict=True)
            shown = [(one, b"" if raw is None or moved_to(raw) else raw) for one, raw in stored]
            block = OutputBlock(seq, kept.upto_offset, kept.outcomes, kept.facts, shown)
            self._sink.put(block, Intents(kept.sends, kept.suppressions, kept.events, kept.calls))

    # One micro-batch of events

    def run_batch(self) -> int:
        """Process the next records of the log; how many there were."""
        blocks = self._log.read(self.offset, self._portion())
        if not blocks:
            return 0
        end_us = self._state.generation(blocks[0].taken_us).end_us
        blocks = _upto_change([block for block in blocks if block.taken_us < end_us])
        if is_change(blocks[0].records[0]):
            return self._change(blocks[0])
        batch = Batch()
        events = self._accept(blocks, batch)
        self._prefetch(events)
        find = self._find(batch)
        upto, taken_us = self.offset + sum(len(block.records) for block in blocks), blocks[-1].taken_us
        for number, event in enumerate(events, 1):
            self._apply(event, batch, find)
            if len(batch.facts) >= MAX_FACTS:
                upto, taken_us = event.offset + 1, event.received_us
                _cut(batch, events[:number], upto)
                break
        count = upto - self.offset
        self._commit(batch, upto)
        self._note_complete(taken_us)
        return count

    def _portion(self) -> int:
        """How many records the next micro-batch asks for. However many, the results are the same."""
        due_us = self._state.next_due_us()
        soon = due_us and self.complete_us and due_us <= self.complete_us + SOON_US
        return min(BESIDE_TIMERS, self._max_batch) if soon else self._max_batch

    def _note_complete(self, taken_us: int) -> None:
        """All is processed up to a record that was taken at this instant; others of the same block may follow."""
        whole = self._log.head() == self.offset or self._starts_block(self.offset, taken_us)
        self.complete_us = taken_us if whole else taken_us - 1

    def _starts_block(self, offset: int, taken_us: int) -> bool:
        following = self._log.read(offset, 1)
        return not following or following[0].taken_us != taken_us

    def _accept(self, blocks: list[LogBlock], batch: Batch) -> list[Event]:
        """Events of these blocks that are neither bad nor seen before; the others get their outcome here."""
        events: list[Event] = []
        ids: list[str] = []
        for block in blocks:
            taken_us = block.taken_us
            for index, record in enumerate(block.records):
                offset = block.first_offset + index
                event = wire.normalise(record, offset, taken_us, context=False)
                if isinstance(event, Rejected):
                    reason = f"{event.reason}: {event.detail}"
                    batch.outcomes.append(Outcome(offset, REJECTED, record.source, "", reason))
                else:
                    events.append(event)
                    ids.append(_seen_key(event))
        fresh: list[Event] = []
        taken: set[str] = set()
        for event, key, seen in zip(events, ids, self._state.seen(ids, blocks[0].taken_us), strict=True):
            if seen or key in taken:
                batch.outcomes.append(Outcome(event.offset, DUPLICATE, event.source))
            else:
                taken.add(key)
                fresh.append(event)
        batch.seen = list(taken)
        batch.seen_us = blocks[-1].taken_us
        return fresh

    def _prefetch(self, events: list[Event]) -> None:
        """Look up all identifiers and states of a batch in two reads."""
        links = self._links
        keys: set[str] = set()
        for event in events:
            if event.user_id and not event.profile_id:
                keys.add(f"user_id:{event.user_id}")
            if event.anonymous_id and not event.profile_id:
                keys.add(f"anonymous_id:{event.anonymous_id}")
            if event.previous_id:
                keys.update((f"user_id:{event.previous_id}", f"anonymous_id:{event.previous_id}"))
        unknown = [key for key in keys if key not in links]
        for key, profile_id in zip(unknown, self._state.links(unknown), strict=True):
            if profile_id is not None:
                links[key] = profile_id
        found = {links[key] for key in keys if key in links} | {
            event.profile_id for event in events if event.profile_id
        }
        self._load_many([profile_id for profile_id in found if profile_id not in self._live])

    def _load_many(self, profile_ids: list[str]) -> None:
        for profile_id, raw in zip(profile_ids, self._state.states(profile_ids), strict=True):
            if raw is not None and not moved_to(raw):
                self._live[profile_id] = profiles.decode(raw)

    def _find(self, batch: Batch) -> identity.Find:
        links, live = self._links, self._live

        def find(kind: str, value: str) -> str:
            profile_id = value if kind == "profile" else links.get(f"{kind}:{value}", "")
            return profile_id if not profile_id or profile_id in live else self._survivor(profile_id, batch)

        return find

    def _survivor(self, profile_id: str, batch: Batch) -> str:
        """Follow merges to the profile that lives."""
        for _ in range(identity.MAX_IDENTIFIERS):
            if profile_id in self._live:
                return profile_id
            survivor = batch.moved.get(profile_id)
            if survivor is None:
                raw = self._state.states([profile_id])[0]
                survivor = moved_to(raw) if raw is not None else ""
            if not survivor:
                return profile_id
            profile_id = survivor
        return profile_id

    def _load(self, profile_id: str) -> ProfileState | None:
        state = self._live.get(profile_id)
        if state is None:
            self._load_many([profile_id])
            state = self._live.get(profile_id)
        return state

    def _apply(self, event: Event, batch: Batch, find: identity.Find) -> None:
        resolution = identity.resolve(event, find, self._load)
        profile_id = resolution.profile_id
        state = self._load(profile_id)
        if state is None:
            state = self._live[profile_id] = self._new(profile_id)
            founded, cause = resolution.founded or "profile", event_cause(event.offset)
            batch.facts.append(
                Fact(FactKind.PROFILE_CREATED, profile_id, founded, event.occurred_us, event.received_us, cause)
            )
        else:
            self._bring_up(state, event.received_us, batch)
        if resolution.links:
            self._link(state, resolution.links, event, batch)
        for absorbed in resolution.absorbed:
            other = self._load(absorbed)
            if other is not None and other is not state and identity.room_for(state, other):
                self._absorb(state, other, event, batch)
        step = self._pipeline.on_event(state, event)
        batch.touched[profile_id] = step.state
        if step.facts or step.intents:
            self._take(step, batch)
        batch.outcomes.append(Outcome(event.offset, APPLIED, event.source, profile_id))

    def _new(self, profile_id: str) -> ProfileState:
        return profiles.new(profile_id, self._layout.layout_id, len(self._layout.accumulators))

    def _bring_up(self, state: ProfileState, known_us: int, batch: Batch) -> None:
        """Bring a stored state up to the instant of an event: present definitions, and all timers due by then (law 2)."""
        if state.layout != self._layout.layout_id:
            self._take(self._pipeline.adopt(state, known_us), batch)
        if state.next_due_us and state.next_due_us <= known_us:
            self._take(self._pipeline.on_timer(state, known_us), batch)

    def _link(self, state: ProfileState, links: list[tuple[str, str]], event: Event, batch: Batch) -> None:
        for kind, value in identity.add_identifiers(state, links):
            batch.links[f"{kind}:{value}"] = self._links[f"{kind}:{value}"] = state.profile_id
            data = {"kind": kind, "value": value}
            cause = event_cause(event.offset)
            batch.facts.append(
                Fact(FactKind.IDENTIFIED, state.profile_id, kind, event.occurred_us, event.received_us, cause, data)
            )

    def _absorb(self, state: ProfileState, other: ProfileState, event: Event, batch: Batch) -> None:
        self._bring_up(other, event.received_us, batch)
        self._take(self._pipeline.on_merge(state, other, event), batch)
        if other.indexed_us:
            batch.unwakes.append(Wake(other.indexed_us, other.profile_id))
        batch.moved[other.profile_id] = state.profile_id
        batch.touched.pop(other.profile_id, None)
        del self._live[other.profile_id]

    def _take(self, step: Step, batch: Batch) -> None:
        batch.touched[step.state.profile_id] = step.state
        if step.facts:
            batch.facts += step.facts
        if step.intents:
            batch.intents += step.intents

    # Timers

    def next_due_us(self) -> int:
        """The earliest instant at which a profile must be woken; 0 for never."""
        return self._state.next_due_us()

    def fire(self, until_us: int) -> int:
        """Wake profiles whose timers are due by `until_us`, at most `MAX_WAKES`; how many there were.

        Call it only up to an instant whose records have all been processed (`complete_us`, or the log's horizon).
        """
        wakes = self._state.due(until_us, MAX_WAKES)
        if not wakes:
            return 0
        batch = Batch()
        self._load_many([wake.profile_id for wake in wakes if wake.profile_id not in self._live])
        done = 0
        for wake in wakes:
            if len(batch.facts) >= MAX_FACTS:
                break
            done += 1
            batch.unwakes.append(wake)
            state = self._live.get(wake.profile_id)
            if state is None:
                continue
            if state.indexed_us == wake.due_us:
                state.indexed_us = 0
            if state.layout != self._layout.layout_id:
                self._take(self._pipeline.adopt(state, wake.due_us), batch)
            self._take(self._pipeline.on_timer(state, until_us), batch)
        self._commit(batch, self.offset, fired_us=until_us)
        return done

    # Changes of definitions

    def _change(self, block: LogBlock) -> int:
        """Take the change record that this block begins with.

        Everybody has come over to what runs, and all timers due by then have fired, before it changes.
        """
        while self.sweep():
            pass
        while self.fire(block.taken_us):
            pass
        record, changes = block.records[0], self._changes
        changed = changes is not None and changes.take(change_of(record), self.offset, block.taken_us)
        batch = Batch()
        batch.outcomes.append(Outcome(self.offset, APPLIED, record.source))
        self._commit(batch, self.offset + 1)
        if changes is not None:
            if changed:
                self._pipeline = changes.pipeline
                self._layout = changes.pipeline.definitions.layout
            changes.tell(self.offset)
        self._note_complete(block.taken_us)
        return 1

    def sweep(self) -> int:
        """Bring some of those over who follow earlier definitions; how many were looked at, 0 when all have come."""
        changes = self._changes
        if changes is None or not changes.sweeping():
            return 0
        found = self._state.scan(changes.after(), SWEEP)
        batch = Batch()
        last = ""
        for profile_id, raw in found:
            if len(batch.facts) >= MAX_FACTS:
                break
            last = profile_id
            state = self._live.get(profile_id)
            if state is None and not moved_to(raw):
                state = profiles.decode(raw)
            if state is not None and state.layout != self._layout.layout_id:
                self._take(self._pipeline.adopt(state, 0), batch)
        changes.swept(last)
        self._commit(batch, self.offset)
        changes.tell(self.offset)
        return len(found)

    # The atomic write

    def _commit(self, batch: Batch, offset: int, *, fired_us: int = 0) -> None:
        wakes: list[Wake] = []
        shown: list[tuple[str, bytes]] = []
        for profile_id, state in batch.touched.items():
            index(state, wakes, batch.unwakes)
            shown.append((profile_id, profiles.encode(state)))
        states = dict(shown)
        for absorbed, survivor in batch.moved.items():
            states[absorbed] = moved(survivor)
            shown.append((absorbed, b""))
        batch.outcomes.sort()
        intents = by_kind(batch.intents)
        kept = Kept(offset, batch.outcomes, batch.facts, list(states), *msgspec.structs.astuple(intents))
        self._checkpoint("before_commit")
        seq = self._seq + 1
        self._state.commit(
            Commit(
                states=states,
                links=batch.links,
                seen=batch.seen,
                seen_us=batch.seen_us,
                wakes=wakes,
                unwakes=batch.unwakes,
                offset=offset,
                seq=seq,
                outputs=_ENCODER.encode(kept),
                meta=self._changes.to_commit() if self._changes is not None else {},
                fired_us=fired_us,
            )
        )
        self._checkpoint("after_commit")
        self.offset, self._seq = offset, seq
        self._sink.put(OutputBlock(seq, offset, batch.outcomes, batch.facts, shown), intents)
        self._checkpoint("after_sink")
        if seq % DROP_EVERY == 0:
            self._state.drop_outputs(min(self._sink.durable_seq(), seq))
        self._forget()

    def _forget(self) -> None:
        """Keep the caches within their bound: the longest untouched go first."""
        excess = len(self._live) - self._cache  # a few each time: to free half the cache at once would hold up timers
        for profile_id in list(islice(self._live, max(0, excess))):
            del self._live[profile_id]
        if len(self._links) > 4 * self._cache:
            self._links.clear()


def _seen_key(event: Event) -> str:
    """By which copies of an event are known."""
    return f"{event.source}\n{event.event_id}"


def _cut(batch: Batch, events: Sequence[Event], upto: int) -> None:
    """Make it a batch of the records below `upto`, whose events are these; the others are read again."""
    batch.outcomes = [one for one in batch.outcomes if one.offset < upto]
    batch.seen, batch.seen_us = [_seen_key(event) for event in events], events[-1].received_us


def _upto_change(blocks: list[LogBlock]) -> list[LogBlock]:
    """Blocks up to the next change record; if they begin with one, what they were."""
    for number, block in enumerate(blocks):
        for index, record in enumerate(block.records):
            if is_change(record) and (number or index):
                cut = LogBlock(block.first_offset, block.taken_us, block.records[:index])
                return [*blocks[:number], cut] if index else blocks[:number]
    return blocks


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
