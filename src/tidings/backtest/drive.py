"""The production driver, fed with moments of history instead of a log, and with memory below it instead of a disk.

Who an event belongs to, what it does, which timers fire before it: all that is the parent's, and the pipeline's. What differs is
what a rehearsal needs not: no state is encoded while it is at hand, no output is kept, and an event whose name concerns
nothing only moves its person's clock.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType

import msgspec

from tidings.backtest.history import Moment, Passing
from tidings.clock import ManualClock
from tidings.domain import outward, wire
from tidings.domain import profile as profiles
from tidings.domain.event import Event
from tidings.domain.everybody import ItemsChanged, Told
from tidings.domain.message import EventIntent, by_kind
from tidings.domain.output import OutputBlock
from tidings.domain.profile import ADDRESS, ProfileState, TraitValue
from tidings.hosts.batch import Batch, Sink, index
from tidings.hosts.drive import MAX_FACTS, Driver
from tidings.ids import digest
from tidings.log.memory import MemoryLog
from tidings.pipeline import Pipeline
from tidings.process import identity
from tidings.state.base import Commit, Wake, moved, moved_to
from tidings.state.memory import MemoryState

AT_HAND = 50_000
"""People whose states are kept decoded; those of all others are kept as bytes."""

EVERYBODY = 1 << 40
"""More people than there are."""


def _nobody(whose: str, event: Event) -> None:
    """Nobody watches."""


class RehearsalDriver(Driver):
    """One version of the definitions over one history."""

    def __init__(
        self,
        pipeline: Pipeline,
        sink: Sink,
        *,
        assume_address: bool = False,
        watched: frozenset[str] = frozenset(),
        watch: Callable[[str, Event], None] = _nobody,
    ) -> None:
        """`watch` is told of events that are `watched` by name, and whose they were, after the sink has all that was before."""
        self._assume_address = assume_address
        self._clocks = pipeline.goes_by_clock
        self._watched = watched
        self._watch = watch
        self._coming: list[tuple[int, str, EventIntent]] = []
        self._at_hand = AT_HAND
        super().__init__(pipeline, MemoryLog(ManualClock()), MemoryState(), sink, cache=AT_HAND)

    def share_memory(self, among: int) -> None:
        """So many drivers work at the same time on this machine."""
        self._at_hand = AT_HAND // among

    def follow(self, pipeline: Pipeline) -> None:
        """Go on with other journeys over the same memories."""
        self._pipeline = pipeline

    def take(self, moments: Iterable[Moment]) -> None:
        """Process these, in order."""
        if not self.reaches_out:
            self._take_all(moments)
            return
        for moment in moments:  # what comes back in between is heard in between
            self.let_time_pass(moment.received_us - 1)
            self._take_all([moment])

    def _take_all(self, moments: Iterable[Moment]) -> None:
        batch = Batch()
        find = self._people.finder(batch.moved)
        for moment in moments:
            if isinstance(moment, Passing):
                self._let_pass(moment, batch, find)
                continue
            profile_id = self._apply(moment, batch, find)
            if moment.name in self._watched:
                self._hand_on(batch)
                self._watch(profile_id, moment)
            if len(batch.facts) >= MAX_FACTS:
                self._commit(batch, 0)
                batch = Batch()
                find = self._people.finder(batch.moved)
        self._commit(batch, 0)

    def tell(self, told: Told) -> None:
        """Tell what changed of items to whom it concerns, at its instant."""
        if not isinstance(told.what, ItemsChanged):
            return
        self.let_time_pass(told.known_us)
        wanted = tuple(one for one in told.what.changes if self._pipeline.wants(one))
        own = msgspec.structs.replace(told, what=ItemsChanged(changes=wanted))
        concerned = {who for one in wanted for who in self._state.interested(one.item_id, "", EVERYBODY)}
        batch = Batch()
        for state in filter(None, map(self.person, sorted(concerned))):
            batch.take(self._pipeline.on_told(state, own))
        self._commit(batch, 0)

    def let_time_pass(self, until_us: int) -> None:
        """Fire all timers that are due by then, and take what journeys wanted in the log meanwhile."""
        stop_us = self._stop(until_us) if self.reaches_out else until_us
        while stop_us:
            while self.fire(stop_us):
                pass
            self._come_back(stop_us)
            stop_us = self._stop(until_us) if self.reaches_out else 0

    def _stop(self, until_us: int) -> int:
        """The next instant up to then at which a timer is due or something comes back; 0 for none."""
        coming_us = self._coming[0][0] if self._coming else 0
        return min((one for one in (self.next_due_us(), coming_us) if one and one <= until_us), default=0)

    def _come_back(self, until_us: int) -> None:
        while self._coming and self._coming[0][0] <= until_us:
            at_us, _, wanted = heapq.heappop(self._coming)
            event = wire.normalise(outward.record_of(outward.call_of(wanted)), _place(wanted.event_id), at_us)
            if isinstance(event, Event):
                self._take_all([event])

    def person(self, profile_id: str) -> ProfileState | None:
        """The state of the person whom a profile id, of then or of now, means."""
        return self._people.load(self._people.survivor(profile_id, {}))

    def _let_pass(self, one: Passing, batch: Batch, find: identity.Find) -> None:
        if one.profile_id:
            found = find("profile", one.profile_id)
        else:
            found = find("user_id", one.user_id) if one.user_id else ""
            device = find("anonymous_id", one.anonymous_id) if one.anonymous_id else found
            found = (found or device) if device == found or not one.user_id else ""
        state = self._people.load(found) if found and self._clocks else None
        if state is not None:
            if one.occurred_us > state.clock_us:
                state.clock_us = one.occurred_us
        elif not found or self._clocks:  # it founds a person, or tells who somebody is
            self._apply(_bare(one), batch, find)

    def _new(self, profile_id: str) -> ProfileState:
        state = super()._new(profile_id)
        if self._assume_address:
            made_up = f"{profile_id}@backtest.invalid"
            state.traits[ADDRESS] = TraitValue(made_up, 0, "")  # any real one is later
            state.addresses = [made_up]
        return state

    def _commit(self, batch: Batch, offset: int, *, fired_us: int = 0) -> None:  # noqa: ARG002 - nothing is read from a log
        wakes: list[Wake] = []
        for state in batch.touched.values():
            index(state, wakes, batch.unwakes)
        self._keep(
            {absorbed: moved(survivor) for absorbed, survivor in batch.moved.items()},
            wakes,
            batch.unwakes,
            batch.interests,
            fired_us=fired_us,
        )
        self._hand_on(batch)
        self._forget()

    def _hand_on(self, batch: Batch) -> None:
        """Let the sink have what there is so far."""
        if not batch.facts and not batch.intents:
            return
        self._seq += 1
        intents = by_kind(batch.intents)
        self._sink.put(OutputBlock(self._seq, self.offset, [], batch.facts, []), intents)
        for one in intents.events:
            heapq.heappush(self._coming, (one.known_us, one.event_id, one))
        batch.facts, batch.intents = [], []

    def _keep(
        self,
        states: dict[str, bytes],
        wakes: Sequence[Wake] = (),
        unwakes: Sequence[Wake] = (),
        interests: Mapping[tuple[str, str], bool] = MappingProxyType({}),
        *,
        fired_us: int = 0,
    ) -> None:
        self._state.commit(
            Commit(
                states=states,
                links={},
                seen=[],
                seen_us=0,
                wakes=wakes,
                unwakes=unwakes,
                offset=self.offset,
                seq=self._seq,
                outputs=b"",
                interests=[one for one, concerned in interests.items() if concerned],
                uninterests=[one for one, concerned in interests.items() if not concerned],
                fired_us=fired_us,
            )
        )

    def _forget(self) -> None:
        """Keep few states decoded. Identifiers stay: there is nowhere else to look them up."""
        live = self._people.live
        excess = len(live) - self._at_hand
        if excess > 0:
            away = list(islice(live, excess + self._at_hand // 10))
            self._keep({one: profiles.encode(live.pop(one)) for one in away})

    # Interruption

    def people(self) -> Iterator[tuple[str, bytes]]:
        """Everybody, encoded as in a state store."""
        yield from ((one, raw) for one, raw in self._state.scan("", EVERYBODY) if one not in self._people.live)
        yield from ((one, profiles.encode(state)) for one, state in self._people.live.items())

    def links(self) -> dict[str, str]:
        """Identifiers, and the profile that each points to."""
        return self._people.links

    def coming(self) -> list[tuple[int, str, EventIntent]]:
        """What journeys wanted in the log and what has not come back yet."""
        return self._coming

    def restore(
        self,
        people: Iterable[tuple[str, bytes]],
        links: dict[str, str],
        coming: list[tuple[int, str, EventIntent]],
    ) -> None:
        """Go on where another one was."""
        self._coming = coming
        self._people.links.update(links)
        for profile_id, raw in people:
            state = None if moved_to(raw) else profiles.decode(raw)
            wakes = [Wake(state.indexed_us, profile_id)] if state is not None and state.indexed_us else []
            looked_at = self._pipeline.items_of(state) if state is not None and self._pipeline.item_slots else ()
            self._keep({profile_id: raw}, wakes, interests={(one, profile_id): True for one in looked_at})


def _place(event_id: str) -> int:
    """The offset of what comes back: after all of history, and by its id alone, so that it is the same whoever else is rehearsed."""
    return (1 << 52) + int.from_bytes(digest("comes back", event_id, size=6), "big")


def _bare(one: Passing) -> Event:
    """The event, without what concerns nothing."""
    return Event(
        event_id="",
        kind="track",
        name="",
        occurred_us=one.occurred_us,
        received_us=one.received_us,
        offset=one.offset,
        user_id=one.user_id,
        anonymous_id=one.anonymous_id,
        profile_id=one.profile_id,
    )
