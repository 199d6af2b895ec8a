"""Law 3: people enter and leave segments at the very microsecond, whatever happened, came late, or crashed meanwhile.

The oracle (`rule_oracle`) knows a person's whole history and evaluates the rule's definition anew: at every unit of time, at
every instant that a span of the rule makes matter and a microsecond beside it, and at and just before each change that was
claimed. So a change that is missing, too early or too late by a microsecond is found.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.property import rule_cases
from tests.property.rule_cases import LENGTH, START_US, UNITS, Rules
from tests.property.rule_oracle import Question, span_us
from tidings.domain.event import Event
from tidings.domain.output import FactKind
from tidings.domain.record import LogRecord
from tidings.domain.wire import normalise
from tidings.hosts.simulator import Simulator
from tidings.ids import profile_id
from tidings.testing import histories
from tidings.testing.histories import POINTS, Advance, Crash, SetClock, Take

BATCHES = 40
CASES = 150
"""Rules with a history each, per batch: 6,000 in all."""
TOGETHER = 2
"""Rules that a history is tried on at once: what changes one must not disturb the other."""

Change = tuple[str, bool, int]
"""Segment, whether it was entered, occurred."""


Item = Take | Advance | Crash | SetClock


def history(rng: Random, unit: str) -> list[Item]:
    """A person's calls as the log takes them, with copies, pauses, crashes, a clock that is set back, and an idle end."""
    items: list[Item] = []
    at_us = START_US
    for taken_us, record in rule_cases.person(rng, unit, "ann"):
        at_us = max(at_us, taken_us)
        if rng.random() < 0.15:
            items.append(Crash(rng.choice(POINTS)))
        if rng.random() < 0.5:
            items.append(Advance(at_us - rng.choice([0, 1, UNITS[unit] // 2])))
        items.append(Take(at_us, [record]))
        if rng.random() < 0.1:
            items += [SetClock(-rng.randint(1, 10) * UNITS[unit] // 2), Take(0, [record])]  # the same again
        if rng.random() < 0.1:
            items.append(SetClock(-rng.randint(1, 10) * UNITS[unit]))
    return [*items, Advance(START_US + (LENGTH + 60) * UNITS[unit])]


def taken(simulator: Simulator) -> list[Event]:
    """The events as the log has them, each once."""
    found: dict[str, Event] = {}
    for block in simulator.log.read(0, 10_000):
        for number, record in enumerate(block.records):
            event = normalise(record, block.first_offset + number, block.taken_us)
            assert isinstance(event, Event)
            found.setdefault(event.event_id, event)
    return sorted(found.values(), key=lambda event: event.offset)


def spans(raw: Any) -> set[int]:
    """All spans that stand anywhere in definitions."""
    if isinstance(raw, dict):
        own = {span_us(raw[name]) for name in ("within", "older_than") if isinstance(raw.get(name), str)}
        return own.union(*map(spans, raw.values()))
    return set().union(*map(spans, raw)) if isinstance(raw, list) else set()


class Oracle:
    """One person's memberships by the definition of law 3."""

    def __init__(self, rules: list[Any], traits: dict[str, Any], unit_us: int, matter: set[int]) -> None:
        self.rules = rules
        self.traits = traits
        self.unit_us = unit_us
        self.matter = matter
        """Instants to look at besides."""
        self.known: list[Event] = []
        self.members: set[int] = set()
        self.clock_us = 0
        self.changes: list[Change] = []

    def look(self, at_us: int) -> bool:
        """Evaluate every rule; whether a membership changed."""
        now = Question(self.known, at_us, self.traits)
        before = set(self.members)
        for number, rule in enumerate(self.rules):
            if now.holds(rule) != (number in self.members):
                self.members ^= {number}
                self.changes.append((f"s{number}", number in self.members, at_us))
        return before != self.members

    def pass_until(self, at_us: int) -> None:
        """Let time pass to an instant, inclusive."""
        grid = range((self.clock_us // self.unit_us + 1) * self.unit_us, at_us + 1, self.unit_us)
        for instant in sorted({us for us in (*grid, *self.matter) if self.clock_us < us <= at_us}):
            if self.look(instant):
                self.clock_us = instant

    def take(self, event: Event) -> None:
        """An event comes to be known."""
        if self.known:
            self.pass_until(event.received_us)
        self.known.append(event)
        self.clock_us = max(self.clock_us, event.occurred_us)
        self.look(self.clock_us)
        self.pass_until(event.received_us)


def expected(
    rules: list[Any], traits: dict[str, Any], events: list[Event], claimed: list[Change], unit: str
) -> list[Change]:
    """The changes that there should have been."""
    instants = {event.occurred_us for event in events}
    matter = {at + span for at in instants for span in (0, *spans(rules), *spans(traits))} | {
        us for _, _, us in claimed
    }
    near = {us + by for us in matter for by in (-1, 0, 1)}
    oracle = Oracle(rules, traits, UNITS[unit], near)
    for event in events:
        oracle.take(event)
    oracle.pass_until(START_US + (LENGTH + 60) * UNITS[unit])
    return oracle.changes


def used(traits: dict[str, Any], rules: Any) -> dict[str, Any]:
    """The computed traits that the rules name, and those that these name."""
    text = str(rules)
    names = {name for name in traits if f"'{name}'" in text}
    inner = {
        value for name in names for one in traits[name].values() for value in one.values() if isinstance(value, str)
    }
    return {name: one for name, one in traits.items() if name in names or name in inner}


def compare(rules: list[Any], traits: dict[str, Any], items: list[Any], unit: str, max_batch: int) -> tuple[Any, Any]:
    """(what happened, what should have happened), by segment."""
    simulator = histories.run(rule_cases.definitions(rules, traits), items, max_batch=max_batch)
    facts = [
        (fact.subject, fact.kind == FactKind.SEGMENT_ENTERED, fact.occurred_us)
        for fact in simulator.sink.facts
        if fact.kind in (FactKind.SEGMENT_ENTERED, FactKind.SEGMENT_LEFT)
    ]
    should = expected(rules, traits, taken(simulator), facts, unit)
    names = [f"s{number}" for number in range(len(rules))]
    return (
        [[f for f in facts if f[0] == name] for name in names],
        [[f for f in should if f[0] == name] for name in names],
    )


def smallest(rules: list[Any], traits: dict[str, Any], items: list[Any], unit: str, max_batch: int) -> list[Any]:
    """The history without what the difference does not need."""
    for index in range(len(items) - 2, -1, -1):
        fewer = items[:index] + items[index + 1 :]
        if any(isinstance(item, Take) for item in fewer):
            happened, should = compare(rules, traits, fewer, unit, max_batch)
            if happened != should:
                items = fewer
    return items


@pytest.mark.parametrize("seed", range(BATCHES))
def test_people_enter_and_leave_at_the_microsecond(seed: int) -> None:
    rng = Random(seed)
    for _ in range(CASES // TOGETHER):
        unit = rng.choice(list(UNITS))
        made = Rules(rng, unit)
        rules = [made.rule() for _ in range(TOGETHER)]
        traits = used(rule_cases.traits_in(unit), rules)
        items = history(rng, unit)
        max_batch = rng.choice([1, 2, 5_000])
        happened, should = compare(rules, traits, items, unit, max_batch)
        if happened != should:
            items = smallest(rules, traits, items, unit, max_batch)
            happened, should = compare(rules, traits, items, unit, max_batch)
            shown = [item.records[0].body if isinstance(item, Take) else item for item in items]
            assert happened == should, (rules, traits, shown)


# Two people who turn out to be one: from then on all goes as if she had been one, at the later of the two clocks


def merged(
    rules: list[Any], traits: dict[str, Any], events: list[Event], near: set[int], unit: str, survivor: str
) -> Any:
    """(changes of the survivor, of the other) by the definition."""
    oracles = {user: Oracle(rules, traits, UNITS[unit], near) for user in ("ann", "bob")}
    other = "bob" if survivor == "ann" else "ann"
    one, absorbed = oracles[survivor], oracles[other]
    for event in events:
        if event.kind == "alias":
            for oracle in (one, absorbed):
                if oracle.known:
                    oracle.pass_until(event.received_us)
            absorbed.changes += [(f"s{number}", False, event.occurred_us) for number in sorted(absorbed.members)]
            one.known += absorbed.known
            one.clock_us = max(one.clock_us, absorbed.clock_us)
            one.look(one.clock_us)
            oracles[other] = one
        oracles[event.user_id].take(event)
    one.pass_until(START_US + (LENGTH + 60) * UNITS[unit])
    return one.changes, absorbed.changes


@pytest.mark.parametrize("seed", range(8))
def test_people_who_turn_out_to_be_one_are_members_as_one(seed: int) -> None:
    rng = Random(1_000 + seed)
    for _ in range(40):
        unit = rng.choice(list(UNITS))
        made = Rules(rng, unit)
        rules = [made.rule() for _ in range(TOGETHER)]
        traits = used(rule_cases.traits_in(unit), rules)
        found = [one for user in ("ann", "bob") for one in rule_cases.person(rng, unit, user, most=6)]
        at_us = (
            max(min(us for us, record in found if user in record.body) for user in (b'"ann"', b'"bob"')) + UNITS[unit]
        )
        found.append((at_us, histories.call("alias", "alias", at_us, user="ann", previousId="bob")))
        items: list[Item] = [Take(us, [record]) for us, record in sorted(found, key=lambda one: one[0])]
        items.append(Advance(START_US + (LENGTH + 60) * UNITS[unit]))
        simulator = histories.run(rule_cases.definitions(rules, traits), items, max_batch=rng.choice([1, 5_000]))
        (fact,) = [fact for fact in simulator.sink.facts if fact.kind == FactKind.PROFILE_MERGED]
        survivor = "ann" if fact.profile_id == profile_id("user_id", "ann") else "bob"
        claimed: dict[str, list[Change]] = {fact.profile_id: [], fact.subject: []}
        for one in simulator.sink.facts:
            if one.kind in (FactKind.SEGMENT_ENTERED, FactKind.SEGMENT_LEFT):
                claimed[one.profile_id].append((one.subject, one.kind == FactKind.SEGMENT_ENTERED, one.occurred_us))
        events = taken(simulator)
        matter = {e.occurred_us + span for e in events for span in (0, *spans(rules), *spans(traits))}
        matter |= {us for changes in claimed.values() for _, _, us in changes}
        near = {us + by for us in matter for by in (-1, 0, 1)}
        should = merged(rules, traits, events, near, unit, survivor)
        assert [sorted(claimed[one]) for one in (fact.profile_id, fact.subject)] == [sorted(one) for one in should], (
            rules
        )


def test_the_oracle_sees_a_change_that_comes_a_microsecond_too_late() -> None:
    """What finds nothing proves nothing."""
    rules = [{"did": {"event": "A", "within": "5s"}}]
    record: LogRecord = histories.call("track", "e", START_US, user="ann", event="A")
    simulator = histories.run(rule_cases.definitions(rules, {}), [Take(START_US, [record]), Advance(START_US + 10**8)])
    late = [("s0", True, START_US), ("s0", False, START_US + 5_000_001)]
    assert expected(rules, {}, taken(simulator), late, "s") == [late[0], ("s0", False, START_US + 5_000_000)]
