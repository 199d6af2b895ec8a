"""A journey that starts another one, in the same breath and by the other's own rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core import World, definitions, write
from tidings import workspace
from tidings.errors import DefinitionError

CALLER = """
    entry: {event: Go}
    steps:
      - {id: other, start: {journey: second, with: {plan: {trait: plan}, fixed: 7, item: {event: sku}}}}
      - {id: how, branch: {of: other, ways: {started: fine, "refused:once": once}, else: no_way}}
      - {id: fine, exit: started it}
      - {id: once, exit: it had been}
      - {id: no_way, exit: refused}
"""
SECOND = """
    entry: {event: Never}
    REENTRY
    steps:
      - {id: pause, wait: 1h}
      - {id: mail, send: {template: welcome, category: transactional}}
"""


def world(tmp_path: Path, reentry: str = "") -> World:
    one = World(definitions(tmp_path, first=CALLER, second=SECOND.replace("REENTRY", reentry)))
    one.identify(0, email="ann@x.example", plan="gold")
    return one


def test_the_other_begins_at_once_with_what_it_is_given(tmp_path: Path) -> None:
    one = world(tmp_path)
    one.track(1, "Go", {"sku": "p1"})
    assert one.ends() == [("first", "started it")]
    (run,) = one.person().runs
    assert (run.journey, run.item) == ("second", {"plan": "gold", "fixed": 7, "item": "p1"})
    one.until(3_700)
    assert one.sends()[0].values["event"]["plan"] == "gold"


def test_the_other_one_s_rules_of_re_entry_hold(tmp_path: Path) -> None:
    one = world(tmp_path, "reentry: once")
    one.track(1, "Go")
    one.track(2, "Go")
    one.until(7_200)
    one.track(7_201, "Go")
    assert [how for name, how in one.ends() if name == "first"] == ["started it", "refused", "it had been"]


def test_what_two_journeys_start_because_of_one_event_are_two_runs(tmp_path: Path) -> None:
    short = "entry: {event: Never}\nsteps:\n  - {id: mail, send: {template: welcome, category: transactional}}\n"
    callers = dict.fromkeys(("a", "b", "c"), "entry: {event: Go}\nsteps:\n  - {id: other, start: {journey: second}}\n")
    one = World(definitions(tmp_path, **callers, second=short))
    one.identify(0, email="ann@x.example")
    one.track(1, "Go")
    assert len({intent.message_id for intent in one.sends()}) == 3


def circle(first: str, second: str) -> dict[str, str]:
    return {
        "first": f"entry: {{event: Go}}\nsteps:\n{first}  - {{id: x, start: {{journey: second}}}}\n",
        "second": f"entry: {{event: Never}}\nsteps:\n{second}  - {{id: x, start: {{journey: first}}}}\n",
    }


def test_journeys_that_start_each_other_without_a_wait_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError) as problem:
        workspace.load(write(tmp_path, **circle("", "")))
    assert "journeys start each other in a circle without waiting: first → second → first" in str(problem.value)


def test_with_a_wait_they_may(tmp_path: Path) -> None:
    one = World(definitions(tmp_path, **circle("  - {id: day, wait: 1d}\n", "  - {id: hour, wait: 1h}\n")))
    one.track(0, "Go")
    one.until(5 * 86_400)
    assert len(one.facts("run_started")) == 9, "every 25 hours two"
    assert all(len(state.runs) <= 2 for state in one.simulator.people())


def test_who_would_start_one_that_still_runs_is_refused(tmp_path: Path) -> None:
    one = World(definitions(tmp_path, **circle("  - {id: day, wait: 1d}\n", "")))
    one.track(0, "Go")
    one.until(5 * 86_400)
    assert len(one.facts("run_started")) == 2
    assert "first does not start: running" in [fact.data["outcome"] for fact in one.facts("run_step")]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("{journey: secnd}", "did you mean second?"),
        ("{}", "needs `journey`"),
        ("{journey: second, with: 3}", "needs 1 to 50 names"),
        ("{journey: second, color: 3}", "unknown setting"),
    ],
)
def test_a_wrong_start_is_told(settings: str, says: str, tmp_path: Path) -> None:
    first = f"entry: {{event: Go}}\nsteps:\n  - {{id: x, start: {settings}}}\n"
    with pytest.raises(DefinitionError) as problem:
        workspace.load(write(tmp_path, first=first, second=SECOND.replace("REENTRY", "")))
    assert says in str(problem.value)
