"""Shadow mode: what it decides, and that nobody else notices it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.core import World, definitions, write
from tidings import workspace
from tidings.errors import DefinitionError
from tidings.testing import histories

DAY_S = 86_400
POLICY = """
marketing: {consent: not_needed, cap: {at_most: 1, per: 24h}}
news: {consent: required}
"""
REAL = """
entry: {event: Real}
steps: [{id: mail, send: {template: real}}]
"""
SHADOW = """
shadow: true
entry: {event: Shadow}
steps: [{id: mail, send: {template: shadow}}, {id: news, send: {template: news, category: news}}]
"""


def world(folder: Path, policy: str = POLICY, **journeys: str) -> World:
    made = World(definitions(folder, policy=policy, **({"real": REAL, "ghost": SHADOW} | journeys)))
    made.identify(0, email="ann@x.example")
    return made


def decided(made: World) -> list[tuple[str, str]]:
    return [(one.template, one.suppressed or "sent") for one in made.sends()]


def test_what_would_have_gone_is_recorded_and_other_reasons_come_first(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.track(1, "Shadow")
    assert sorted(decided(made)) == [("news", "no_consent"), ("shadow", "shadow")]


def test_no_real_message_counts_a_shadow_and_shadows_count_each_other_and_the_real_ones(tmp_path: Path) -> None:
    made = world(tmp_path)
    made.track(1, "Shadow")
    made.track(2, "Shadow")
    made.track(3, "Real")
    made.track(DAY_S + 10, "Real")
    made.track(DAY_S + 11, "Shadow")
    assert [one for one in decided(made) if one[0] != "news"] == [
        ("shadow", "shadow"), ("shadow", "frequency_cap"), ("real", "sent"), ("real", "sent"), ("shadow", "frequency_cap"),
    ]  # fmt: skip


def test_without_the_shadow_everything_real_is_the_same(tmp_path: Path) -> None:
    policy = POLICY + "arbitration: {categories: [marketing], window: 1h, hold: 10m}\n"
    both = world(tmp_path / "both", policy)
    alone = world(tmp_path / "alone", policy, ghost="entry: {event: Never}\nsteps: [{id: end, exit: x}]")
    for made in (both, alone):
        for at_s, event in (
            (1, "Shadow"),
            (2, "Real"),
            (500, "Shadow"),
            (3_000, "Real"),
            (90_000, "Real"),
            (90_001, "Shadow"),
        ):
            made.track(at_s, event)
        made.until(200_000)

    def real(made: World) -> list[Any]:
        found = [one for one in made.sends() if one.journey == "real"]
        return [
            (one.message_id, one.decided_us, one.suppressed, one.why["arbitration"], one.why["caps"]) for one in found
        ]

    assert real(both) == real(alone)
    assert any(one.suppressed == "shadow" for one in both.sends())


def test_a_shadow_does_nothing_outside_and_starts_nothing_real(tmp_path: Path) -> None:
    steps = """
shadow: true
entry: {event: Shadow}
steps:
  - {id: mark, update: {seen: true}}
  - {id: begin, start: {journey: real}}
  - {id: mail, send: {template: shadow}}
"""
    made = world(tmp_path, ghost=steps)
    made.track(1, "Shadow")
    made.until(DAY_S)
    assert decided(made) == [("shadow", "shadow")]
    assert "seen" not in made.person().traits
    outcomes = [fact.data["outcome"] for fact in made.facts("run_step")]
    assert "real does not start: shadow" in outcomes
    assert "would send shadow (shadow)" in outcomes


def test_what_is_remembered_is_bounded_survives_a_merge_and_a_replay_decides_the_same(tmp_path: Path) -> None:
    policy = "marketing: {consent: not_needed, cap: {at_most: 2, per: 1s}}"
    what = definitions(
        tmp_path,
        policy=policy,
        real=REAL,
        ghost=SHADOW.replace(", {id: news, send: {template: news, category: news}}", ""),
    )
    made = World(what)
    made.identify(0, email="ann@x.example")
    made.track(1, "Shadow", user="bob")
    for number in range(40):
        made.track(10 + number, "Shadow")
    made.alias(100, "bob", "ann")
    made.track(101, "Shadow")
    assert len(made.person().ghosts) <= 10
    assert made.person().sends == []
    again = histories.replay(what, made.simulator)
    assert histories.intents(again) == histories.intents(made.simulator.sink)


def test_no_is_no_and_yes_is_yes(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="shadow"):
        workspace.load(write(tmp_path, real="shadow: maybe\n" + REAL))
