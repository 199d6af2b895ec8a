"""State in memory: for the simulator and tests, and the first adapter of the port."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush, nsmallest

from tidings.state.base import NO_GENERATION, Commit, Generation, Wake


class MemoryState:
    """Dictionaries. What was committed stays for as long as the object lives: a simulated crash keeps it."""

    def __init__(self, dedup_window_us: int = 7 * 86_400_000_000) -> None:
        self._states: dict[str, bytes] = {}
        self._links: dict[str, str] = {}
        self._seen: dict[Generation, set[str]] = {}
        self._window_us = dedup_window_us
        self._wakes: set[Wake] = set()
        self._heap: list[Wake] = []
        self._offset = 0
        self._seq = 0
        self._fired_us = 0
        self._items: dict[str, bytes] = {}
        self._interests: dict[str, set[str]] = {}
        self._outputs: dict[int, bytes] = {}
        self._meta: dict[str, bytes] = {}

    def states(self, profile_ids: Sequence[str]) -> list[bytes | None]:
        """See `StateStore.states`."""
        return [self._states.get(one) for one in profile_ids]

    def scan(self, after_id: str, limit: int) -> list[tuple[str, bytes]]:
        """See `StateStore.scan`."""
        return [(one, self._states[one]) for one in nsmallest(limit, (one for one in self._states if one > after_id))]

    def all_states(self) -> Iterator[bytes]:
        """Every stored state; only this adapter offers it, for tests and the simulator."""
        yield from self._states.values()

    def links(self, keys: Sequence[str]) -> list[str | None]:
        """See `StateStore.links`."""
        return [self._links.get(one) for one in keys]

    def seen(self, keys: Sequence[str], at_us: int) -> list[bool]:
        """See `StateStore.seen`."""
        now = self.generation(at_us)
        alive = [ids for generation, ids in self._seen.items() if now.remembers(generation)]
        return [any(key in ids for ids in alive) for key in keys]

    def generation(self, at_us: int) -> Generation:
        """See `StateStore.generation`. A clock that steps back stays in the newest one."""
        newest = max(self._seen, default=NO_GENERATION)
        return newest if newest.start_us > at_us else Generation.of(at_us, self._window_us)

    def items(self, item_ids: Sequence[str]) -> list[bytes | None]:
        """See `StateStore.items`."""
        return [self._items.get(one) for one in item_ids]

    def interested(self, item_id: str, after_id: str, limit: int) -> list[str]:
        """See `StateStore.interested`."""
        return nsmallest(limit, (one for one in self._interests.get(item_id, ()) if one > after_id))

    def due(self, until_us: int, limit: int) -> list[Wake]:
        """See `StateStore.due`."""
        found: list[Wake] = []
        while self._heap and self._heap[0].due_us <= until_us and len(found) < limit:
            wake = heappop(self._heap)
            if wake in self._wakes and (not found or wake != found[-1]):
                found.append(wake)
        for wake in found:  # they stay until a commit drops them
            heappush(self._heap, wake)
        return found

    def next_due_us(self) -> int:
        """See `StateStore.next_due_us`."""
        while self._heap and self._heap[0] not in self._wakes:
            heappop(self._heap)
        return self._heap[0].due_us if self._heap else 0

    def commit(self, commit: Commit) -> None:
        """See `StateStore.commit`."""
        self._states.update(commit.states)
        self._links.update(commit.links)
        if commit.seen:
            now = self.generation(commit.seen_us)
            self._seen = {one: ids for one, ids in self._seen.items() if now.remembers(one)}
            self._seen.setdefault(now, set()).update(commit.seen)
        self._wakes.difference_update(commit.unwakes)
        for wake in commit.wakes:
            self._wakes.add(wake)
            heappush(self._heap, wake)
        self._offset = commit.offset
        self._seq = commit.seq
        self._fired_us = max(self._fired_us, commit.fired_us)
        if commit.outputs:
            self._outputs[commit.seq] = commit.outputs
        self._items.update(commit.items)
        for item, profile_id in commit.uninterests:
            self._interests.get(item, set()).discard(profile_id)
        for item, profile_id in commit.interests:
            self._interests.setdefault(item, set()).add(profile_id)
        self._meta.update(commit.meta)

    def position(self) -> tuple[int, int]:
        """See `StateStore.position`."""
        return self._offset, self._seq

    def fired_us(self) -> int:
        """See `StateStore.fired_us`."""
        return self._fired_us

    def outputs(self, after_seq: int) -> list[tuple[int, bytes]]:
        """See `StateStore.outputs`."""
        return [(seq, data) for seq, data in sorted(self._outputs.items()) if seq > after_seq]

    def drop_outputs(self, upto_seq: int) -> None:
        """See `StateStore.drop_outputs`."""
        self._outputs = {seq: data for seq, data in self._outputs.items() if seq > upto_seq}

    def meta(self, name: str) -> bytes | None:
        """See `StateStore.meta`."""
        return self._meta.get(name)

    def set_meta(self, name: str, value: bytes) -> None:
        """See `StateStore.set_meta`."""
        self._meta[name] = value

    def close(self) -> None:
        """Nothing to release."""
