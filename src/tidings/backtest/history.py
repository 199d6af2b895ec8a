"""History as a backtest reads it: moments in the order in which they would have been known.

What came in live is known when the log took it, late events too. What was loaded as history is known at the instant at
which it happened, as if we had been there. Wherever it comes from, it is read in pieces and never held whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from tidings.backtest.shares import ALL, Share
from tidings.domain.event import Event

CHUNK = 4_000
"""Moments that are read, and processed, at a time."""


class Passing(msgspec.Struct, frozen=True, gc=False):
    """An event whose name concerns nothing: of it only who, and when, can matter."""

    received_us: int
    offset: int
    occurred_us: int
    user_id: str
    anonymous_id: str
    profile_id: str


def passing(event: Event) -> Passing:
    """Of an event only who and when."""
    who = (event.user_id, event.anonymous_id, event.profile_id)
    return Passing(event.received_us, event.offset, event.occurred_us, *who)


Moment = Event | Passing


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of history."""

    names: frozenset[str]
    """Events of these names are needed whole; identify and alias calls always are."""
    clocks: bool
    """Whether the others matter too, for the instant at which they happened. What may tell who somebody is always does."""
    from_us: int = 0
    """Nothing known before it: where a reading that was interrupted goes on."""
    until_us: int
    """Nothing known at or after it."""
    share: Share = ALL
    """Only what is of this share."""


class Window(NamedTuple):
    """A stretch of history. Every share of a history has the same ones."""

    upto_us: int
    """All that was known before this instant, and not in windows before, is in it."""
    gone: int
    """Events of the whole history that have gone by at its end, about."""
    moments: Iterable[list[Moment]]
    """Its moments, some at a time, in order of (received_us, offset)."""


class Span(msgspec.Struct, frozen=True, kw_only=True):
    """What there is."""

    first_us: int
    """When the first event was known; 0 when there is none."""
    last_us: int
    """When the last one was."""
    events: int
    """How many there are."""
    rejected: int
    """How many lines or records are no event."""
    consents: int
    """How many of them give consent."""
    late: int
    """How many of them are known later than they happened."""


class History(Protocol):
    """A place that history is read from."""

    @property
    def words(self) -> str:
        """What it is, for people."""
        ...

    def span(self) -> Span:
        """What there is. Reads all of it, perhaps, but holds none of it."""
        ...

    def windows(self, wanted: Wanted) -> Iterator[Window]:
        """History, window by window; of each all moments are taken before the next."""
        ...

    def ties(self) -> Iterator[Sequence[str]]:
        """Identifiers that belong together, as `shares.key` writes them; see `shares`."""
        ...

    def elsewhere(self) -> Callable[[], History]:
        """What opens the same history in another process while this one is open; can be sent there."""
        ...

    def close(self) -> None:
        """Release files."""
        ...
