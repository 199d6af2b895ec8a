"""Steps that reach outside: what they want comes back through the log, as an event like any other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.core import START_US, World, definitions, write
from tidings import workspace
from tidings.clock import HOUR_US, SECOND_US
from tidings.domain import outward
from tidings.domain.message import CallIntent
from tidings.domain.outward import Answer
from tidings.domain.record import LogRecord
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.errors import DefinitionError
from tidings.hosts.outside import Answering, Reply, nobody
from tidings.hosts.simulator import Simulator
from tidings.process.outside import MAX_CHAIN
from tidings.testing.histories import call

HOOKS = 'crm: {url: "https://crm.example/score"}'
SEGMENTS = """
vip: {rule: {in_list: vip}}
gold: {rule: {trait: plan, equals: gold}}
"""
ASKS = """
entry: {event: Hello}
steps:
  - {id: ask, webhook: {name: crm, body: {plan: {trait: plan}, item: {event: product_id}, note: {text: hi}}, timeout: 1h}}
  - {id: by_result, branch: {of: ask, ways: {ok: by_answer, failed: broken}, else: silent}}
  - {id: by_answer, branch: {answer: ask, where: {score: {at_least: 5}}, then: good, else: bad}}
  - {id: good, exit: good}
  - {id: bad, exit: bad}
  - {id: broken, exit: broken}
  - {id: silent, exit: silent}
"""


def world(folder: Path, journey: str, answering: Answering = nobody, **files: str) -> World:
    (folder / "webhooks.yml").write_text(HOOKS)
    one = World(definitions(folder, greet=journey, **files))
    one.simulator = Simulator(workspace.load(folder), answering=answering)
    return one


def answers(result: str = "ok", *, after_s: float = 0, status: int = 200, body: Any = None) -> Answering:
    answer = Answer(result=result, status=status, body=body, error="" if result == "ok" else "status: 500", attempts=3)
    return lambda _: Reply(answer=answer, after_us=int(after_s * SECOND_US))


def test_a_branch_and_a_segment_see_what_the_step_before_them_set(tmp_path: Path) -> None:
    one = world(
        tmp_path,
        """
entry: {event: Hello}
steps:
  - {id: mark, update: {plan: gold, seen: {event: product_id}, never: {trait: nobody_knows}, gone: null}}
  - {id: join, list: {add: vip}}
  - id: look
    branch: {if: {all: [{in_segment: vip}, {in_segment: gold}, {trait: seen, equals: p1}]}, else: neither}
  - {id: both, list: {remove: vip}}
  - {id: left, branch: {if: {in_list: vip}, else: finished}}
  - {id: still_in, exit: still in}
  - {id: finished, exit: both and left}
  - {id: neither, exit: neither}
""",
        segments=SEGMENTS,
    )
    one.identify(0, plan="free", gone=3)
    one.track(1, "Hello", {"product_id": "p1"})
    assert one.ends() == [("greet", "both and left")]
    given = {name: trait.value for name, trait in one.person().traits.items()}
    assert given == {"plan": "gold", "seen": "p1", "gone": None}
    entered = one.facts("segment_entered", "segment_left")
    assert [(fact.kind, fact.subject) for fact in entered] == [
        ("segment_entered", "gold"),
        ("segment_entered", "vip"),
        ("segment_left", "vip"),
    ]
    assert all(fact.known_us - START_US < 1_000_100 for fact in entered), "at the same virtual instant"
    assert [count for _, _, count in one.person().sessions[-1]] == [2], "an event of ours is no visit"


def test_what_a_journey_sets_wins_over_what_she_said_at_that_instant(tmp_path: Path) -> None:
    one = world(
        tmp_path,
        "entry: {event: Identify}\nreentry: once\nsteps: [{id: a, update: {plan: one}}, {id: b, update: {plan: two}}]",
    )
    one.take([one.record("identify", 1, id="~~~~", user="ann", traits={"plan": "zero"})], 1)
    assert one.person().traits["plan"].value == "two"


@pytest.mark.parametrize(
    ("answering", "end", "at_s"),
    [
        (answers(body={"score": 7}, after_s=2), "good", 3),
        (answers(body={"score": 2}), "bad", 1),
        (answers(body=["no object"]), "bad", 1),
        (answers(), "bad", 1),
        (answers("failed", status=500), "broken", 1),
        (answers(body={"score": 7}, after_s=3_599.9), "good", 3_600.9),
        (answers(body={"score": 7}, after_s=3_601), "silent", 3_601),
        (nobody, "silent", 3_601),
    ],
)
def test_a_webhook_that_answers_fails_or_keeps_silent(
    answering: Answering, end: str, at_s: float, tmp_path: Path
) -> None:
    one = world(tmp_path, ASKS, answering)
    one.identify(0, plan="gold")
    one.track(1, "Hello", {"product_id": "p1"})
    one.until(10_000)
    assert one.ends() == [("greet", end)]
    (ended,) = one.facts("run_ended")
    assert abs(ended.occurred_us - START_US - at_s * SECOND_US) < 10
    (asked,) = one.simulator.sink.calls.values()
    assert asked.values == {"plan": "gold", "item": "p1", "note": "hi"}
    assert asked.until_us == START_US + SECOND_US + HOUR_US
    assert not one.person().runs


def test_an_answer_is_there_for_values_and_templates(tmp_path: Path) -> None:
    journey = """
entry: {event: Hello}
steps:
  - {id: ask, webhook: {name: crm}}
  - {id: mark, update: {level: {answer: ask, field: level}, other: {answer: ask, field: nothing}}}
  - {id: tell, send: {template: welcome, category: transactional}}
"""
    one = world(tmp_path, journey, answers(body={"level": 3}))
    one.identify(0, email="ann@x.example")
    one.track(1, "Hello")
    assert one.person().traits["level"].value == 3
    assert "other" not in one.person().traits
    assert one.sends()[0].values["answers"] == {"ask": {"level": 3}}


def test_who_does_not_wait_goes_on_at_once(tmp_path: Path) -> None:
    one = world(
        tmp_path, "entry: {event: Hello}\nsteps: [{id: a, webhook: {name: crm, wait: false}}, {id: b, exit: gone on}]"
    )
    one.track(1, "Hello")
    assert one.ends() == [("greet", "gone on")]
    assert [intent.until_us for intent in one.simulator.sink.calls.values()] == [0]


def test_patience_counts_from_when_we_knew(tmp_path: Path) -> None:
    """A phone that was offline for two hours: nobody could have been asked before."""
    one = world(tmp_path, ASKS, answers(body={"score": 9}, after_s=60))
    one.track(1, "Hello", received_s=7_201)
    one.until(10_000)
    assert one.ends() == [("greet", "good")]


def test_a_late_beginning_asks_once_and_only_if_it_stands(tmp_path: Path) -> None:
    """She turned out to be in the segment, and not to be, at one instant: nothing is asked for the run taken back."""
    journey = "entry: {segment: idle}\nsteps: [{id: ask, webhook: {name: crm}}, {id: fin, exit: asked}]"
    segments = "idle: {rule: {did_not: {event: Order, within: 1h}}}"
    for also, asked in ((False, 1), (True, 0)):
        one = world(tmp_path, journey, answers(body={}), segments=segments)
        late = [one.record("track", 1, "Order", user="ann")]
        late += [one.record("track", second, "Order", user="ann") for second in range(600, 10_000, 600) if also]
        one.take(late, 10_000)
        one.until(10_500)
        assert len(one.simulator.sink.calls) == asked
        assert [end for _, end in one.ends()] == (["not in idle after all"] if also else ["asked"])


def forged(one: World, source: str, name: str) -> LogRecord:
    (asked,) = one.simulator.sink.calls.values()
    made = outward.answered(asked, Answer(result="ok", status=200, body={"score": 9}), START_US + 2_000_000)
    record = outward.record_of({**made, "event": name, "userId": "ann"})
    return LogRecord(source, "", 0, record.body)


@pytest.mark.parametrize(("source", "end"), [("test", []), (INTERNAL_SOURCE, [("greet", "good")])])
def test_only_our_own_source_can_answer(source: str, end: list[Any], tmp_path: Path) -> None:
    one = world(tmp_path, ASKS)
    one.track(1, "Hello")
    one.take([forged(one, source, "Webhook Answered")], 2)
    assert one.ends() == end


def test_nobody_else_can_say_that_an_update_is_done(tmp_path: Path) -> None:
    one = world(tmp_path, "entry: {event: Hello}\nsteps: [{id: a, update: {plan: gold}}, {id: b, exit: done}]")
    one.simulator = Simulator(workspace.load(tmp_path), answering=None)
    one.track(1, "Hello")
    (wanted,) = one.simulator.sink.events.values()
    one.take([call("identify", wanted.event_id, START_US + 1_000_001, user="ann", traits={})], 2)
    assert one.ends() == []
    one.take([outward.record_of(outward.call_of(wanted))], 3)
    assert one.ends() == [("greet", "done")], "the other one did not take its place"
    one.take([outward.record_of(outward.call_of(wanted))], 4)
    assert one.simulator.sink.counts[1] == 1, "a second copy is a duplicate"


def test_without_the_log_an_update_ends_at_its_timeout(tmp_path: Path) -> None:
    journey = """
entry: {event: Hello}
steps:
  - {id: a, update: {plan: gold}}
  - {id: how, branch: {of: a, ways: {timeout: b}, else: c}}
  - {id: b, exit: timeout}
  - {id: c, exit: other}
"""
    one = world(tmp_path, journey)
    one.simulator = Simulator(workspace.load(tmp_path), answering=None)
    one.track(1, "Hello")
    one.until(700)
    assert one.ends() == [("greet", "timeout")]


def test_answers_of_a_run_are_bounded(tmp_path: Path) -> None:
    steps = "\n".join(f"  - {{id: s{n}, webhook: {{name: crm}}}}" for n in range(6))
    one = world(
        tmp_path, f"entry: {{event: Hello}}\nsteps:\n{steps}\n  - {{id: w, wait: 1d}}", answers(body={"x": "y" * 3_000})
    )
    one.track(1, "Hello")
    one.until(100)
    assert list(one.person().runs[0].answers) == ["s4", "s5"]


def test_merged_in_the_middle_the_answer_still_finds_the_run(tmp_path: Path) -> None:
    one = world(tmp_path, ASKS, answers(body={"score": 9}, after_s=100))
    one.take([one.record("track", 1, "Hello", anonymous="phone")], 1)
    one.take([one.record("identify", 50, user="ann", anonymous="phone", traits={})], 50)
    one.until(200)
    assert one.ends() == [("greet", "good")]


def test_journeys_that_set_each_other_off_for_ever_come_to_an_end(tmp_path: Path) -> None:
    hello = "entry: [{event: Hello}, {event: List Joined}]\nsteps: [{id: a, list: {add: vip}}, {id: b, exit: added}]"
    one = world(tmp_path, hello)
    one.track(1, "Hello")
    assert len(one.ends()) == MAX_CHAIN + 1
    assert len(one.simulator.sink.events) == MAX_CHAIN
    assert "go round in a circle" in str([fact.data for fact in one.facts("run_step")][-2])
    one.track(10, "Hello")
    assert len(one.simulator.sink.events) == 2 * MAX_CHAIN, "who comes anew is served"


def test_two_journeys_that_undo_each_other_come_to_an_end(tmp_path: Path) -> None:
    segments = "gold: {rule: {trait: plan, equals: gold}}\nfree: {rule: {trait: plan, equals: free}}"
    one = world(
        tmp_path,
        "entry: {segment: gold}\nsteps: [{id: a, update: {plan: free}}]",
        segments=segments,
        back="entry: {segment: free}\nsteps: [{id: a, update: {plan: gold}}]",
    )
    one.identify(1, plan="gold")
    assert MAX_CHAIN <= len(one.simulator.sink.events) <= MAX_CHAIN + 1


def test_what_goes_round_with_time_in_between_goes_on(tmp_path: Path) -> None:
    steps = "[{id: w, wait: 1h}, {id: a, list: {add: vip}}, {id: b, exit: added}]"
    one = world(tmp_path, f"entry: [{{event: Hello}}, {{event: List Joined}}]\nsteps: {steps}")
    one.track(1, "Hello")
    one.until(100 * 3_600 + 60)
    assert len(one.simulator.sink.events) == 100


WRONG = {
    "{id: a, webhook: {name: crn}}": "unknown webhook; got 'crn'; did you mean crm",
    "{id: a, webhook: {name: crm, body: {x: {trait: a, event: b}}}}": "body.x: no value",
    "{id: a, webhook: {name: crm, timeout: 1h, wait: false}}": "without a `timeout`",
    "{id: a, webhook: {name: crm, timeout: soon}}": "not a duration",
    "{id: a, webhook: {name: crm, verb: GET}}": "unknown setting",
    "{id: a, update: {}}": "needs 1 to 50 names",
    "{id: a, update: {x: {answer: b, field: c}}}": "unknown webhook step",
    "{id: a, update: {x: 99999999999999999999}}": "does not fit 64 bits",
    "{id: a, list: {add: x, remove: y}}": "either `add` or `remove`",
    "{id: a, list: {add: 3}}": "needs `add`",
    "{id: a, branch: {answer: a, where: {x: 1}}}": "unknown webhook step",
    "{id: a, branch: {answer: a}}": "needs `where`",
}


@pytest.mark.parametrize(("step", "said"), WRONG.items(), ids=WRONG)
def test_what_is_wrong_is_refused_with_its_line(step: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "webhooks.yml").write_text(HOOKS)
    write(tmp_path, greet=f"entry: {{event: Hello}}\nsteps:\n  - {step}")
    with pytest.raises(DefinitionError, match=r"greet\.yml:4") as found:
        workspace.load(tmp_path)
    assert said in str(found.value)


WRONG_HOOKS = {
    "a: {}": "no address",
    "a: {url: ftp://x}": "no address",
    "a: {url: 'https://me:pw@x.example/'}": "password",
    "a: {url: 'https://x.example:99999/'}": "no address",
    "'a b': {url: 'https://x.example'}": "no name",
    "a: {url: 'https://x.example', headers: {Host: y}}": "no header that may be set",
    "a: {url: 'https://x.example', headers: {webhook-id: y}}": "no header that may be set",
    'a: {url: "https://x.example", headers: {X: "a\\nb"}}': "no value",
    "a: {url: 'https://x.example', attempts: 0}": "1 to 50",
    "a: {url: 'https://x.example', try_timeout: 1h}": "at most 5m",
    "a: {url: 'https://x.example', colour: 3}": "unknown setting",
}


@pytest.mark.parametrize(("text", "said"), WRONG_HOOKS.items(), ids=WRONG_HOOKS)
def test_a_wrong_webhook_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "webhooks.yml").write_text(text)
    write(tmp_path)
    with pytest.raises(DefinitionError, match=r"webhooks\.yml:1") as found:
        workspace.load(tmp_path)
    assert said in str(found.value)


def test_what_a_journey_sets_need_not_be_listed_as_given(tmp_path: Path) -> None:
    (tmp_path / "given.yml").write_text("traits: [email]")
    steps = "[{id: a, update: {plan: gold}}, {id: b, branch: {if: {trait: plan, equals: gold}}}]"
    write(tmp_path, greet=f"entry: {{event: Hello}}\nsteps: {steps}")
    assert workspace.load(tmp_path).journeys
    write(tmp_path, greet="entry: {event: Hello}\nsteps: [{id: a, update: {plan: {trait: plam}}}]")
    with pytest.raises(DefinitionError, match="unknown trait; got 'plam'"):
        workspace.load(tmp_path)


def test_a_call_is_the_same_on_every_replay(tmp_path: Path) -> None:
    seen: list[CallIntent] = []
    for _ in range(2):
        one = world(tmp_path, ASKS)
        one.track(1, "Hello")
        seen += one.simulator.sink.calls.values()
    assert seen[0] == seen[1]
