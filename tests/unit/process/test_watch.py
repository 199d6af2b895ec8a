"""What runs wait for beside their timers: goals, exits and waits for rules, at once and at the very instant."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.unit.core import START_US, World, definitions
from tidings.errors import DefinitionError

SEND = "send: {template: welcome, category: transactional}"
SEGMENTS = """
vip:
  rule: {sum: {event: Order Completed, property: revenue, at_least: 100}}
quiet:
  rule:
    all: [{did: {event: Seen}}, {did_not: {event: Seen, within: 60s}}]
"""


def world(folder: Path, journey: str, **files: str) -> World:
    return World(definitions(folder, segments=SEGMENTS, greet=journey, **files))


def ended(one: World) -> list[tuple[str, str, float]]:
    """(how, outcome, occurred in seconds) of each run."""
    return [
        (fact.data["end"], fact.data["outcome"], (fact.occurred_us - START_US) / 1_000_000)
        for fact in one.facts("run_ended")
    ]


WAITS = f"""
entry: {{event: Hello}}
ENDS
steps:
  - {{id: a_day, wait: 1d}}
  - {{id: tell, {SEND}}}
"""


@pytest.mark.parametrize(
    ("ends", "how"),
    [
        (
            "goal: {event: Order Completed, where: {revenue: {at_least: 50}}}",
            ("goal", "goal reached: did Order Completed"),
        ),
        ("goal: {segment: vip}", ("goal", "goal reached: is in segment vip")),
        (
            "goal: {rule: {did: {event: Order Completed, at_least: 2}}}",
            ("goal", "goal reached: did Order Completed at least 2 times"),
        ),
        ('exit_if: did "Order Completed" at least 2', ("exit", "left: did Order Completed at least 2 times")),
        (
            "exit_if: [{trait: plan, equals: gold}, {in_segment: vip}]",
            ("exit", "left: is in segment vip"),
        ),
        ("exit_on: [Seen, {event: Order Completed, where: {revenue: 60}}]", ("exit", "did Order Completed")),
        ("exit_on: Order Completed\ngoal: {segment: vip}", ("exit", "did Order Completed")),
    ],
)
def test_a_run_ends_at_once_when_what_ends_it_comes(ends: str, how: tuple[str, str], tmp_path: Path) -> None:
    one = world(tmp_path, WAITS.replace("ENDS", ends))
    one.track(0, "Hello")
    one.track(10, "Order Completed", {"revenue": 40})
    if "exit_on: Order" not in ends:
        assert ended(one) == []
    one.track(20, "Order Completed", {"revenue": 60})
    one.until(200_000)
    at_s = 10.0 if "exit_on: Order" in ends else 20.0
    assert ended(one) == [(*how, at_s)]
    assert one.sends() == []


def test_a_goal_counts_where_the_same_event_also_ends_the_run(tmp_path: Path) -> None:
    one = world(tmp_path, WAITS.replace("ENDS", "goal: {segment: vip}\nexit_on: Order Completed"))
    one.track(0, "Hello")
    one.track(20, "Order Completed", {"revenue": 160})
    assert [how for how, _, _ in ended(one)] == ["goal"]


def test_what_time_alone_makes_true_ends_the_run_at_that_instant(tmp_path: Path) -> None:
    one = world(tmp_path, WAITS.replace("ENDS", "exit_if: {in_segment: quiet}"))
    one.track(0, "Hello")
    one.track(10, "Seen")
    one.track(50, "Seen")
    one.until(109.999999)
    assert ended(one) == []
    one.until(110)
    assert ended(one) == [("exit", "left: is in segment quiet", 110.0)]
    (fact,) = one.facts("run_ended")
    assert fact.known_us == START_US + 110_000_000


@pytest.mark.parametrize("ends", ["goal: {segment: vip}", "exit_if: {in_segment: vip}"])
def test_what_would_end_at_once_does_not_begin(ends: str, tmp_path: Path) -> None:
    one = world(tmp_path, WAITS.replace("ENDS", ends))
    one.track(0, "Order Completed", {"revenue": 100})
    one.track(10, "Hello")
    one.until(200_000)
    assert one.facts("run_started") == []


def test_whether_an_exit_holds_is_asked_of_the_instant_of_the_entry(tmp_path: Path) -> None:
    one = world(tmp_path, WAITS.replace("ENDS", "exit_if: {did: {event: Seen, within: 5s}}"))
    one.track(0, "Seen")
    one.track(5, "Hello")
    assert len(one.facts("run_started")) == 1


UNTIL = f"""
entry: {{event: Hello}}
steps:
  - {{id: see, wait_until: {{SETTINGS, timeout: 100s, then: tell, else: late}}}}
  - {{id: tell, {SEND}}}
  - {{id: told, exit: told}}
  - {{id: late, exit: too late}}
"""


def until(settings: str, folder: Path) -> World:
    one = world(folder, UNTIL.replace("SETTINGS", settings))
    one.track(0, "Seen")
    one.track(1, "Hello")
    return one


@pytest.mark.parametrize(
    ("settings", "at_s"),
    [
        ("segment: quiet", 60.0),
        ("rule: {in_segment: quiet}", 60.0),
        ("rule: {did: {event: Seen}}", 1.0),  # holds already
        ("rule: {did: {event: Seen, at_least: 2, within: 2s}}, fresh: true", 91.5),
        ("segment: quiet, fresh: true", 60.0),
    ],
)
def test_a_run_waits_for_a_rule(settings: str, at_s: float, tmp_path: Path) -> None:
    one = until(settings, tmp_path)
    one.until(80)
    one.track(90, "Seen")
    one.track(91.5, "Seen")
    assert [intent.occurred_us for intent in one.sends()] == [START_US + int(at_s * 1_000_000)]


def test_what_is_wanted_fresh_must_turn_false_first(tmp_path: Path) -> None:
    one = until("rule: {did: {event: Seen, within: 10s}}, fresh: true", tmp_path)
    one.track(5, "Seen")
    one.until(14)
    assert one.sends() == []
    one.until(16)
    one.track(20, "Seen")
    assert [intent.occurred_us for intent in one.sends()] == [START_US + 20_000_000]


def test_at_the_very_time_out_the_time_out_was_first(tmp_path: Path) -> None:
    one = until("rule: {did: {event: Seen, since: 2027-01-15T08:01:41Z}}", tmp_path)  # 101 s after the start
    assert START_US == 1_800_000_000_000_000
    one.track(101, "Seen")
    assert [outcome for _, outcome, _ in ended(one)] == ["too late"]


def test_several_ways_lead_to_several_steps(tmp_path: Path) -> None:
    journey = """
    entry: {event: Hello}
    steps:
      - id: see
        wait_until:
          any:
            - {event: Order Completed, then: bought}
            - {segment: quiet, then: silent}
            - {rule: 'trait plan equals "gold"', name: gold, then: gilded}
          timeout: 2d
          else: nothing
      - {id: bought, exit: bought}
      - {id: silent, exit: silent}
      - {id: gilded, exit: gilded}
      - {id: nothing, exit: nothing}
    """
    one = world(tmp_path, dedent(journey))
    for number, user in enumerate(("ann", "bob", "cid", "dan")):
        one.track(number, "Hello", user=user)
    one.track(10, "Order Completed", user="ann")
    one.track(11, "Seen", user="bob")
    one.identify(12, user="cid", plan="gold")
    one.until(300_000)
    assert [outcome for _, outcome in one.ends()] == ["bought", "gilded", "silent", "nothing"]
    last = one.facts("run_step")[-2].data["outcome"]
    assert last == "not within 2d: Order Completed or is in segment quiet or plan is 'gold'"


def test_what_came_late_is_looked_at_once_all_is_heard(tmp_path: Path) -> None:
    """A phone sends what she saw and what she did meanwhile in one block: neither alone counts."""
    one = world(tmp_path, WAITS.replace("ENDS", "exit_if: {in_segment: quiet}"))
    one.track(0, "Hello")
    both = [one.record("track", at_s, "Seen", user="ann") for at_s in (10, 65)]
    one.take(both, 100)
    assert ended(one) == []
    one.until(124.999999)
    assert ended(one) == []
    one.until(125)
    assert ended(one) == [("exit", "left: is in segment quiet", 125.0)]


def test_what_became_true_is_not_undone_by_what_happened_later(tmp_path: Path) -> None:
    left = "{all: [{did: {event: Added}}, {did_not: {event: Seen, within: 60s}}]}"
    one = World(definitions(tmp_path, greet=WAITS.replace("ENDS", f"exit_if: {left}")))
    one.track(0, "Hello")
    block = [
        one.record("track", at_s, name, user="ann") for at_s, name in ((100, "Seen"), (101, "Added"), (170, "Seen"))
    ]
    one.take(block, 200)
    one.until(201)
    assert [at_s for _, _, at_s in ended(one)] == [160.0]


def test_what_time_made_true_before_we_knew_has_its_own_instant(tmp_path: Path) -> None:
    one = world(tmp_path, WAITS.replace("ENDS", "exit_if: {in_segment: quiet}"))
    one.track(0, "Hello")
    one.track(10, "Seen", received_s=100)
    one.until(101)
    assert ended(one) == [("exit", "left: is in segment quiet", 70.0)]
    assert one.facts("run_ended")[0].known_us == START_US + 100_000_001


def test_a_merge_may_reach_the_goal(tmp_path: Path) -> None:
    one = world(tmp_path, WAITS.replace("ENDS", "goal: {segment: vip}"))
    one.track(0, "Order Completed", {"revenue": 60}, user="bob")
    one.track(1, "Order Completed", {"revenue": 60}, user="ann")
    one.track(5, "Hello", user="ann")
    one.alias(20, "bob", "ann")
    one.until(21)
    assert [how for how, _, _ in ended(one)] == ["goal"]


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("goal: {}", "goal: needs exactly one of event, rule and segment"),
        ("goal: {trait: orders, at_least: 2}", "put a condition below `rule`"),
        ("goal: {segment: vipp}", "unknown segment; got 'vipp'; did you mean vip?"),
        ("goal: {event: A, rule: {did: {event: B}}}", "needs exactly one of event, rule and segment"),
        ("goal: {rule: {did: {event: B}}, where: {x: 1}}", "unknown setting; got 'where'"),
        ("exit_if: {didd: {event: B}}", "did you mean did?"),
        ("exit_if: [{did: {event: B}}, 7]", "exit_if[1]: a condition needs exactly one kind"),
        ("exit_on: [A, {evnt: B}]", "exit_on[1]: unknown setting; got 'evnt'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(part: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as problem:
        world(tmp_path, WAITS.replace("ENDS", part))
    assert says in str(problem.value)
    assert "journeys/greet.yml:" in str(problem.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("event: A, segment: vip", "needs exactly one of event, rule and segment"),
        ("event: A, fresh: true", "no `fresh`; got True"),
        ("any: []", "needs a list of 1 to 10 things that may come"),
        ("any: [{event: A}, {event: A, where: {x: 1}}]", "two ways have the same name; got 'A'"),
        ("any: [{segment: vip, then: nowhere}]", "unknown step; got 'nowhere'"),
    ],
)
def test_what_is_wrong_with_a_wait_is_told(settings: str, says: str, tmp_path: Path) -> None:
    text = UNTIL.replace("SETTINGS", settings)
    text = text.replace(", then: tell, else", ", else") if "any" in settings else text
    with pytest.raises(DefinitionError) as problem:
        world(tmp_path, text)
    assert says in str(problem.value)
