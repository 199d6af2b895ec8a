"""Law 2 over random journeys: each case is a random workspace and a random history, crashed at every record."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.property import random_journeys as drawn
from tidings.clock import DAY_US
from tidings.domain.profile import ProfileState, Run
from tidings.hosts.simulator import Simulator
from tidings.process.entries import kinds as entry_kinds
from tidings.process.steps import kinds
from tidings.testing import histories

CASES = 1_000
PORTION = 50


@pytest.mark.parametrize("first", range(0, CASES, PORTION))
def test_a_replay_and_a_run_that_is_killed_at_every_record_do_the_same(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + PORTION):
        folder = tmp_path / str(seed)
        definitions = drawn.make(seed, folder)
        taken = drawn.records(seed)
        once = histories.run(definitions, drawn.history(taken), answering=drawn.answering)
        taken += drawn.feedback(seed, list(once.sink.sends.values()))
        live = histories.run(definitions, drawn.history(taken), answering=drawn.answering)
        same(live, histories.replay(definitions, live, max_batch=7), f"seed {seed}: a replay")
        again = drawn.history(taken, crashes=random.Random(seed))
        killed = histories.run(definitions, again, answering=drawn.answering)
        same(killed, histories.replay(definitions, killed, max_batch=1), f"seed {seed}: a replay of what was killed")
        same(live, killed.sink, f"seed {seed}: killed at every record")
        nobody_is_stuck(live, f"seed {seed}")


def same(live: Simulator, other: object, case: str) -> None:
    assert histories.facts_by_person(other) == histories.facts_by_person(live.sink), f"{case}: other facts"  # type: ignore[arg-type]
    assert histories.intents(other) == histories.intents(live.sink), f"{case}: other intents"  # type: ignore[arg-type]


def nobody_is_stuck(simulator: Simulator, case: str) -> None:
    """Each run waits for a timer that is ahead, or for one of its lanes."""
    for state in simulator.people():
        for run in state.runs:
            assert goes_on(state, run, simulator.clock.now_us()), f"{case}: {run.journey} is stuck at {run.step}"


def goes_on(state: ProfileState, run: Run, now_us: int) -> bool:
    if run.due_us:
        return run.due_us > now_us - DAY_US
    lanes = [one for one in state.runs if one.lane.startswith(run.lane) and one is not run]
    return any(one.journey == run.journey for one in lanes)


def test_every_kind_is_drawn() -> None:
    assert set(drawn.STEPS) == set(kinds.KINDS)
    assert set(drawn.ENTRIES) == set(entry_kinds.KINDS)
