"""Backfill: new memories of old events, folded apart from the state, a profile at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from tidings.domain.event import Event
from tidings.process.layout import Layout


class Folding:
    """Some memories of a layout, folded as the running core folds them."""

    def __init__(self, layout: Layout, keys: Sequence[str]) -> None:
        have = {accumulator.key: accumulator for accumulator in layout.accumulators}
        self._layout = Layout()
        for key in keys:
            self._layout.slot(have[key])
        self._layout.seal()
        self.names = tuple(sorted({name for key in keys for name in have[key].filter.names}))
        """Events that feed them."""

    def start(self) -> list[Any]:
        """The values of somebody who did nothing."""
        return [None] * len(self._layout.accumulators)

    def fold(self, values: list[Any], event: Event) -> None:
        """One more event."""
        self._layout.fold(values, event)

    def of(self, events: Iterable[tuple[str, Event]]) -> dict[str, list[Any]]:
        """The values of each profile, from events with the profile that they were applied to."""
        found: dict[str, list[Any]] = {}
        for profile_id, event in events:
            if event.name in self.names:
                values = found.get(profile_id)
                if values is None:
                    values = found[profile_id] = self.start()
                self._layout.fold(values, event)
        return found
