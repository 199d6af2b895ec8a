"""Laws 1 and 2 over random journeys: each case is a random workspace and a random history, crashed at every record.

In others the definitions change in the middle, and some are told again to the host on disk.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from tests.acceptance.hosts import OnDisk
from tests.property import random_journeys as drawn
from tests.property.test_laws import arrive, people
from tidings.clock import DAY_US
from tidings.domain import plain
from tidings.domain.profile import ProfileState, Run
from tidings.hosts.simulator import MemorySink, Simulator
from tidings.process.entries import kinds as entry_kinds
from tidings.process.steps import kinds
from tidings.testing import histories
from tidings.workspace import Definitions

CASES = 800
CHANGES = 200
PORTION = 50
ORDERS = 100
ON_DISK = 30


@pytest.fixture(autouse=True)
def _read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "parse", drawn.remembering(plain.parse))


@pytest.mark.parametrize("first", range(0, CASES, PORTION))
def test_a_replay_and_a_run_that_is_killed_at_every_record_do_the_same(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + PORTION):
        told(seed, drawn.make(seed, tmp_path / str(seed)))


@pytest.mark.parametrize("first", range(0, CHANGES, PORTION))
def test_so_they_do_when_the_definitions_change_in_the_middle(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + PORTION):
        folder = tmp_path / str(seed)
        definitions = drawn.make(seed, folder / "a")
        drawn.changed(seed, folder)
        told(seed, definitions, {"a": folder / "a", "b": folder / "b"})


def told(seed: int, definitions: Definitions, versions: Mapping[str, Path] | None = None) -> Simulator:
    """One case: lived, told again from the log, and lived with a crash at every record."""
    taken, changes = [*drawn.records(seed), *drawn.asked(seed, definitions)], drawn.change(seed) if versions else []
    once = lived(definitions, drawn.history(taken, changes=changes), versions)
    taken += drawn.feedback(seed, list(once.sink.sends.values()))
    live = lived(definitions, drawn.history(taken, changes=changes), versions)
    same(live, histories.replay(definitions, live, max_batch=7, versions=versions), f"seed {seed}: a replay")
    again = drawn.history(taken, random.Random(seed), changes)
    killed = lived(definitions, again, versions)
    replayed = histories.replay(definitions, killed, max_batch=1, versions=versions)
    same(killed, replayed, f"seed {seed}: a replay of what was killed")
    same(live, killed.sink, f"seed {seed}: killed at every record")
    nobody_is_stuck(live, f"seed {seed}")
    she_is_woken(live, f"seed {seed}")
    return live


def lived(
    definitions: Definitions, history: list[histories.Item], versions: Mapping[str, Path] | None = None
) -> Simulator:
    return histories.run(definitions, history, answering=drawn.answering, versions=versions)


def same(live: Simulator, other: MemorySink, case: str) -> None:
    assert histories.facts_by_person(other) == histories.facts_by_person(live.sink), f"{case}: other facts"
    assert histories.intents(other) == histories.intents(live.sink), f"{case}: other intents"
    assert other.holds == live.sink.holds, f"{case}: other holds"


def nobody_is_stuck(simulator: Simulator, case: str) -> None:
    """Each run waits for a timer that is ahead, or for one of its lanes; each lane has the run that it belongs to."""
    for state in simulator.people():
        for run in state.runs:
            assert goes_on(state, run, simulator.clock.now_us()), f"{case}: {run.journey} is stuck at {run.step}"
            assert not run.parent or any(one.run_id == run.parent for one in state.runs), f"{case}: a lane is lost"


def she_is_woken(simulator: Simulator, case: str) -> None:
    """Whatever is due for a person is what she is woken for, and the index has it."""
    for state in simulator.people():
        due = [due_us for run in state.runs for due_us in (run.due_us, run.look_due_us) if due_us]
        first_us = min([*due, *(alarm[1] for alarm in state.alarms.values())], default=0)
        assert state.next_due_us == first_us, f"{case}: she is woken at another instant"
        assert not first_us or 0 < state.indexed_us <= first_us, f"{case}: nobody wakes her"


def goes_on(state: ProfileState, run: Run, now_us: int) -> bool:
    if run.due_us:
        return run.due_us > now_us - DAY_US
    return bool(run.paused_us) or any(one.parent == run.run_id for one in state.runs)


@pytest.mark.parametrize("first", range(0, ORDERS, PORTION))
def test_what_she_is_does_not_depend_on_the_order_of_arrival(first: int, tmp_path: Path) -> None:
    for seed in range(first, first + PORTION):
        definitions, rng = drawn.make(seed, tmp_path / str(seed)), random.Random(seed)
        events = [one for _, one in drawn.records(seed) if one.source == "test" and b'"alias"' not in one.body]
        found = []
        for _ in range(2):
            simulator = Simulator(definitions, max_batch=rng.choice([1, 3, 100]), answering=None)
            arrive(simulator, events, [rng.randint(1, 9)])
            simulator.advance_to(drawn.START_US + 3 * drawn.SPAN_US)
            found.append(people(simulator))
            events = rng.sample(events, len(events))
        assert found[0] == found[1], f"seed {seed}"


def test_the_host_on_disk_does_the_same(tmp_path: Path) -> None:
    for seed in range(ON_DISK):
        definitions = drawn.make(seed, tmp_path / str(seed))
        taken = [*drawn.records(seed), *drawn.asked(seed, definitions)]
        live = lived(definitions, drawn.history(taken))
        folder = tmp_path / f"{seed}-disk"
        folder.mkdir()
        on_disk = OnDisk(definitions, drawn.START_US - DAY_US, folder)
        for block in live.log.read(0, live.log.head()):
            on_disk.take(block.records, block.taken_us)
        on_disk.advance_to(live.clock.now_us())
        facts = MemorySink()
        facts.facts = on_disk.facts()
        assert histories.facts_by_person(facts) == histories.facts_by_person(live.sink), f"seed {seed}: other facts"
        ours = [live.sink.sends[one] for one in sorted(live.sink.sends)]
        assert msgspec.json.encode(on_disk.sends()) == msgspec.json.encode(ours), f"seed {seed}: other messages"
        on_disk.close()


def test_every_kind_is_drawn() -> None:
    assert set(drawn.STEPS) == set(kinds.KINDS)
    assert set(drawn.ENTRIES) == set(entry_kinds.KINDS)
