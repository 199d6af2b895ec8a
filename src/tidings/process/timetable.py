"""What begins runs by time alone: which people it concerns, and the alarm of each for her next occasion.

An alarm is named after its entry and never a segment's. It is set for the next occasion that lies ahead of what is known:
what was over already when we learned of it begins nothing. Whoever moves to a zone where the occasion that she waits for
is over has it at once, and one that she had does not come again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from tidings.domain.profile import ProfileState
from tidings.process.entries.calendar import LATEST_US, Occasion, Timetable
from tidings.process.journey import Way
from tidings.rules.base import NEVER

MARK = "~t:"
"""Begins the names of these alarms, and of no segment. At one instant they ring after the timers of runs, so that a run that
ends then has ended, and before messages compete."""


class Timed(msgspec.Struct, frozen=True):
    """One entry that goes by time."""

    key: str
    """Name of its alarms."""
    way: Way
    table: Timetable


class Timetables:
    """All of them, with which of them read what."""

    def __init__(self, ways: Iterable[Way]) -> None:
        found: dict[str, Timed] = {}
        for way in ways:
            table = way.entry.timetable()
            if table is not None:
                key = _key(way.journey.name, found)
                found[key] = Timed(key, way, table)
        self.by_key = found
        self._readers: dict[str, tuple[Timed, ...]] = {}
        for one in found.values():
            for read in dict.fromkeys(_reads(one.table)):
                self._readers[read] = (*self._readers.get(read, ()), one)
        self._slots = frozenset(int(one.removeprefix("slot:")) for one in self._readers if one.startswith("slot:"))

    def touched(self, slots: Iterable[int], given: Sequence[str], purpose: str, *, fresh: bool) -> Collection[Timed]:
        """Those that read any of these slots and given traits, or the consent to this purpose, each once; all when she is new."""
        if fresh:
            return self.by_key.values()
        reads = [f"slot:{slot}" for slot in slots if slot in self._slots]
        reads += [f"trait:{name}" for name in given]
        reads += [f"consent:{purpose}"] if purpose else []
        return {one.key: one for read in reads for one in self._readers.get(read, ())}.values()

    def all(self) -> Collection[Timed]:
        """Every one."""
        return self.by_key.values()


def _key(journey: str, taken: Iterable[str]) -> str:
    """By the journey's name, so that one that is written anew goes on where it was; the second of a journey by a number."""
    key, number = f"{MARK}{journey}", 1
    while key in taken:
        number += 1
        key = f"{MARK}{journey}:{number}"
    return key


def _reads(table: Timetable) -> Iterable[str]:
    yield from table.reads()
    if table.who.rule is not None:
        yield from table.who.rule.reads()


def arrange(state: ProfileState, timed: Timed, known_us: int) -> None:
    """Set her alarm for the next occasion, as is known by now; take it away when there is none."""
    alarm = state.alarms.get(timed.key)
    found = coming(state, timed, known_us, alarm[2] if alarm else None)
    if found is not None:
        at_us = max(found.at_us, known_us + 1)
        state.alarms[timed.key] = [at_us, at_us, found.number]
    elif alarm:
        del state.alarms[timed.key]


def coming(state: ProfileState, timed: Timed, known_us: int, awaited: int | None = None) -> Occasion | None:
    """Her next occasion after an instant; or the one that she waited for, if it lies before it by now."""
    from_us = _from(state, timed, known_us)
    if from_us == NEVER:
        return None
    return following(timed.table, state, from_us - 1, state.occasions.get(timed.key, 0), awaited)


def following(
    table: Timetable, state: ProfileState, after_us: int, had: int = 0, awaited: int | None = None
) -> Occasion | None:
    """The first occasion after an instant, or the one that is awaited, whoever it is for. Those up to the number `had` are over."""
    for one in table.after(state, max(had, after_us - table.margin_us())):
        if one.at_us >= LATEST_US:
            return None
        if one.at_us > after_us or one.number == awaited:
            return one
    return None


def _from(state: ProfileState, timed: Timed, known_us: int) -> int:
    """The first instant from which on it can be; `NEVER` when that is not before something happens to her."""
    judge = timed.table.who.judge
    holds, next_us = judge(state, known_us) if judge is not None else (True, NEVER)
    return known_us + 1 if holds else next_us


def ring(state: ProfileState, timed: Timed, known_us: int) -> bool:
    """Her alarm rings: whether it is for her. The next one is set."""
    number = state.alarms.pop(timed.key)[2]
    state.occasions[timed.key] = max(number, state.occasions.get(timed.key, 0))
    judge = timed.table.who.judge
    holds = judge is None or judge(state, known_us)[0]
    arrange(state, timed, known_us)
    return holds


def absorb(state: ProfileState, other: ProfileState) -> None:
    """Take over what the absorbed one had, and what she waits for."""
    for key, number in other.occasions.items():
        state.occasions[key] = max(number, state.occasions.get(key, 0))
    for key, alarm in other.alarms.items():
        if key.startswith(MARK):
            state.alarms.setdefault(key, alarm)
