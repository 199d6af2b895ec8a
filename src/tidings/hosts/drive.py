"""Driving the core: read the log in order, load states, run the pipeline, commit once, hand on what came out.

Every host uses this one file; they differ in their ports and their clock. It decides nothing: order, state and timers are
the pipeline's. What makes a crash harmless: outputs commit in the same atomic write as state and offset, and are handed
on afterwards under their running number; after a crash what was not handed on is handed on again.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from tidings.clock import SECOND_US
from tidings.domain import control, everybody, item
from tidings.domain import profile as profiles
from tidings.domain.event import Event
from tidings.domain.message import Intents, by_kind
from tidings.domain.output import APPLIED, Fact, FactKind, Outcome, OutputBlock, event_cause
from tidings.domain.profile import ProfileState
from tidings.domain.record import LogBlock, LogRecord
from tidings.errors import CorruptData
from tidings.hosts import items, sweep
from tidings.hosts.accept import accept
from tidings.hosts.batch import Batch, Kept, Sink, cut, index
from tidings.hosts.changes import Changes
from tidings.hosts.everybody import Everybody
from tidings.hosts.people import People
from tidings.log.base import Log
from tidings.pipeline import Pipeline
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

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Kept)
_BARRIERS = frozenset({control.KIND, everybody.KIND, item.KIND})


def _nothing(point: str) -> None:
    """The default checkpoint."""


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
        told: Everybody | None = None,
    ) -> None:
        """`checkpoint` is called at named points; the test kit crashes there. `changes` are followed if given; records to
        everybody always are."""
        self._changes = changes
        self._everybody = told if told is not None else Everybody(state)
        self._pipeline = pipeline
        self._layout = pipeline.definitions.layout
        self._log = log
        self._state = state
        self._sink = sink
        self._max_batch = max_batch
        self._checkpoint = checkpoint
        self._people = People(state, cache)
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
            self._sink.put(block, Intents(kept.sends, kept.suppressions, kept.events, kept.calls, kept.holds))

    # One micro-batch of events

    def run_batch(self) -> int:
        """Process the next records of the log; how many there were, and at least one when anything was done."""
        blocks = self._log.read(self.offset, self._portion())
        if not blocks:
            return 0
        end_us = self._state.generation(blocks[0].taken_us).end_us
        if due_us := self._everybody.due_us:
            if due_us <= blocks[0].taken_us:
                return self._begin()
            end_us = min(end_us, due_us)
        blocks = _upto_barrier([block for block in blocks if block.taken_us < end_us])
        if _is_barrier(blocks[0].records[0]):
            return self._pass_barrier(blocks[0])
        batch = Batch()
        events = accept(blocks, batch, self._state)
        self._people.prefetch(events)
        find = self._people.finder(batch.moved)
        upto, taken_us = self.offset + sum(len(block.records) for block in blocks), blocks[-1].taken_us
        for number, event in enumerate(events, 1):
            profile_id = self._apply(event, batch, find)
            batch.outcomes.append(Outcome(event.offset, APPLIED, event.source, profile_id))
            if len(batch.facts) >= MAX_FACTS:
                upto, taken_us = event.offset + 1, event.received_us
                cut(batch, events[:number], upto)
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

    def _apply(self, event: Event, batch: Batch, find: identity.Find) -> str:
        """What one event does; the profile that it belongs to."""
        people = self._people
        resolution = identity.resolve(event, find, people.load)
        profile_id = resolution.profile_id
        state = people.load(profile_id)
        if state is None:
            state = people.live[profile_id] = self._new(profile_id)
            founded, cause = resolution.founded or "profile", event_cause(event.offset)
            batch.facts.append(
                Fact(FactKind.PROFILE_CREATED, profile_id, founded, event.occurred_us, event.received_us, cause)
            )
        else:
            self._bring_up(state, event.received_us, batch)
        if resolution.links:
            self._link(state, resolution.links, event, batch)
        for absorbed in resolution.absorbed:
            other = people.load(absorbed)
            if other is not None and other is not state and identity.room_for(state, other):
                self._absorb(state, other, event, batch)
        if event.name in self._pipeline.item_events:
            before = self._pipeline.items_of(state)
            step = self._pipeline.on_event(state, event)
            batch.note_items(profile_id, before, self._pipeline.items_of(state))
        else:
            step = self._pipeline.on_event(state, event)
        batch.touched[profile_id] = step.state
        if step.facts or step.intents:
            batch.take(step)
        return profile_id

    def _new(self, profile_id: str) -> ProfileState:
        state = profiles.new(profile_id, self._layout.layout_id, len(self._layout.accumulators))
        state.heard = self._everybody.last  # what was told before she came is not for her
        return state

    def _bring_up(self, state: ProfileState, known_us: int, batch: Batch) -> None:
        """Bring a stored state up to the instant of an event: present definitions, what was told to everybody, and all timers
        due by then (law 2)."""
        if state.layout != self._layout.layout_id:
            sweep.adopt(self._pipeline, state, known_us, batch)
        if state.heard < self._everybody.last:
            sweep.hear(self._pipeline, self._everybody, state, known_us, batch)
            state.heard = self._everybody.last
        if state.next_due_us and state.next_due_us <= known_us:
            batch.take(self._pipeline.on_timer(state, known_us))

    def _link(self, state: ProfileState, links: list[tuple[str, str]], event: Event, batch: Batch) -> None:
        for kind, value in identity.add_identifiers(state, links):
            batch.links[f"{kind}:{value}"] = self._people.links[f"{kind}:{value}"] = state.profile_id
            data = {"kind": kind, "value": value}
            cause = event_cause(event.offset)
            batch.facts.append(
                Fact(FactKind.IDENTIFIED, state.profile_id, kind, event.occurred_us, event.received_us, cause, data)
            )

    def _absorb(self, state: ProfileState, other: ProfileState, event: Event, batch: Batch) -> None:
        self._bring_up(other, event.received_us, batch)
        pipeline = self._pipeline
        items = (pipeline.items_of(state), pipeline.items_of(other)) if pipeline.item_slots else (set(), set())
        batch.take(pipeline.on_merge(state, other, event))
        if any(items):
            batch.note_items(state.profile_id, items[0], pipeline.items_of(state))
            batch.note_items(other.profile_id, items[1], set())
        if other.indexed_us:
            batch.unwakes.append(Wake(other.indexed_us, other.profile_id))
        batch.moved[other.profile_id] = state.profile_id
        batch.touched.pop(other.profile_id, None)
        del self._people.live[other.profile_id]

    # Timers

    def next_due_us(self) -> int:
        """The earliest instant at which a profile must be woken, or something begins for everybody; 0 for never."""
        woken_us, begins_us = self._state.next_due_us(), self._everybody.due_us
        return min(woken_us, begins_us) if woken_us and begins_us else woken_us or begins_us

    def fire(self, until_us: int) -> int:
        """Wake profiles whose timers are due by `until_us`, at most `MAX_WAKES`; how many there were.

        Call it only up to an instant whose records have all been processed (`complete_us`, or the log's horizon). What
        begins for everybody by then begins first, one thing at a call.
        """
        if self._everybody.due_us and self._everybody.due_us <= until_us:
            return self._begin()
        wakes = self._state.due(until_us, MAX_WAKES)
        if not wakes:
            return 0
        batch = Batch()
        live = self._people.live
        self._people.load_many([wake.profile_id for wake in wakes if wake.profile_id not in live])
        done = 0
        for wake in wakes:
            if len(batch.facts) >= MAX_FACTS:
                break
            done += 1
            batch.unwakes.append(wake)
            state = live.get(wake.profile_id)
            if state is None:
                continue
            if state.indexed_us == wake.due_us:
                state.indexed_us = 0
            if state.layout != self._layout.layout_id:
                sweep.adopt(self._pipeline, state, wake.due_us, batch)
            if state.heard < self._everybody.last:
                sweep.hear(self._pipeline, self._everybody, state, until_us, batch)
            batch.take(self._pipeline.on_timer(state, until_us))
        self._commit(batch, self.offset, fired_us=until_us)
        return done

    # What concerns everybody

    def _pass_barrier(self, block: LogBlock) -> int:
        """Take the record that this block begins with: a change of definitions, or something told to everybody."""
        record, batch = block.records[0], Batch()
        if item.is_item(record):
            return self._hear_of_items(block)
        batch.outcomes.append(Outcome(self.offset, APPLIED, record.source))
        if control.is_change(record):
            self._change(record, block.taken_us, batch)
        else:
            while not self._everybody.room_for(1) and self.sweep():
                pass
            asked, versions = everybody.asked_of(record), self._pipeline.definitions.versions
            batch.intents += self._everybody.take(asked, self.offset, block.taken_us, versions)
            self._commit(batch, self.offset + 1)
        self._note_complete(block.taken_us)
        return 1

    def _change(self, record: LogRecord, taken_us: int, batch: Batch) -> None:
        """Everybody has come over to what runs and heard everything, and all timers due by then have fired, before it changes."""
        while self.sweep():
            pass
        while self.fire(taken_us):
            pass
        changes = self._changes
        changed = changes is not None and changes.take(control.change_of(record), self.offset, taken_us)
        self._commit(batch, self.offset + 1)
        if changes is not None:
            if changed:
                self._pipeline = changes.pipeline
                self._layout = changes.pipeline.definitions.layout
            changes.tell(self.offset)

    def _hear_of_items(self, block: LogBlock) -> int:
        """Take the records about items that this block begins with, all of them at once."""
        if self._pipeline.item_slots:  # whom a change concerns is listed for those who follow the present definitions
            while self._changes is not None and self._changes.sweeping() and self.sweep():
                pass
        batch = Batch()
        changes, count = items.take(block, self._state, batch)
        wanted = [change for change in changes if self._pipeline.wants(change)]
        while not self._everybody.room_for(-(-len(wanted) // items.TOLD)) and self.sweep():
            pass
        for first in range(0, len(wanted), items.TOLD):
            self._everybody.change_items(wanted[first : first + items.TOLD], self.offset, block.taken_us)
        self._commit(batch, self.offset + count)
        self._note_complete(block.taken_us)
        return count

    def _begin(self) -> int:
        """What was to begin for everybody at an instant begins."""
        while not self._everybody.room_for(1) and self.sweep():
            pass
        batch, begins_us = Batch(), self._everybody.due_us
        batch.intents += self._everybody.begin(self._pipeline.definitions.versions)
        self._commit(batch, self.offset, fired_us=begins_us)  # what the log takes from now on comes after it
        return 1

    def sweep(self) -> int:
        """Reach some of those who follow earlier definitions, or have not heard all; how many were looked at, 0 when nobody
        is left."""
        changes = self._changes
        if changes is not None and changes.sweeping():
            batch, looked = sweep.bring_over(self._pipeline, changes, self._people, self._state)
            self._commit(batch, self.offset)
            changes.tell(self.offset)
            if looked:
                return looked
        if self._everybody.listed() is not None:
            batch, looked = sweep.tell_of_item(
                self._pipeline, self._everybody, self._people, self._state, self._hurried
            )
        elif self._everybody.passing():
            batch, looked = sweep.tell(self._pipeline, self._everybody, self._people, self._state, self._hurried)
        else:
            return 0
        self._commit(batch, self.offset)
        return max(1, looked)

    def _hurried(self) -> bool:
        """Whether the log has something that was not processed yet."""
        return self._log.head() > self.offset

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
                items=batch.items,
                interests=[one for one, told in batch.interests.items() if told],
                uninterests=[one for one, told in batch.interests.items() if not told],
                meta=self._meta(),
                fired_us=fired_us,
            )
        )
        self._checkpoint("after_commit")
        self.offset, self._seq = offset, seq
        self._sink.put(OutputBlock(seq, offset, batch.outcomes, batch.facts, shown), intents)
        self._checkpoint("after_sink")
        self._everybody.committed(offset)
        if seq % DROP_EVERY == 0:
            self._state.drop_outputs(min(self._sink.durable_seq(), seq))
        self._people.forget()

    def _meta(self) -> dict[str, bytes]:
        """What stands with the offset beside people's states."""
        told = self._everybody.to_commit()
        return {**self._changes.to_commit(), **told} if self._changes is not None else told


def _is_barrier(record: LogRecord) -> bool:
    return record.kind in _BARRIERS and (
        control.is_change(record) or everybody.is_asked(record) or item.is_item(record)
    )


def _upto_barrier(blocks: list[LogBlock]) -> list[LogBlock]:
    """Blocks up to the next record that concerns everybody; if they begin with one, what they were. Records about items that they
    begin with stay together."""
    items_first = item.is_item(blocks[0].records[0])
    for number, block in enumerate(blocks):
        for place, record in enumerate(block.records):
            items_first = items_first and not number and item.is_item(record)
            if record.kind in _BARRIERS and (number or place) and not items_first and _is_barrier(record):
                kept = LogBlock(block.first_offset, block.taken_us, block.records[:place])
                return [*blocks[:number], kept] if place else blocks[:number]
    return blocks
