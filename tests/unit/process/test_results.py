"""What came of a step: branches on the words of earlier steps, and on what became of a message."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest

from tests.unit.core import World, definitions, write
from tidings import workspace
from tidings.errors import DefinitionError
from tidings.process import results

DAY_S = 86_400
ASK = """
    entry: {event: Go}
    steps:
      - id: remind
        send: {template: welcome, category: transactional}
      - id: pause
        wait: 2d
      - id: how
        branch: {of: remind, ways: {clicked: clicked, opened: opened, suppressed: kept_back}, else: silent}
      - {id: clicked, exit: clicked}
      - {id: opened, exit: opened}
      - {id: kept_back, exit: kept back}
      - {id: silent, exit: silent}
"""


def sent(tmp_path: Path, journey: str = ASK) -> tuple[World, str]:
    """Ann has got a message; its id."""
    world = World(definitions(tmp_path, ask=journey))
    world.identify(0, email="ann@x.example")
    world.track(1, "Go")
    return world, world.sends()[0].message_id


def back(world: World, at_s: float, name: str, message: str, **more: object) -> None:
    world.track(at_s, name, {"message_id": message, **more})


@pytest.mark.parametrize(
    ("heard", "ends"),
    [
        ([], "silent"),
        (["Email Sent", "Email Delivered"], "silent"),
        (["Email Opened"], "opened"),
        (["Email Link Clicked"], "clicked"),
        (["Email Link Clicked", "Email Opened", "Email Sent"], "clicked"),
    ],
)
def test_a_branch_goes_by_what_became_of_a_message(heard: list[str], ends: str, tmp_path: Path) -> None:
    world, message = sent(tmp_path)
    for number, name in enumerate(heard):
        back(world, 10 + number, name, message)
    world.until(3 * DAY_S)
    assert world.ends() == [("ask", ends)]


def test_what_a_machine_opens_was_opened_by_nobody(tmp_path: Path) -> None:
    world, message = sent(tmp_path)
    back(world, 10, "Email Opened", message, machine=True)
    world.until(3 * DAY_S)
    assert world.ends() == [("ask", "silent")]


def test_the_message_of_somebody_else_says_nothing_of_mine(tmp_path: Path) -> None:
    world, _ = sent(tmp_path)
    back(world, 10, "Email Opened", "f" * 32)
    world.track(11, "Email Opened", {"message_id": ["a list"]})
    world.until(3 * DAY_S)
    assert world.ends() == [("ask", "silent")]


def test_a_message_that_was_suppressed_says_so(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, ask=ASK))
    world.track(1, "Go")  # nobody knows her address
    world.until(3 * DAY_S)
    assert world.ends() == [("ask", "kept back")]


def test_the_reason_may_be_asked_for(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, ask=ASK.replace("suppressed: kept_back", '"suppressed:no_address": kept_back')))
    world.track(1, "Go")
    world.until(3 * DAY_S)
    assert world.ends() == [("ask", "kept back")]


def test_the_word_of_a_message_does_not_depend_on_the_order_of_arrival(tmp_path: Path) -> None:
    names = ["Email Sent", "Email Delivered", "Email Opened", "Unsubscribed"]
    words = set()
    for order in permutations(names):
        world, message = sent(tmp_path)
        for number, name in enumerate(order):
            back(world, 10 + number, name, message)
        words.add(world.person().runs[0].results["remind"])
    assert words == {"unsubscribed"}


AGAIN = """
    entry: {event: Go}
    steps:
      - id: remind
        send: {template: welcome, category: transactional}
      - id: read
        wait_until: {message: remind, is: [clicked, opened], timeout: 2d, on_event: thanked}
      - id: how
        branch: {of: read, is: timeout, then: remind}
      - {id: thanked, exit: thanked}
"""


def test_a_run_waits_until_a_message_is_opened(tmp_path: Path) -> None:
    world, message = sent(tmp_path, AGAIN)
    back(world, 60, "Email Sent", message)
    back(world, 3_600, "Email Opened", message)
    assert world.ends() == [("ask", "thanked")]


def test_what_comes_back_from_an_earlier_message_of_the_step_is_not_the_later_one_s(tmp_path: Path) -> None:
    world, message = sent(tmp_path, AGAIN)
    world.until(2 * DAY_S + 10)
    assert [one.step for one in world.sends()] == ["remind", "remind"]
    back(world, 2 * DAY_S + 20, "Email Opened", message)
    assert world.ends() == []
    back(world, 2 * DAY_S + 30, "Email Opened", world.sends()[1].message_id)
    assert world.ends() == [("ask", "thanked")]


def test_an_open_that_is_told_late_takes_no_run_back_in_time(tmp_path: Path) -> None:
    world, message = sent(tmp_path, AGAIN)
    world.track(100, "Email Opened", {"message_id": message}, received_s=200)
    (fact,) = world.facts("run_ended")
    assert fact.occurred_us <= fact.known_us


def test_of_several_rules_the_first_that_holds_leads_the_way(tmp_path: Path) -> None:
    many = """
        entry: {event: Go}
        steps:
          - id: which
            branch:
              ways:
                - {if: 'trait plan is "gold"', then: gold}
                - {if: {trait: plan, in: [gold, silver]}, then: silver}
              else: other
          - {id: gold, exit: gold}
          - {id: silver, exit: silver}
          - {id: other, exit: other}
    """
    world = World(definitions(tmp_path, many=many))
    for number, plan in enumerate(("gold", "silver", "none")):
        world.identify(number, user=f"u{number}", plan=plan)
        world.track(10 + number, "Go", user=f"u{number}")
    assert [how for _, how in world.ends()] == ["gold", "silver", "other"]


def test_nothing_is_kept_of_steps_that_nobody_asks_about(tmp_path: Path) -> None:
    quiet = """
        entry: {event: Go}
        steps:
          - {id: remind, send: {template: welcome, category: transactional}}
          - {id: way, split: {pause: 50, rest: 50}}
          - {id: pause, wait: 2d}
          - {id: rest, wait: 2d}
    """
    world, message = sent(tmp_path, quiet)
    back(world, 5, "Email Opened", message)
    (run,) = world.person().runs
    assert run.results == run.messages == {}


def test_a_run_remembers_a_bounded_number_of_results(tmp_path: Path) -> None:
    world, _ = sent(tmp_path)
    (run,) = world.person().runs
    for number in range(200):
        results.note_message(run, f"s{number}", f"m{number}", "")
    assert len(run.results) == len(run.messages) == results.MAX_RESULTS
    assert "s199" in run.results


def test_every_word_of_a_message_is_proven_by_no_weaker_one() -> None:
    for word in results.STRENGTH:
        closer = list(results.counts_as(word))
        assert closer[0] == word
        assert all(results.STRENGTH.index(one) < results.STRENGTH.index(word) for one in closer[1:])


@pytest.mark.parametrize(
    ("branch", "says"),
    [
        ("{of: gone, is: clicked, then: end}", "unknown step; got 'gone'"),
        ("{of: remind, is: clickd, then: end}", "did you mean clicked?"),
        ("{of: remind, ways: {timeout: end}}", "unknown result of step 'remind'; got 'timeout'"),
        ("{of: end, is: done}", "nothing comes of step 'end'"),
        ("{of: remind}", "needs either `ways`, or `is` with `then`"),
        ("{of: remind, ways: {}}", "needs 1 to 20 words"),
        ("{of: remind, is: []}", "needs a word or a list of words"),
        ("{ways: []}", "needs 1 to 20 rules"),
        ("{ways: [{if: {trait: x, equals: 1}}]}", "needs `then`"),
        ("{if: {trait: x, equals: 1}, ways: []}", "unknown setting"),
        ("{then: end}", "needs `if`: a rule, `ways`: several, or `of`: a step"),
    ],
)
def test_a_wrong_branch_is_told(branch: str, says: str, tmp_path: Path) -> None:
    journey = f"""
        entry: {{event: Go}}
        steps:
          - {{id: remind, send: {{template: welcome, category: transactional}}}}
          - {{id: how, branch: {branch}}}
          - {{id: end, exit: done}}
    """
    with pytest.raises(DefinitionError) as problem:
        workspace.load(write(tmp_path, ask=journey))
    assert says in str(problem.value)


BOUNCED = """
    entry: {event: Go}
    steps:
      - id: remind
        send: {template: welcome, category: transactional}
      - id: pause
        wait: 2d
      - id: how
        branch: {of: remind, ways: {"bounced:hard": dead, bounced: later}, else: silent}
      - {id: dead, exit: dead}
      - {id: later, exit: later}
      - {id: silent, exit: silent}
"""


@pytest.mark.parametrize("kinds", [*permutations(["soft", "hard", "block"]), ("hard",)])
def test_the_hardest_bounce_counts_whichever_comes_first(kinds: tuple[str, ...], tmp_path: Path) -> None:
    world, message = sent(tmp_path, BOUNCED)
    for number, kind in enumerate(kinds):
        back(world, 10 + number, "Email Bounced", message, kind=kind)
    world.until(3 * DAY_S)
    assert world.ends() == [("ask", "dead")]


@pytest.mark.parametrize("kind", ["soft", "block", "policy", "unheard of", ["hard"], None])
def test_any_other_bounce_is_one_all_the_same(kind: object, tmp_path: Path) -> None:
    world, message = sent(tmp_path, BOUNCED)
    back(world, 10, "Email Bounced", message, kind=kind)
    world.until(3 * DAY_S)
    assert world.ends() == [("ask", "later")]
