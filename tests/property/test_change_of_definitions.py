"""Definitions that change in the middle of things: nothing is missed, nothing counts twice, and a replay does the same.

Random people, merges, late events, definitions before and after; prepare and switch anywhere; crashes at every point; and
people who are reached before and after their turn.
"""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from tests.property import rule_cases
from tests.property.rule_cases import LENGTH, START_US, UNITS, Rules
from tidings import workspace
from tidings.clock import SECOND_US
from tidings.domain.control import Change, is_change, record_of
from tidings.domain.output import FactKind
from tidings.domain.profile import ProfileState
from tidings.domain.record import LogRecord
from tidings.hosts.simulator import MemoryPast, MemoryShelf, Simulator
from tidings.log.base import Log
from tidings.process import adopt, profile
from tidings.process.adopt import Adoption
from tidings.process.layout import Layout
from tidings.testing.histories import POINTS, Killed, call, facts_by_person, intents
from tidings.workspace import Definitions

CASES = 60
SEGMENTS = 6
JOURNEY = "journey: greet\nentry: {segment: s0}\nsteps:\n  - id: hello\n    send: {template: welcome}\n"

Histories = list[tuple[int, LogRecord]]


def folder(path: Path, rules: list[Any], traits: dict[str, Any]) -> Path:
    """A workspace folder."""
    (path / "journeys").mkdir(parents=True)
    segments = {f"s{number}": {"rule": rule} for number, rule in enumerate(rules)}
    (path / "traits.yml").write_bytes(msgspec.json.encode(traits))
    (path / "segments.yml").write_bytes(msgspec.json.encode(segments))
    (path / "policy.yml").write_text("marketing: {consent: not_needed}")
    (path / "journeys" / "greet.yml").write_text(JOURNEY)
    return path


def two_versions(path: Path, rng: Random, unit: str) -> dict[str, Path]:
    """Definitions, and others that share some of them: ``a`` and ``b``."""
    made, traits = Rules(rng, unit), rule_cases.traits_in(unit)
    kept = {name: one for name, one in traits.items() if name in ("n", "total", "n_lately", "first_a", "last_b")}
    same = [{"did": {"event": "A", "at_least": 2, "within": f"6{unit}"}}, {"trait": "total", "at_least": 2}]
    fresh = [{"did": {"event": ["A", "B"], "at_least": 3}}, {"trait": "n_lately", "at_least": 2}]
    before = folder(path / "a", [*fresh, *same], kept)
    after = folder(path / "b", [*same, *(made.rule() for _ in range(SEGMENTS))], traits)
    return {"a": before, "b": after}


def histories(rng: Random, unit: str) -> Histories:
    """People who come as strangers, turn out to be somebody, and are joined, before and after the change."""
    found: Histories = []
    for who in ("ann", "bob", "cid"):
        found += rule_cases.person(rng, unit, who)
        for device in (f"{who}-phone", f"{who}-desk"):
            found += as_stranger(rule_cases.person(rng, unit, device), device)
            at_us = START_US + rng.randint(0, LENGTH) * UNITS[unit]
            found.append((at_us, call("identify", f"{device}-is", at_us, user=who, anonymous=device, traits={})))
    at_us = START_US + rng.randint(0, LENGTH) * UNITS[unit]
    found.append((at_us, call("alias", "joined", at_us, user="ann", previousId="bob")))
    return sorted(found, key=lambda one: one[0])


def as_stranger(history: Histories, device: str) -> Histories:
    """The same from a device that nobody knows."""
    found = []
    for at_us, record in history:
        body = msgspec.json.decode(record.body)
        del body["userId"]
        found.append((at_us, LogRecord(record.source, "", 0, msgspec.json.encode({**body, "anonymousId": device}))))
    return found


class Story:
    """One log that is taken and processed while processing is killed now and then."""

    def __init__(self, versions: dict[str, Path], rng: Random) -> None:
        self._pending: list[str] = []
        self._rng = rng
        self.simulator = Simulator(
            workspace.load(versions["a"]),
            max_batch=rng.choice([1, 7, 100]),
            checkpoint=self._maybe_die,
            versions=versions,
        )

    def _maybe_die(self, point: str) -> None:
        if self._pending and self._pending[0] == point:
            self._pending.pop(0)
            raise Killed

    def take(self, records: list[LogRecord], at_us: int) -> int:
        """The log takes these; the offset of the first. Some time later they are processed."""
        first = self.simulator.log.head()
        self.simulator.take(records, at_us)
        if self._rng.random() < 0.2:
            self._pending.append(self._rng.choice(POINTS))
        if self._rng.random() < 0.6:
            self.until(at_us)
        return first

    def until(self, at_us: int) -> None:
        while True:
            try:
                self.simulator.advance_to(at_us)
            except Killed:
                self.simulator.restart()
            else:
                return


def tell(story: Story, events: Histories, rng: Random, unit: str) -> int:
    """The whole history with a change in it; the instant at which it is over."""
    prepare, switch = sorted(rng.sample(range(len(events) + 1), 2))
    abandoned = rng.randint(0, prepare) if rng.random() < 0.5 else -1
    prepared_at, at_us = -1, START_US
    for number, (taken_us, record) in enumerate([*events, (0, None)]):
        at_us = max(at_us, taken_us)
        for phase, place in (("prepare", abandoned), ("prepare", prepare), ("switch", switch)):
            if number == place:
                change = Change(phase=phase, version="b", parent="a", prepared_offset=prepared_at)  # type: ignore[arg-type]
                prepared_at = story.take([record_of(change)], at_us)
        if record is not None:
            story.take([record], taken_us)
    return at_us + 3 * UNITS[unit]


def from_the_beginning(versions: dict[str, Path], log: Log, end_us: int) -> Simulator:
    """The same log under the new definitions alone, without the change."""
    simulator = Simulator(workspace.load(versions["b"]))
    for block in log.read(0, 1_000_000):
        if not is_change(block.records[0]):
            simulator.take(block.records, block.taken_us)
            simulator.run()
    simulator.advance_to(end_us)
    return simulator


def essence(state: ProfileState, definitions: Definitions, at_us: int) -> Any:
    """What she is, whatever led there."""
    keys = definitions.layout.known[state.layout]
    values = {key: value for key, value in zip(keys, state.values, strict=True) if value is not None}
    return msgspec.json.encode(
        [state.events, values, profile.computed(state, definitions.layout, at_us), sorted(state.segments)],
        order="sorted",
    )


def people(simulator: Simulator, at_us: int) -> dict[str, Any]:
    definitions = simulator.driver._pipeline.definitions
    return {state.profile_id: essence(state, definitions, at_us) for state in simulator.people()}


@pytest.mark.parametrize("seed", range(CASES))
def test_whoever_changes_definitions_ends_where_they_would_have_led_from_the_beginning(
    seed: int, tmp_path: Path
) -> None:
    rng = Random(seed)
    unit = rng.choice(list(UNITS))
    versions, events = two_versions(tmp_path, rng, unit), histories(rng, unit)
    story = Story(versions, rng)
    end_us = tell(story, events, rng, unit)
    story.until(end_us)
    assert story.simulator.driver._changes.in_force.running == "b"  # type: ignore[union-attr]
    assert people(story.simulator, end_us) == people(from_the_beginning(versions, story.simulator.log, end_us), end_us)


@pytest.mark.parametrize("seed", range(CASES))
def test_a_replay_from_empty_changes_at_the_same_place_and_decides_the_same(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    unit = rng.choice(list(UNITS))
    versions, events = two_versions(tmp_path, rng, unit), histories(rng, unit)
    story = Story(versions, rng)
    end_us = tell(story, events, rng, unit)
    end_us += SECOND_US  # the log's last block is before that; both let all that is due by then fire
    story.until(end_us)
    again = Simulator(workspace.load(versions["a"]), max_batch=rng.choice([1, 3, 5_000]), versions=versions)
    again.log = again._shelf._log = story.simulator.log  # type: ignore[union-attr]
    again.clock.set(end_us)
    again.restart()
    again.advance_to(end_us)
    assert facts_by_person(again.sink) == facts_by_person(story.simulator.sink)
    assert intents(again.sink) == intents(story.simulator.sink)
    assert again.sink.counts == story.simulator.sink.counts


@pytest.mark.parametrize("seed", range(CASES))
def test_who_enters_by_the_change_starts_no_journey(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    unit = rng.choice(list(UNITS))
    versions, events = two_versions(tmp_path, rng, unit), histories(rng, unit)
    story = Story(versions, rng)
    story.until(tell(story, events, rng, unit))
    started = [fact for fact in story.simulator.sink.facts if fact.kind == FactKind.RUN_STARTED]
    assert [fact for fact in started if fact.cause.startswith("definitions:")] == []


# Planted bugs: each must turn the first law above red


def forget_the_past(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryPast, "of", lambda self, ids: [])


def count_what_an_abandoned_change_counted(patch: pytest.MonkeyPatch) -> None:
    def bring_over(state: ProfileState, layout: Layout, adoption: Adoption) -> None:
        original(state, layout, msgspec.structs.replace(adoption, counting=state.layout))

    original = adopt.bring_over
    patch.setattr(adopt, "bring_over", bring_over)


def look_under_her_own_id_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(adopt, "everyone", lambda state: [state.profile_id])


def fold_up_to_the_switch(patch: pytest.MonkeyPatch) -> None:
    original = MemoryShelf.past
    patch.setattr(
        MemoryShelf, "past", lambda self, version, fresh, below, given: original(self, version, fresh, below + 5, given)
    )


BUGS = [forget_the_past, count_what_an_abandoned_change_counted, look_under_her_own_id_only, fold_up_to_the_switch]


@pytest.mark.parametrize("plant", BUGS, ids=lambda bug: bug.__name__)
def test_a_planted_bug_is_found(plant: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        every_seed(tmp_path)


def every_seed(path: Path) -> None:
    for seed in range(CASES):
        test_whoever_changes_definitions_ends_where_they_would_have_led_from_the_beginning(seed, path / f"{seed}")
