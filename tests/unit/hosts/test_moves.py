"""Running people when their journey changes: they stay, go over to a step of the new version, or leave, once, at the record."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.unit.core import START_US
from tests.unit.hosts.test_changes import Changing
from tidings import workspace
from tidings.errors import DefinitionError
from tidings.hosts.simulator import Simulator
from tidings.testing.histories import facts_by_person, intents

SEND = "send: {template: hello, category: transactional}"
OLD = f"""
entry: {{event: Go}}
steps:
  - {{id: first, wait: 10s}}
  - {{id: mail, {SEND}}}
  - {{id: second, wait: 100s}}
  - {{id: end, exit: done}}
"""
NEW = f"""
entry: {{event: Go}}
MOVES
steps:
  - {{id: first, wait: 30s}}
  - {{id: mail, {SEND}}}
  - {{id: hour, wait: 1h}}
"""


def world(folder: Path, moves: str, new: str = NEW) -> Changing:
    return Changing(folder, {"greet": OLD}, {"greet": new.replace("MOVES", moves)})


def change(one: Changing, at_s: float, **more: Any) -> None:
    one.switch(at_s, one.prepare(at_s - 1), **more)


def versions(one: Changing) -> tuple[str, str]:
    old, new = (workspace.load(one.folders[name]).journeys["greet"].version for name in ("a", "b"))
    return old, new


def mails(one: Changing) -> list[tuple[str, float]]:
    """(version, second) of each mail."""
    old, _ = versions(one)
    return [
        ("old" if mail.journey_version == old else "new", (mail.decided_us - START_US) / 1_000_000)
        for mail in one.sends()
    ]


def test_without_a_word_a_run_ends_on_its_version(tmp_path: Path) -> None:
    one = world(tmp_path, "")
    one.track(0, "Go")
    change(one, 5)
    one.until(500)
    assert mails(one) == [("old", 10.0)]
    assert one.ends() == [("greet", "done")]


@pytest.mark.parametrize("moves", ['moves: {"*": {first: first}}', 'moves: {"*": same}', "moves: {VERSION: same}"])
def test_a_wait_counts_from_when_the_run_arrived_at_the_old_step(moves: str, tmp_path: Path) -> None:
    old, _ = versions(world(tmp_path / "look", ""))
    one = world(tmp_path, moves.replace("VERSION", old))
    one.track(0, "Go")
    change(one, 5)
    one.until(500)
    assert mails(one) == [("new", 30.0)]
    (moved,) = one.facts("run_moved")
    assert (moved.known_us, moved.data["from_step"], moved.data["step"]) == (START_US + 5_000_000, "first", "first")
    assert [run.step for run in one.person().runs] == ["hour"]


def test_what_is_over_by_now_goes_on_just_after_the_record(tmp_path: Path) -> None:
    one = world(tmp_path, 'moves: {"*": {second: first}}')
    one.track(0, "Go")
    change(one, 60)  # has waited at `second` since 10
    one.until(500)
    assert mails(one) == [("old", 10.0), ("new", 60.000001)]


def test_a_step_that_does_not_wait_acts_at_the_record(tmp_path: Path) -> None:
    one = world(tmp_path, 'moves: {"*": {second: mail}}')
    one.track(0, "Go")
    change(one, 60)
    one.until(500)
    assert mails(one) == [("old", 10.0), ("new", 60.0)]


def test_a_run_may_leave_or_be_told_to_stay(tmp_path: Path) -> None:
    old, _ = versions(world(tmp_path / "look", ""))
    one = world(tmp_path, f'moves: {{"*": {{first: exit, second: exit}}, {old}: {{first: stay}}}}')
    one.track(0, "Go", user="ann")
    one.track(50, "Go", user="bob")
    change(one, 55)
    assert [fact.data["end"] for fact in one.facts("run_ended")] == ["exit"]
    one.until(500)
    assert mails(one) == [("old", 10.0), ("old", 60.0)]


def test_only_the_change_that_brings_the_version_moves(tmp_path: Path) -> None:
    """A run that stayed at its step is not taken over by a later change of something else."""
    one = world(tmp_path, 'moves: {"*": {second: first}}')
    (one.folders["b"].parent / "c").mkdir()
    for path in one.folders["b"].rglob("*.yml"):
        target = one.folders["b"].parent / "c" / path.relative_to(one.folders["b"])
        target.parent.mkdir(exist_ok=True)
        target.write_text(path.read_text("utf-8"), "utf-8")
    (one.folders["b"].parent / "c" / "segments.yml").write_text("s: {rule: {did: {event: Go}}}", "utf-8")
    one.folders["c"] = one.folders["b"].parent / "c"
    one.track(0, "Go")
    change(one, 5)
    change_again = one.prepare(50, to="c")
    one.switch(60, change_again, to="c")
    one.until(500)
    assert one.facts("run_moved") == []
    assert mails(one) == [("old", 10.0)]


@pytest.mark.parametrize("seed", range(20))
def test_a_replay_moves_the_same_runs_at_the_same_instant(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    to = rng.choice(["first", "mail", "hour", "exit", "stay"])
    one = world(tmp_path, f'moves: {{"*": {{first: {rng.choice(["hour", "first"])}, second: {to}}}}}')
    at_s, prepared = 0.0, -1
    for number in range(30):
        at_s += rng.choice([0, 0, 3, 10, 40])
        one.track(at_s, "Go", user=rng.choice(["ann", "bob", "cid", "dan"]))
        if number == 14:
            prepared = one.prepare(at_s)
        if number == 16:
            one.switch(at_s, prepared)
        if rng.random() < 0.2:
            one.simulator.restart()
        if rng.random() < 0.5:
            one.until(at_s)
    end_us = START_US + int(at_s * 1_000_000) + 10_000_000_000
    one.simulator.advance_to(end_us)
    again = Simulator(workspace.load(one.folders["a"]), max_batch=rng.choice([1, 3, 5_000]), versions=one.folders)
    again.log = again._shelf._log = one.simulator.log  # type: ignore[union-attr]
    again.clock.set(end_us)
    again.restart()
    again.advance_to(end_us)
    assert facts_by_person(again.sink) == facts_by_person(one.simulator.sink)
    assert intents(again.sink) == intents(one.simulator.sink)


def test_what_is_watched_is_watched_in_the_new_version(tmp_path: Path) -> None:
    new = NEW.replace("MOVES", "MOVES\ngoal: {rule: {did: {event: Bought}}}")
    one = world(tmp_path, 'moves: {"*": same}', new)
    one.track(0, "Go", user="ann")
    one.track(1, "Go", user="bob")
    one.track(2, "Bought", user="bob")
    change(one, 5)
    one.until(6)
    assert [fact.data["end"] for fact in one.facts("run_ended")] == ["goal"]
    one.track(7, "Bought", user="ann")
    assert [fact.data["end"] for fact in one.facts("run_ended")] == ["goal", "goal"]


@pytest.mark.parametrize(
    ("moves", "says"),
    [
        ("moves: 7", "moves: needs versions with steps"),
        ('moves: {"*": all}', "moves.*: needs same, or at most 200 steps"),
        ("moves: {a_week: two_weeks}", 'steps stand below a version: {"*": {old_step: new_step}}'),
        ('moves: {"*": {first: frist}}', "unknown step; got 'frist'; did you mean first?"),
        ('moves: {"*": {first: 7}}', "moves.*.first: needs a step; got 7"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(moves: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as problem:
        workspace.load(world(tmp_path, moves).folders["b"])
    assert says in str(problem.value)
    assert "journeys/greet.yml:4" in str(problem.value)


ASKING = """
entry: {event: Go}
MOVES
steps:
  - {id: ask, webhook: {name: crm, timeout: SPAN}}
  - {id: end, exit: done}
"""


@pytest.mark.parametrize(("moves", "calls"), [('moves: {"*": same}', 1), ('moves: {"*": {ask: again}}', 2)])
def test_who_waits_for_an_answer_is_not_asked_again_at_the_same_step(moves: str, calls: int, tmp_path: Path) -> None:
    new = ASKING.replace("MOVES", moves).replace("SPAN", "2h")
    new = new.replace("id: ask", "id: again") if calls == 2 else new
    hooks = "crm: {url: 'https://crm.example/hook'}\n"
    old = ASKING.replace("MOVES\n", "").replace("SPAN", "1h")
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "webhooks.yml").write_text(hooks)
    one = Changing(tmp_path, {"greet": old}, {"greet": new})
    one.track(0, "Go")
    change(one, 5)
    one.until(3 * 3_600)
    assert len(one.simulator.sink.calls) == calls
    (ended,) = one.facts("run_ended")
    assert (ended.known_us - START_US) // 1_000_000 == (3_600 if calls == 1 else 7_205)
