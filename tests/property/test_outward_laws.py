"""Laws 1 and 2 with steps that reach outside: what came back is in the log, so a replay does the same, whatever was slow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.property.test_laws import lives
from tidings import workspace
from tidings.clock import HOUR_US, MINUTE_US
from tidings.domain import outward
from tidings.domain.message import CallIntent
from tidings.domain.outward import Answer
from tidings.domain.record import LogRecord
from tidings.hosts.outside import Reply
from tidings.hosts.simulator import Simulator
from tidings.ids import draw
from tidings.testing import histories
from tidings.testing.histories import POINTS, Advance, Killed, Take

DEFINITIONS = workspace.load(Path(__file__).resolve().parents[1] / "data/workspaces/outward")
CASES = 400


def by_hash(call: CallIntent) -> Reply | None:
    """A webhook that answers, fails, dawdles or keeps silent, the same for the same call."""
    luck = draw("outside", call.call_id)
    if luck < 0.2:
        return None
    after_us = int(draw("slow", call.call_id) ** 4 * 4 * HOUR_US)
    if luck < 0.4:
        return Reply(answer=Answer(result="failed", status=500, error="status: 500"), after_us=after_us)
    body = {"score": int(draw("score", call.call_id) * 10)} if luck < 0.9 else ["no object"]
    return Reply(answer=Answer(result="ok", status=200, body=body), after_us=after_us)


def same(simulator: Simulator, batch: int) -> None:
    replayed = histories.replay(DEFINITIONS, simulator, max_batch=batch)
    assert histories.facts_by_person(replayed) == histories.facts_by_person(simulator.sink)
    assert histories.intents(replayed) == histories.intents(simulator.sink)


def own(simulator: Simulator) -> Iterator[tuple[LogRecord, int]]:
    """Records of ours in the log, each with what became of it (0 applied, 1 duplicate)."""
    status = {outcome.offset: outcome.status for outcome in simulator.sink.outcomes}
    for block in simulator.log.read(0, simulator.log.head()):
        for index, record in enumerate(block.records):
            if record.source == "tidings":
                yield record, status[block.first_offset + index]


@settings(max_examples=CASES, deadline=None)
@given(lives(), st.sampled_from([1, 4, 5_000]), st.sampled_from([1, 7, 5_000]))
def test_law_2_a_replay_asks_and_goes_the_same_ways(items: Any, live_batch: int, replay_batch: int) -> None:
    lived = histories.run(DEFINITIONS, items, max_batch=live_batch, answering=by_hash)
    same(lived, replay_batch)
    assert not any(step == "never" for fact in lived.sink.facts if (step := fact.data.get("step")))
    assert sum(1 for _, status in own(lived) if status == 0) == len({record.body for record, _ in own(lived)})


@settings(max_examples=CASES, deadline=None)
@given(lives(), st.randoms(use_true_random=False), st.sampled_from([1, 4, 5_000]))
def test_law_2_whenever_what_was_wanted_comes_back_and_however_often(items: Any, rng: Any, batch: int) -> None:
    """A live host: between what is wanted and its event there is a collector that is slow, and a crash that repeats it."""
    simulator = Simulator(DEFINITIONS, max_batch=batch, answering=None)
    done: set[str] = set()
    late: list[LogRecord] = []
    for item in items:
        if isinstance(item, Take):
            simulator.take(item.records, item.at_us)
        elif isinstance(item, Advance):
            simulator.advance_to(item.to_us)
        late += wanted(simulator, done)
        rng.shuffle(late)
        some, late = late[: rng.randint(0, 3)], late[3:]
        simulator.take(some * rng.choice([1, 1, 2]), simulator.clock.now_us() + rng.choice([0, 0, MINUTE_US, HOUR_US]))
    simulator.advance_to(simulator.clock.now_us() + 10 * 24 * HOUR_US)
    same(simulator, rng.choice([1, 7, 5_000]))
    waiting = {run.step for state in simulator.people() for run in state.runs}
    assert waiting <= {"rest"}, "everybody went on at a time-out"


def wanted(simulator: Simulator, done: set[str]) -> list[LogRecord]:
    """What is wanted since the last look, as its events."""
    events = [one for key, one in simulator.sink.events.items() if key not in done]
    calls = [one for key, one in simulator.sink.calls.items() if key not in done]
    done.update(simulator.sink.events, simulator.sink.calls)
    replies = [(call, reply.answer) for call in calls if (reply := by_hash(call)) is not None]
    made = [outward.call_of(one) for one in events]
    made += [outward.answered(call, answer, simulator.clock.now_us()) for call, answer in replies]
    return [outward.record_of(one) for one in made]


@settings(max_examples=CASES // 4, deadline=None)
@given(lives())
def test_a_past_that_happens_again_is_asked_anew_and_nothing_is_doubled(items: Any) -> None:
    """Offsets, and so ids, are others the second time; what people come to is not."""
    lived = histories.run(DEFINITIONS, items, answering=by_order())
    again = Simulator(DEFINITIONS, answering=by_order())
    for block in lived.log.read(0, lived.log.head()):
        records = [record for record in block.records if not outward.is_ours(record)]
        if records:
            again.take(records, block.taken_us)
            again.run()
    again.advance_to(lived.clock.now_us())
    assert again.sink.counts == lived.sink.counts
    assert [len(again.sink.calls), len(again.sink.events)] == [len(lived.sink.calls), len(lived.sink.events)]
    assert traits(again) == traits(lived)


def by_order() -> Callable[[CallIntent], Reply | None]:
    """A webhook that answers by what it is asked, whatever the id."""
    body = {"score": 6}
    return lambda call: Reply(answer=Answer(result="ok", status=200, body=body)) if call.step == "ask" else None


def traits(simulator: Simulator) -> list[Any]:
    return sorted(
        (state.profile_id, {name: one.value for name, one in state.traits.items()}) for state in simulator.people()
    )


STORY = [
    histories.call("track", f"s{n}", at_us, event=event, user="ann", properties={"product_id": "p"})
    for n, (at_us, event) in enumerate(
        (1_800_000_000_000_000 + hour * HOUR_US, event)
        for hour, event in [(0, "Product Viewed"), (1, "Product Added"), (5, "Product Added"), (9, "Order Completed")]
    )
]


def story(point: str, at: int) -> Simulator:
    """A short story on which a crash falls at the n-th time that a point is passed."""
    passed: Counter[str] = Counter()

    def checkpoint(name: str) -> None:
        passed[name] += 1
        if (name, passed[name]) == (point, at):
            raise Killed

    simulator = Simulator(DEFINITIONS, checkpoint=checkpoint, answering=by_hash)
    for number, record in enumerate(STORY):
        simulator.take([record], 1_800_000_000_000_000 + number * 4 * HOUR_US)
        histories.survive(simulator, 1_800_000_000_000_000 + number * 4 * HOUR_US + HOUR_US)
    histories.survive(simulator, 1_800_000_000_000_000 + 200 * HOUR_US)
    return simulator


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_any_commit_changes_nothing(point: str) -> None:
    whole = story(point, 0)
    commits = whole.state.position()[1]
    assert commits > 20
    for at in range(1, commits + 1):
        crashed = story(point, at)
        assert histories.facts_by_person(crashed.sink) == histories.facts_by_person(whole.sink), at
        assert histories.intents(crashed.sink) == histories.intents(whole.sink), at
        assert sum(1 for _, status in own(crashed) if status == 0) == sum(1 for _, status in own(whole) if status == 0)
