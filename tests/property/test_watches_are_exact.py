"""Law 3 for runs: a goal, an exit and a wait by a rule come at the very microsecond at which a segment of the same rule is entered.

That segments are exact is shown against an oracle by `test_time_is_exact`; here runs are compared with them, over random rules
and histories with late and doubled events, crashes, pauses and clocks that are set.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.property import rule_cases
from tests.property.rule_cases import LENGTH, START_US, UNITS, Rules
from tests.property.test_time_is_exact import history, used
from tidings.domain.output import Fact, FactKind
from tidings.hosts.simulator import Simulator
from tidings.testing import histories
from tidings.testing.histories import Advance

BATCHES = 20
CASES = 60
"""Histories per batch: 1,200 in all, each with three journeys."""

ENTRY = {"entry": {"event": ["A", "B"]}}
FOREVER = {"id": "forever", "wait": "9999d"}


def journeys(rule: Any) -> list[dict[str, Any]]:
    """One rule as a goal, as an exit and as what is waited for."""
    until = {"id": "see", "wait_until": {"rule": rule, "fresh": False, "timeout": "9999d"}}
    return [
        {"journey": "goal", **ENTRY, "goal": {"rule": rule}, "steps": [FOREVER]},
        {"journey": "leave", **ENTRY, "exit_if": [rule], "steps": [FOREVER]},
        {"journey": "wait", **ENTRY, "steps": [until]},
    ]


def ends(facts: list[Fact], journey: str) -> list[tuple[int, int] | None]:
    """(occurred, known) of the end of each run of a journey; None for those that go on."""
    found: dict[str, tuple[int, int] | None] = {}
    for fact in facts:
        if fact.subject == journey and fact.kind == FactKind.RUN_STARTED:
            found[fact.data["run_id"]] = None
        if fact.subject == journey and fact.kind == FactKind.RUN_ENDED:
            found[fact.data["run_id"]] = _when(fact.occurred_us, fact.known_us)
    return list(found.values())


def expected(facts: list[Fact], journey: str) -> list[tuple[int, int] | None]:
    """The same, told by when the segment of the same rule was entered."""
    found: list[tuple[int, int] | None] = []
    member = False
    for number, fact in enumerate(facts):
        if fact.kind in (FactKind.SEGMENT_ENTERED, FactKind.SEGMENT_LEFT):
            member = fact.kind == FactKind.SEGMENT_ENTERED
        if fact.subject == journey and fact.kind == FactKind.RUN_STARTED:
            entered = (one for one in facts[number:] if one.kind == FactKind.SEGMENT_ENTERED)
            came = fact if member else next(entered, None)
            found.append(_when(came.occurred_us, _acts_us(came)) if came is not None else None)
            assert not (member and journey != "wait"), "nothing begins that would end at once"
    return found


def _when(occurred_us: int, known_us: int) -> tuple[int, int]:
    """An event at the very instant at which time turns the rule is heard first: a microsecond is no difference then."""
    return occurred_us, known_us - (known_us == occurred_us + 1)


def _acts_us(came: Fact) -> int:
    """When it is acted on: just after the instant at which an event told that time had made it so."""
    late = came.occurred_us < came.known_us and came.cause.startswith("timer:")
    return came.known_us + late


def disagreement(simulator: Simulator) -> list[Any]:
    facts = simulator.sink.facts
    found = [(name, ends(facts, name), expected(facts, name)) for name in ("goal", "leave", "wait")]
    return [one for one in found if one[1] != one[2]]


@pytest.mark.parametrize("seed", range(BATCHES))
def test_runs_go_by_rules_at_the_microsecond(seed: int) -> None:
    rng = Random(5_000 + seed)
    for _ in range(CASES):
        unit = rng.choice(list(UNITS))
        rule = Rules(rng, unit).rule()
        traits = used(rule_cases.traits_in(unit), [rule])
        items = [*history(rng, unit)[:-1], Advance(START_US + (LENGTH + 60) * UNITS[unit])]
        made = rule_cases.definitions([rule], traits, journeys(rule))
        simulator = histories.run(made, items, max_batch=rng.choice([1, 2, 5_000]))
        assert disagreement(simulator) == [], (rule, traits, items)
