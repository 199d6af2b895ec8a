"""The layout: which accumulators a workspace needs, in which slots, and which events touch them.

Slots are shared: two conditions that need the same memory use one. State carries the layout's id, and `adopt` moves
values into the present layout by the accumulators' keys, so a change of definitions keeps what was remembered. Another
rule of a segment makes another layout too: then nothing moves, but the person is judged anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tidings.accumulate.base import Accumulator
from tidings.accumulate.reading import Reading, Single
from tidings.domain.event import Event
from tidings.domain.profile import ProfileState
from tidings.errors import CorruptData
from tidings.ids import digest

Feed = tuple[tuple[int, ...], tuple[tuple[int, Accumulator], ...]]
"""Slots that an event touches, and the same with their accumulators."""
NOTHING: Feed = ((), ())


class Layout:
    """Accumulators by slot; built once when definitions are loaded, then `seal`ed."""

    def __init__(self) -> None:
        self.accumulators: list[Accumulator] = []
        self._slots: dict[str, int] = {}
        self._traits: dict[str, Reading] = {}
        self._plain: dict[str, Feed] = {}
        self._filtered: dict[str, Feed] = {}
        self.layout_id = ""
        self.known: dict[str, Sequence[str]] = {}

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

        `rules` (names and versions of what is judged) make it another layout too, so that states are judged anew.
        """
        for slot, accumulator in enumerate(self.accumulators):
            feeds = self._filtered if accumulator.filter.where else self._plain
            for event_name in accumulator.filter.names:
                slots, pairs = feeds.get(event_name, NOTHING)
                feeds[event_name] = ((*slots, slot), (*pairs, (slot, accumulator)))
        names = [f"{name}={reading!r}" for name, reading in self._traits.items()]
        self.layout_id = digest("layout", *self.keys(), *names, *rules, size=4).hex()
        self.known = {**(earlier or {}), self.layout_id: self.keys()}

    def fold(self, values: list[Any], event: Event) -> tuple[int, ...]:
        """Fold one event into `values`; the slots that changed."""
        touched, pairs = self._plain.get(event.name, NOTHING)
        for slot, accumulator in pairs:
            values[slot] = accumulator.fold(values[slot], event)
        if event.name in self._filtered:
            for slot, accumulator in self._filtered[event.name][1]:
                if accumulator.filter.passes(event.properties):
                    values[slot] = accumulator.fold(values[slot], event)
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
