"""The layout: which accumulators a workspace needs, in which slots, and which events touch them.

Slots are shared: two conditions that need the same memory use one. State carries the layout's id, and `adopt` moves
values into the present layout by the accumulators' keys, so a change of definitions keeps what was remembered. Another
rule of a segment, or another default time zone, makes another layout too: then nothing moves, but the person is judged anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from typing import Any

from tidings.accumulate.base import Accumulator
from tidings.accumulate.reading import Reading, Single
from tidings.domain.event import Event
from tidings.domain.names import known
from tidings.domain.profile import ProfileState
from tidings.domain.zones import UTC
from tidings.errors import CorruptData, DefinitionError
from tidings.ids import digest
from tidings.rules import send_times
from tidings.rules.bands import Score, find

MAX_TAKEN_IN = 100
"""Segments that one rule may take in, directly and through others."""

Fold = Callable[[Any, Event], Any]


class Feed:
    """What one event name feeds. Bound methods are looked up once, not once an event."""

    __slots__ = ("filtered", "plain", "slots")

    def __init__(self) -> None:
        self.slots: tuple[int, ...] = ()
        """Slots that every event of this name touches."""
        self.plain: list[tuple[int, Fold]] = []
        """The same with their folding."""
        self.filtered: list[tuple[int, Callable[[dict[str, Any]], bool], Fold]] = []
        """Slots that it touches when its properties pass."""


class Layout:
    """Accumulators by slot; built once when definitions are loaded, then `seal`ed."""

    def __init__(self) -> None:
        self.accumulators: list[Accumulator] = []
        self._slots: dict[str, int] = {}
        self._traits: dict[str, Reading] = {}
        self._feeds: dict[str, Feed] = {}
        self.zone = UTC
        """The time zone of whoever has none."""
        self.send_times = send_times.UNKNOWN
        """When everybody engages with mail."""
        self.scores: Mapping[str, Score] = {}
        self.rules: Mapping[str, Any] = {}
        """Rules of segments as written, for those that name each other."""
        self._within: list[str] = []
        self._taken_in = 0
        self.sessions = True
        """Whether sessions are counted."""
        self.layout_id = ""
        self.known: dict[str, Sequence[str]] = {}

    @contextmanager
    def inside(self, segment: str, where: str) -> Iterator[Any]:
        """See `Traits.inside`."""
        known(segment, self.rules, "segment", where, "define it in segments.yml")
        if segment in self._within:
            circle = " → ".join([*self._within[self._within.index(segment) :], segment])
            raise DefinitionError(where, f"segments name each other in a circle: {circle}", do="take one of them out")
        self._taken_in = self._taken_in + 1 if self._within else 1
        if self._taken_in > MAX_TAKEN_IN:
            raise DefinitionError(
                where, f"the rule takes in more than {MAX_TAKEN_IN} other segments", do="make it smaller"
            )
        self._within.append(segment)
        try:
            yield self.rules[segment]
        finally:
            self._within.pop()

    def score(self, name: Any, where: str) -> Score:
        """See `Traits.score`."""
        return find(self.scores, name, where)

    def slot(self, accumulator: Accumulator) -> int:
        """Where this accumulator is kept; a new slot when nobody remembers the same yet."""
        key = accumulator.key
        if key not in self._slots:
            self._slots[key] = len(self.accumulators)
            self.accumulators.append(accumulator)
        return self._slots[key]

    def name(self, trait: str, accumulator: Accumulator) -> None:
        """Make a computed trait of this name."""
        self.derive(trait, Single(self.slot(accumulator), accumulator))

    def derive(self, trait: str, reading: Reading) -> None:
        """Make a computed trait of this name that is read from what others remember."""
        self._traits[trait] = reading

    def computed(self, name: str) -> Reading | None:
        """A computed trait; None when there is none of that name."""
        return self._traits.get(name)

    def traits(self) -> Iterator[tuple[str, Reading]]:
        """Computed traits: name and how it is read."""
        yield from self._traits.items()

    def keys(self) -> list[str]:
        """Accumulator keys by slot: what a stored state needs to be read in another layout."""
        return [accumulator.key for accumulator in self.accumulators]

    def seal(self, earlier: Mapping[str, Sequence[str]] | None = None, rules: Iterable[str] = ()) -> None:
        """Fix the layout. `earlier` has the keys of layouts that stored states may still follow.

        `rules` (what else the answers depend on: the zone, names and versions of what is judged) make it another layout too,
        so that states are judged anew.
        """
        self._feed(range(len(self.accumulators)))
        names = [f"{name}={reading!r}" for name, reading in self._traits.items()]
        self.layout_id = digest("layout", *self.keys(), *names, *rules, size=4).hex()
        self.known = {**(earlier or {}), self.layout_id: self.keys()}

    def _feed(self, slots: Iterable[int]) -> None:
        for slot in slots:
            accumulator = self.accumulators[slot]
            for event_name in accumulator.filter.names:
                feed = self._feeds.setdefault(event_name, Feed())
                if accumulator.filter.where:
                    feed.filtered.append((slot, accumulator.filter.passes, accumulator.fold))
                else:
                    feed.slots = (*feed.slots, slot)
                    feed.plain.append((slot, accumulator.fold))

    def only(self, slots: set[int]) -> Layout:
        """The same layout, in which only these slots remember, and only traits are known that they make, and no sessions: for a rehearsal."""
        narrow = copy(self)
        narrow.sessions = False
        narrow._traits = {name: one for name, one in self._traits.items() if slots.issuperset(one.slots)}
        narrow._feeds = {}
        narrow._feed(sorted(slots))
        return narrow

    def feeds(self) -> Iterable[str]:
        """Names of the events that change a value."""
        return self._feeds.keys()

    def fold(self, values: list[Any], event: Event) -> tuple[int, ...]:
        """Fold one event into `values`; the slots that changed."""
        feed = self._feeds.get(event.name)
        if feed is None:
            return ()
        for slot, fold in feed.plain:
            values[slot] = fold(values[slot], event)
        touched = feed.slots
        if feed.filtered:
            properties = event.properties
            for slot, passes, fold in feed.filtered:
                if passes(properties):
                    values[slot] = fold(values[slot], event)
                    touched = (*touched, slot)
        return touched

    def merge(self, values: list[Any], others: Sequence[Any]) -> list[Any]:
        """Both people's values together."""
        merged = []
        for accumulator, one, other in zip(self.accumulators, values, others, strict=True):
            merged.append(other if one is None else one if other is None else accumulator.merge(one, other))
        return merged

    def adopt(self, state: ProfileState) -> bool:
        """Move a state of an earlier layout into this one; True when it followed another. Raises CorruptData."""
        if state.layout == self.layout_id:
            return False
        keys = self.known.get(state.layout)
        if keys is None:
            msg = (
                f"profile {state.profile_id} follows layout {state.layout!r}, which nobody described, so its values have no "
                f"names; restore the state from a backup, or delete it and the outputs to rebuild them from the log"
            )
            raise CorruptData(msg)
        kept = dict(zip(keys, state.values, strict=False))
        state.values = [kept.get(accumulator.key) for accumulator in self.accumulators]
        state.layout = self.layout_id
        return True
