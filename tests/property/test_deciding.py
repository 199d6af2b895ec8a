"""A simulated year in which many journeys want to write to the same people: no cap, quiet hour or window is ever broken, the best
of those that compete goes, and every message that does not go has its reason, which is true.

``TIDINGS_PEOPLE=10000`` makes it a year of ten thousand people.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.property.deciding_oracle import Oracle
from tests.property.deciding_world import World, definitions
from tidings.clock import HOUR_US, SECOND_US
from tidings.decide import arbitration, bids, caps, quiet, turn
from tidings.decide.policy import Policy
from tidings.domain.profile import ProfileState, Run
from tidings.hosts.simulator import MemorySink
from tidings.pipeline import Pipeline
from tidings.process import sends
from tidings.rules import local_time
from tidings.testing import histories

PEOPLE = int(os.environ.get("TIDINGS_PEOPLE", "2000"))
DAYS = 365

Plant = Callable[[pytest.MonkeyPatch], None]


def judged(people: int, folder: Path, seed: int = 1) -> tuple[MemorySink, list[str]]:
    """What came out of a year, and every violation."""
    world = World(people, DAYS, seed)
    sink = histories.run(definitions(folder / "workspace"), world.items()).sink
    return sink, Oracle(world, sink).judge()


def test_a_year_of_messages_breaks_no_rule_and_each_that_did_not_go_has_its_reason(tmp_path: Path) -> None:
    sink, found = judged(PEOPLE, tmp_path)
    assert found == []
    reasons = Counter(intent.suppressed for intent in sink.sends.values())
    assert (
        min(reasons[one] for one in ("", "no_consent", "frequency_cap", "quiet_hours", "lost_arbitration"))
        > PEOPLE // 10
    )


def test_a_replay_decides_the_same_to_the_byte(tmp_path: Path) -> None:
    what = definitions(tmp_path / "workspace")
    lived = histories.run(what, World(150, DAYS, 2).items(), max_batch=700)
    replayed = histories.replay(what, lived, max_batch=64)
    assert histories.facts_by_person(replayed) == histories.facts_by_person(lived.sink)
    assert histories.intents(replayed) == histories.intents(lived.sink)


def let_one_more_under_a_cap(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(caps.Reached, "full", property(lambda self: len(self.counted) > self.cap.at_most))


def remember_only_the_last_message(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Policy, "keep", property(lambda self: 1))


def forget_what_the_other_half_was_sent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sends, "absorb", lambda state, other, keep: None)


def begin_the_day_in_greenwich(patch: pytest.MonkeyPatch) -> None:
    original = caps.begin_us
    patch.setattr(caps, "begin_us", lambda unit, at_us, name: original(unit, at_us, "UTC"))


def ask_the_workspace_what_her_clock_shows(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(turn, "zone_name", lambda state, default: default)


def take_a_zone_that_is_none_for_greenwich(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(turn, "zone_name", lambda state, default: local_time.zone_name(state, "UTC"))


def end_the_night_early(patch: pytest.MonkeyPatch) -> None:
    covering, end_us = quiet.covering, quiet.end_us
    patch.setattr(quiet, "covering", lambda hours, name, at_us: covering(hours, name, at_us + HOUR_US))
    patch.setattr(quiet, "end_us", lambda times, name, at_us: end_us(times, name, at_us + HOUR_US) - HOUR_US)


def end_the_night_late(patch: pytest.MonkeyPatch) -> None:
    original = turn.Question.later

    def later(self: turn.Question, until_us: int, *more: Any, **settings: Any) -> turn.Turn:
        found = original(self, until_us, *more, **settings)
        return msgspec.structs.replace(found, until_us=until_us + SECOND_US) if more[0] == turn.QUIET else found

    patch.setattr(turn.Question, "later", later)


def ask_the_worst_first(patch: pytest.MonkeyPatch) -> None:
    def order(run: Run) -> str:
        return f"~~{run.bid[2]}{run.bid[3]:020d}{run.run_id}" if run.bid else f"~{run.run_id}"

    patch.setattr(bids, "order", order)


def ask_in_the_order_of_ids(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(bids, "order", lambda run: run.run_id)


def let_everybody_go_who_asks(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(arbitration, "winner", lambda rules, state, at_us: None)


def hold_no_round(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(arbitration, "closes_us", lambda rules, state, run, at_us: 0)


def have_no_patience(patch: pytest.MonkeyPatch) -> None:
    original = turn.asks

    def asks(state: ProfileState, policy: Policy, run: Run, **more: Any) -> turn.Question:
        return original(state, msgspec.structs.replace(policy, patience_us=0), run, **more)

    patch.setattr(turn, "asks", asks)


def let_losers_go_without_a_word(patch: pytest.MonkeyPatch) -> None:
    original = Pipeline._decide

    def decide(self: Pipeline, step: Any, *more: Any) -> Any:
        answer = original(self, step, *more)
        step.intents[:] = [one for one in step.intents if getattr(one, "suppressed", "") != arbitration.LOST]
        return answer

    patch.setattr(Pipeline, "_decide", decide)


PLANTED: list[Plant] = [
    let_one_more_under_a_cap,
    remember_only_the_last_message,
    forget_what_the_other_half_was_sent,
    begin_the_day_in_greenwich,
    ask_the_workspace_what_her_clock_shows,
    take_a_zone_that_is_none_for_greenwich,
    end_the_night_early,
    end_the_night_late,
    ask_the_worst_first,
    ask_in_the_order_of_ids,
    let_everybody_go_who_asks,
    hold_no_round,
    have_no_patience,
    let_losers_go_without_a_word,
]


@pytest.mark.parametrize("plant", PLANTED, ids=lambda plant: plant.__name__)
def test_a_bug_in_deciding_does_not_go_unseen(plant: Plant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    _, found = judged(120, tmp_path)
    assert found != []
