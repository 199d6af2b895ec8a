"""A rule is explained part by part, and its leaves say what each condition says of itself."""

from __future__ import annotations

import re
from random import Random
from typing import Any

import pytest

from tests.property import rule_cases
from tests.property.rule_cases import UNITS, Rules
from tests.unit.rules.build import S_US, T_US, build
from tidings.domain.profile import ProfileState
from tidings.hosts.simulator import Simulator
from tidings.rules.base import Condition
from tidings.rules.explain import Reason, reasons
from tidings.rules.in_segment import InSegment
from tidings.rules.joined import Joined
from tidings.rules.not_ import Not

ONCE = [("Order", 0)]


def drawn(rule: Any, *events: tuple[str, float]) -> list[str]:
    """The tree, a line a part."""
    condition, state = build(rule, *events)
    return list(lines(reasons(condition, state, T_US + 10 * S_US), ""))


def lines(reason: Reason, indent: str) -> Any:
    yield f"{indent}{'+' if reason.holds else '-'} {reason.words}" + (f" | {reason.own}" if reason.own else "")
    for part in reason.parts:
        yield from lines(part, indent + "  ")


def test_a_single_condition_is_a_single_line_with_her_own_values() -> None:
    assert drawn({"did": {"event": "Order", "within": "30s"}}, *ONCE) == [
        "+ did Order within 30s | last at 2027-01-15T08:00:00Z, until 2027-01-15T08:00:30Z"
    ]


def test_every_part_says_whether_it_holds_also_behind_the_one_that_decides() -> None:
    rule = {"all": [{"did": {"event": "Mail"}}, {"any": [{"did": {"event": "Order"}}, {"did": {"event": "Page"}}]}]}
    assert drawn(rule, *ONCE) == [
        "- all of these",
        "  - did Mail | never seen",
        "  + any of these",
        "    + did Order | last at 2027-01-15T08:00:00Z",
        "    - did Page | never seen",
    ]


def test_what_is_turned_round_says_so_and_holds_the_other_way() -> None:
    did, mail = {"did": {"event": "Order"}}, {"did": {"event": "Mail"}}
    assert drawn({"not": did}, *ONCE) == ["- not: did Order | last at 2027-01-15T08:00:00Z"]
    assert drawn({"not": {"any": [did, mail]}}, *ONCE)[0] == "- none of these"
    assert drawn({"not": {"all": [did, mail]}}, *ONCE)[0] == "+ not all of these"
    assert drawn({"not": {"not": did}}, *ONCE) == ["+ not so", "  - not: did Order | last at 2027-01-15T08:00:00Z"]


@pytest.mark.parametrize("seed", range(20))
def test_leaves_of_any_rule_say_what_the_conditions_say(seed: int) -> None:
    rng = Random(seed)
    unit = rng.choice(list(UNITS))
    made = Rules(rng, unit)
    definitions = rule_cases.definitions([made.rule() for _ in range(30)], rule_cases.traits_in(unit))
    simulator = Simulator(definitions)
    taken_us = 0
    for taken_us, record in rule_cases.person(rng, unit, "ann", 15):
        simulator.take([record], taken_us)
    simulator.run()
    (state,) = simulator.people()
    for segment in definitions.segments.all():
        compare(segment.rule, reasons(segment.rule, state, taken_us), state, taken_us)


def compare(condition: Condition, reason: Reason, state: ProfileState, at_us: int) -> None:
    """The tree follows the rule, and has each of its words."""
    assert reason.holds == condition.judge(state, at_us).holds
    inner: Any = condition.part if isinstance(condition, Not) else condition
    if isinstance(inner, Joined):
        for part, one in zip(inner.parts, reason.parts, strict=True):
            compare(part, one, state, at_us)
    elif isinstance(inner, InSegment):
        compare(inner.rule, reason.parts[0], state, at_us)
    elif isinstance(inner, Not):
        compare(inner, reason.parts[0], state, at_us)
    else:
        word = "yes" if inner.judge(state, at_us).holds else "no"
        assert inner.explain(state, at_us) == f"{inner.words()}: {word} ({reason.own})"
        assert re.search(r"\w", reason.own), reason
