"""Two senders side by side: what both sent, what only one of them did, and how far apart in time. Pure.

A message of one and a message of the other are the same when they went to one person no further apart than a span; each is paired at
most once. Pairs are made in order of time, which pairs as many as can be paired.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

import msgspec

from tidings.clock import iso


class Send(msgspec.Struct, frozen=True, kw_only=True):
    """One message, sent or to be sent."""

    person: str
    """Profile id; of somebody whom nobody knows, what the other sender calls her."""
    at_us: int
    what: str = ""
    """Template or campaign."""


class Pair(msgspec.Struct, frozen=True):
    """One message of each, for one person."""

    ours: Send
    theirs: Send

    @property
    def later_us(self) -> int:
        """How much later theirs is than ours; negative when it is earlier."""
        return self.theirs.at_us - self.ours.at_us


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison."""

    both: list[Pair]
    only_ours: list[Send]
    only_theirs: list[Send]


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """How far apart pairs are; all zero when there are none."""

    median_us: int = 0
    """Of theirs minus ours: positive when they are later."""
    p95_us: int = 0
    """Of the distance, whichever is earlier: 95 in 100 are no further apart."""
    most_us: int = 0


class Day(msgspec.Struct, frozen=True, kw_only=True):
    """One day in UTC."""

    day: str
    both: int
    only_ours: int
    only_theirs: int


def beside(ours: Iterable[Send], theirs: Iterable[Send], within_us: int) -> Beside:
    """Pair what two senders sent; `within_us` is how far apart a pair may be."""
    mine, other = _by_person(ours), _by_person(theirs)
    found = Beside(both=[], only_ours=[], only_theirs=[])
    for person in sorted({*mine, *other}):
        _pair(mine.get(person, []), other.get(person, []), within_us, found)
    return found


def _by_person(sends: Iterable[Send]) -> dict[str, list[Send]]:
    found: dict[str, list[Send]] = {}
    for one in sorted(sends, key=lambda send: (send.at_us, send.what)):
        found.setdefault(one.person, []).append(one)
    return found


def _pair(ours: Sequence[Send], theirs: Sequence[Send], within_us: int, into: Beside) -> None:
    """One person's; both in order of time."""
    i = j = 0
    while i < len(ours) and j < len(theirs):
        apart_us = theirs[j].at_us - ours[i].at_us
        if abs(apart_us) <= within_us:
            into.both.append(Pair(ours[i], theirs[j]))
            i, j = i + 1, j + 1
        elif apart_us > 0:
            into.only_ours.append(ours[i])
            i += 1
        else:
            into.only_theirs.append(theirs[j])
            j += 1
    into.only_ours.extend(ours[i:])
    into.only_theirs.extend(theirs[j:])


def apart(pairs: Sequence[Pair]) -> Apart:
    """How far apart pairs are."""
    if not pairs:
        return Apart()
    distances = sorted(abs(one.later_us) for one in pairs)
    at = min(len(distances) - 1, -(-95 * len(distances) // 100) - 1)
    return Apart(median_us=round(median(one.later_us for one in pairs)), p95_us=distances[at], most_us=distances[-1])


def days(found: Beside) -> list[Day]:
    """Counts by day, in order; a pair counts on the day of ours."""
    both = Counter(_day(one.ours) for one in found.both)
    mine, other = Counter(map(_day, found.only_ours)), Counter(map(_day, found.only_theirs))
    return [
        Day(day=day, both=both[day], only_ours=mine[day], only_theirs=other[day])
        for day in sorted({*both, *mine, *other})
    ]


def _day(send: Send) -> str:
    return iso(send.at_us)[:10]
