"""The state port: what the keyed core's host keeps, and the one atomic write that changes it.

State, identity index, dedup window, wake-ups, outputs and the log offset commit together. So a crash at any moment
leaves a state that is exactly that of some prefix of the log, with all that this prefix put out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec

MOVED = b"\x00"
"""First byte of the state of a profile that was absorbed; the survivor's id follows."""


class Wake(msgspec.Struct, frozen=True, array_like=True, gc=False, order=True):
    """One entry of the wake-up index: load this profile at this instant."""

    due_us: int
    profile_id: str


class Generation(NamedTuple):
    """A span of the dedup window's length: event ids are remembered and forgotten by generation."""

    start_us: int
    end_us: int
    """The first instant after it."""

    @classmethod
    def of(cls, at_us: int, window_us: int) -> Generation:
        """The generation that an instant falls in. Fixed by the clock alone, so that a replay has the same ones."""
        start_us = at_us // window_us * window_us
        return cls(start_us, start_us + window_us)

    def remembers(self, other: Generation) -> bool:
        """Whether ids of `other`, which is no younger, count at the instants of this one: it and the one before."""
        return other.end_us > self.start_us - (self.end_us - self.start_us)


NO_GENERATION = Generation(-1, 0)
"""Before all others."""


class Commit(msgspec.Struct, kw_only=True):
    """One atomic write."""

    states: dict[str, bytes]
    """Profile id to its encoded state, or `MOVED` and the survivor's id."""
    links: dict[str, str]
    """Identifier key (``kind:value``) to profile id."""
    seen: Sequence[str]
    """Event ids taken (prefixed by their source), for the dedup window."""
    seen_us: int
    """Received time of the newest of them; decides which generation they go to. All must be of one generation."""
    wakes: Sequence[Wake]
    """Wake-ups to add."""
    unwakes: Sequence[Wake]
    """Wake-ups to drop."""
    offset: int
    """All records below have been processed."""
    seq: int
    """Number of the output block; unchanged when there is none."""
    outputs: bytes
    """Encoded output (without profile bytes) and intents, kept until `drop_outputs`; empty when there is none."""
    items: dict[str, bytes] = {}
    """Item id to its encoded state."""
    interests: Sequence[tuple[str, str]] = ()
    """(item id, profile id) to add to the index of who must be told of an item."""
    uninterests: Sequence[tuple[str, str]] = ()
    """Those to drop from it; before the others are added."""
    meta: dict[str, bytes] = {}
    """Named values of the host that change with it (which definitions run)."""
    fired_us: int = 0
    """All timers due by this instant have fired, with this write or before; 0 when it is about records of the log."""


class StateStore(Protocol):
    """Keeps the state of all keys on behalf of one host."""

    def states(self, profile_ids: Sequence[str]) -> list[bytes | None]:
        """Encoded states in the order asked; None where nothing is known."""
        ...

    def scan(self, after_id: str, limit: int) -> list[tuple[str, bytes]]:
        """(profile id, what `states` gives) of the next profiles by id, of those after `after_id`; at most `limit`."""
        ...

    def links(self, keys: Sequence[str]) -> list[str | None]:
        """Profile ids that identifier keys point to."""
        ...

    def seen(self, keys: Sequence[str], at_us: int) -> list[bool]:
        """Which event ids were taken within the dedup window, for events received in the generation of `at_us`."""
        ...

    def generation(self, at_us: int) -> Generation:
        """The dedup generation of an instant. A batch must not span two, or what counts as a copy depends on batches."""
        ...

    def items(self, item_ids: Sequence[str]) -> list[bytes | None]:
        """Encoded states of items in the order asked; None where nothing is known."""
        ...

    def interested(self, item_id: str, after_id: str, limit: int) -> list[str]:
        """Profile ids, by id, of those after `after_id` that must be told of an item; at most `limit`."""
        ...

    def due(self, until_us: int, limit: int) -> list[Wake]:
        """Wake-ups up to `until_us`, earliest first, at most `limit`."""
        ...

    def next_due_us(self) -> int:
        """The earliest wake-up; 0 when there is none."""
        ...

    def commit(self, commit: Commit) -> None:
        """Write all of it or nothing; on disk when this returns (for adapters that have one)."""
        ...

    def position(self) -> tuple[int, int]:
        """(offset, seq) as last committed."""
        ...

    def fired_us(self) -> int:
        """The latest `Commit.fired_us`; 0 when no timer has fired. What the log takes from now on must come after it."""
        ...

    def outputs(self, after_seq: int) -> list[tuple[int, bytes]]:
        """Kept outputs with a number above `after_seq`, in order."""
        ...

    def drop_outputs(self, upto_seq: int) -> None:
        """Outputs up to this number are safe elsewhere; with the next commit they may go."""
        ...

    def meta(self, name: str) -> bytes | None:
        """A named value of the host (layouts, journey versions)."""
        ...

    def set_meta(self, name: str, value: bytes) -> None:
        """Store a named value, durably."""
        ...

    def close(self) -> None:
        """Release files."""
        ...


def moved(survivor: str) -> bytes:
    """What is stored in place of a profile that `survivor` absorbed."""
    return MOVED + survivor.encode()


def moved_to(raw: bytes) -> str:
    """The survivor's id when `raw` is what is left of an absorbed profile; empty for a living one."""
    return raw[1:].decode() if raw[:1] == MOVED else ""


def living(store: StateStore, profile_id: str) -> bytes | None:
    """The encoded state that `profile_id` leads to, through merges; None when nothing is known of it."""
    raw = store.states([profile_id])[0]
    while raw is not None and (survivor := moved_to(raw)):
        raw = store.states([survivor])[0]
    return raw
