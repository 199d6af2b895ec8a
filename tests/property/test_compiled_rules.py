"""A rule compiled to Python says what the rule says when its tree is walked, at every instant that is asked about."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from tests.property import rule_cases
from tests.property.rule_cases import LENGTH, START_US, UNITS, Rules
from tests.unit import core
from tidings.domain import profile as profiles
from tidings.domain.profile import TraitValue
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


def test_a_rule_may_be_nested_deeper_than_python_nests_loops(tmp_path: Path) -> None:
    segments = "s40: {rule: {trait: deepest, equals: 1}}\n"
    for level in range(40):
        below = f"{{any: [{{in_segment: s{level + 1}}}, {{trait: x{level}, exists: true}}]}}"
        segments += f"s{level}: {{rule: {{all: [{below}, {{trait: sure, exists: true}}]}}}}\n"
    found = core.definitions(tmp_path, segments=segments)
    state = profiles.new("ann", "", 0)
    state.traits["sure"] = TraitValue(True, START_US, "e")
    for value, holds in ((1, True), (2, False)):
        state.traits["deepest"] = TraitValue(value, START_US, "e")
        for one in found.segments.all():
            assert one.judge(state, START_US) == walked(one.rule)(state, START_US) == (holds, 0), one.name
