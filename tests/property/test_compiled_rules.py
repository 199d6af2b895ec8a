"""A rule compiled to Python says what the rule says when its tree is walked, at every instant that is asked about."""

from __future__ import annotations

from random import Random

import pytest

from tests.property import rule_cases
from tests.property.rule_cases import LENGTH, START_US, UNITS, Rules
from tidings.hosts.simulator import Simulator
from tidings.rules.compile import Source, walked, write

SEEDS = 40
RULES = 40


@pytest.mark.parametrize("seed", range(SEEDS))
def test_both_ways_give_the_same_verdict(seed: int) -> None:
    rng = Random(seed)
    unit = rng.choice(list(UNITS))
    made = Rules(rng, unit)
    definitions = rule_cases.definitions([made.rule() for _ in range(RULES)], rule_cases.traits_in(unit))
    simulator = Simulator(definitions)
    for taken_us, record in rule_cases.person(rng, unit, "ann", 30):
        simulator.take([record], taken_us)
        simulator.run()
        (state,) = simulator.people()
        for segment in definitions.segments.all():
            for at_us in (taken_us, taken_us - 1, START_US + rng.randrange(LENGTH) * UNITS[unit]):
                assert segment.judge(state, at_us) == walked(segment.rule)(state, at_us), segment.rule


def test_nothing_of_a_definition_is_part_of_the_text() -> None:
    rule = {"all": [{"trait": "x'); import os", "equals": "__import__('os')"}, {"trait": "n", "at_least": 7}]}
    (segment,) = rule_cases.definitions([rule], rule_cases.traits_in("s")).segments.all()
    source = Source()
    write(segment.rule, source)
    assert "import" not in source.text()
