"""What a run waits for beside its timer: an event, or a rule that becomes true. Goals, exits and waits share it.

Rules are judged at the person's own clock when something that they read changed, and at the instant at which time alone can turn
one (`Run.look_us`), as segments are. What time turned before we knew of it is looked at just after the instant we knew, as waits
that were over are: what the log took at the same instant is heard first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from tidings.accumulate.base import only
from tidings.domain import filter as event_filter
from tidings.domain import schema
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.rules import parse as rule_parse
from tidings.rules import schema as rule_schema
from tidings.rules.base import NEVER, Traits, earliest
from tidings.rules.compile import Judge, compiled

GOAL, EXIT, WAY = "goal", "exit", "way"
"""What it does when it comes: ends the run as wished, ends it, or leads on from the step where it waits."""
KINDS = ("event", "rule", "segment")
"""What may come."""
SETTINGS: dict[str, schema.Schema] = {
    "event": schema.EVENT,
    "where": schema.WHERE,
    "rule": rule_schema.RULE,
    "segment": {"description": "That she is in it.", **schema.NAME},
}
"""How it is written, as JSON Schema."""


class Awaited(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that may come: an event or a rule."""

    event: EventFilter | None = None
    rule: Any = None
    """A condition; None when an event is waited for."""
    judge: Judge | None = None
    """The rule, compiled."""
    fresh: bool = False
    """Whether a rule that holds already must turn false first."""

    def words(self) -> str:
        """For people: ``Order Completed``, ``is in segment vip``."""
        words: str = self.event.words() if self.event is not None else self.rule.words()
        return words

    def did(self) -> str:
        """What has happened once it came, as a run's outcome says it: ``did Order Completed``, ``is in segment vip``."""
        return f"did {' or '.join(self.event.names)}" if self.event is not None else self.words()

    def names(self) -> tuple[str, ...]:
        """Events that it is told of."""
        return self.event.names if self.event is not None else ()

    def came(self, event: Event) -> bool:
        """Whether this event is it."""
        return self.event is not None and self.event.matches(event)

    def holds(self, state: ProfileState, at_us: int) -> bool:
        """Whether it is a rule that is true at this instant."""
        return self.judge is not None and self.judge(state, at_us)[0]


class Watched(msgspec.Struct, frozen=True):
    """A rule that runs at a step watch."""

    kind: str
    """`GOAL`, `EXIT` or `WAY`."""
    index: int
    """Which of the ways of the step."""
    awaited: Awaited
    judge: Judge


class Moment(Protocol):
    """What looking goes by; a `Walk` is one."""

    state: ProfileState
    known_us: int
    late: bool


class Reads:
    """What rules look at, to know when something concerns them."""

    def __init__(self, reads: Iterable[str]) -> None:
        """`reads` as conditions say it: ``slot:3``, ``trait:plan``, ``consent:news``."""
        found: dict[str, set[str]] = {"slot": set(), "trait": set(), "consent": set()}
        for one in reads:
            kind, _, name = one.partition(":")
            found[kind].add(name)
        self._slots = frozenset(map(int, found["slot"]))
        self._traits, self._purposes = frozenset(found["trait"]), frozenset(found["consent"])

    def touched(self, slots: Sequence[int], given: Sequence[str], purpose: str) -> bool:
        """Whether any of these slots, given traits or the consent to this purpose is among it."""
        return (
            not self._slots.isdisjoint(slots)
            or (bool(given) and not self._traits.isdisjoint(given))
            or (bool(purpose) and purpose in self._purposes)
        )


def watched(goal: Awaited | None, exits: Sequence[Awaited], ways: Sequence[Awaited]) -> tuple[Watched, ...]:
    """The rules among these, the goal first: what she did as wished is not to look as if she had just left."""
    every = [(GOAL, 0, goal)] if goal is not None else []
    every += [(EXIT, index, one) for index, one in enumerate(exits)]
    every += [(WAY, index, one) for index, one in enumerate(ways)]
    return tuple(Watched(kind, at, one, one.judge) for kind, at, one in every if one is not None and one.judge)


def arm(run: Run, rules: Sequence[Watched], at_us: int, known_us: int) -> None:
    """The run arrives where it watches these: it looks for the first time, just after the instant at which we knew."""
    run.stale = -1 if any(one.awaited.fresh for one in rules) else 0
    run.look_us = at_us
    run.look_due_us = max(at_us, known_us + 1)


def again(moment: Moment, run: Run, rules: Sequence[Watched]) -> None:
    """All that these rules read may have changed (a merge, other definitions): they are looked at once all is heard."""
    if rules and not looks_back(run, moment.state):
        run.look_us = max(moment.state.clock_us, run.since_us)
        run.look_due_us = max(run.look_us, moment.known_us + 1)


def looks_back(run: Run, state: ProfileState) -> bool:
    """Whether its rules are to be looked at as of an instant before the latest that happened to her; that comes first."""
    return 0 < run.look_us <= state.clock_us


def arrive(moment: Moment, run: Run, rules: Sequence[Watched]) -> Watched | None:
    """What is so already where a run arrives; when we hear late of what began it, that is looked at once all is heard."""
    state, known_us = moment.state, moment.known_us
    due = (run.look_us, run.look_due_us) if not moment.late and looks_back(run, state) else None
    arm(run, rules, run.since_us, known_us)
    if moment.late:
        return None
    found = look(state, run, rules, max(run.since_us, state.clock_us), known_us)
    if found is None and due is not None:
        run.look_us, run.look_due_us = due
    return found


def look(state: ProfileState, run: Run, rules: Sequence[Watched], at_us: int, known_us: int) -> Watched | None:
    """The first of these that is so at an instant; when there is none, the next instant to look at is noted."""
    next_us = NEVER
    for one in rules:
        holds, turns_us = one.judge(state, at_us)
        if one.awaited.fresh and run.stale:
            bit = 1 << one.index
            run.stale = run.stale if holds else run.stale & ~bit
            holds = holds and not run.stale & bit
        if one.kind == WAY and run.timer_us and at_us >= run.timer_us:
            continue  # the time-out was first
        if holds:
            run.look_us = run.look_due_us = 0
            return one
        next_us = earliest(next_us, turns_us)
    run.look_us = next_us
    run.look_due_us = max(next_us, known_us + 1) if next_us else 0
    return None


def parse(raw: Any, traits: Traits, where: str, beside: Collection[str] = ()) -> Awaited:
    """What ``{event: …, where: …}``, ``{rule: …}`` or ``{segment: …}`` speaks of, whatever settings stand `beside` it. Raises DefinitionError."""
    kinds = [one for one in KINDS if isinstance(raw, dict) and one in raw]
    if len(kinds) != 1:
        do = "put a condition below `rule`" if isinstance(raw, dict) and not kinds else ""
        raise DefinitionError(where, "needs exactly one of event, rule and segment", got=raw, do=do)
    if kinds[0] == "event":
        only(raw, {"event", "where", *beside}, where)
        return Awaited(event=event_filter.parse(raw["event"], raw.get("where"), where))
    only(raw, {kinds[0], *beside}, where)
    if kinds[0] == "segment":
        return of_rule({"in_segment": raw["segment"]}, traits, f"{where}.segment")
    return of_rule(raw["rule"], traits, f"{where}.rule")


def of_rule(raw: Any, traits: Traits, where: str, *, fresh: bool = False) -> Awaited:
    """A rule to wait for. Raises DefinitionError."""
    rule = rule_parse.parse(raw, traits, where)
    return Awaited(rule=rule, judge=compiled(rule), fresh=fresh)
