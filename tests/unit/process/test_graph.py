"""The graph of a journey: what no run can reach, and circles without a wait, are refused with their place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core import World, definitions, write
from tidings import workspace
from tidings.errors import DefinitionError

BRANCH = "branch: {if: {trait: x, exists: true}, then: %s, else: %s}"


def load(tmp_path: Path, *steps: str) -> None:
    listed = "".join(f"  - {{id: {'abcdefgh'[number]}, {step}}}\n" for number, step in enumerate(steps))
    workspace.load(write(tmp_path, way=f"entry: {{event: Go}}\nsteps:\n{listed}"))


SEND = "send: {template: welcome}"


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        (["exit: done", "exit: never"], "way.yml:5: steps[1]: nothing leads to step 'b'"),
        ([BRANCH % ("a", "exit")], "in a circle without waiting: a → a"),
        ([SEND, BRANCH % ("a", "exit")], "in a circle without waiting: a → b → a"),
        (["split: {b: 50, c: 50}", BRANCH % ("c", "a"), "wait: 1h", "exit: x"], "a → b → a"),
        (["parallel: {paths: {x: b, y: d}, join: f}", SEND, "exit: b", "wait: 1h", "exit: d", BRANCH % ("a", "exit")], ""),
        (
            ["parallel: {paths: {x: b, y: d}, join: f, until: any}", SEND, "exit: b", "wait: 1h", "exit: d", BRANCH % ("a", "exit")],
            "a → f → a",
        ),
        (["parallel: {paths: {x: b, y: b}, join: d}", "wait_until: {event: E, timeout: 1h, on_event: a}", "exit: c", "exit: d"], ""),
        ([SEND, "wait: 1h", BRANCH % ("a", "exit")], ""),
        (['wait: {until: "09:00"}', SEND, BRANCH % ("a", "exit")], ""),
        (["wait: {until_trait: x}", BRANCH % ("a", "exit")], "a → b → a"),
    ],
)  # fmt: skip
def test_circles_and_dead_steps(steps: list[str], says: str, tmp_path: Path) -> None:
    if not says:
        load(tmp_path, *steps)
        return
    with pytest.raises(DefinitionError) as problem:
        load(tmp_path, *steps)
    assert says in str(problem.value)


def test_paths_in_paths_are_bounded(tmp_path: Path) -> None:
    def fork(number: int) -> str:
        inside = "p" if number == 4 else f"f{number + 1}"
        return f"  - {{id: f{number}, parallel: {{paths: {{a: {inside}, b: p}}, join: exit}}}}\n"

    text = "entry: {event: Go}\nsteps:\n" + "".join(fork(number) for number in range(1, 5)) + "  - {id: p, wait: 1h}\n"
    with pytest.raises(DefinitionError) as problem:
        workspace.load(write(tmp_path, way=text))
    assert "too many parallel paths within paths; got 4; wanted 3 at most" in str(problem.value)


def test_every_day_at_nine_is_once_a_day(tmp_path: Path) -> None:
    """A run that comes back to the wait at the very instant that it waited for waits for the next day."""
    daily = """
        entry: {event: Go}
        steps:
          - {id: nine, wait: {until: "09:00"}}
          - {id: mail, send: {template: welcome, category: transactional}}
          - {id: again, branch: {if: {trait: x, exists: true}, then: exit, else: nine}}
    """
    one = World(definitions(tmp_path, daily=daily))
    one.identify(0, email="ann@x.example")
    one.track(1, "Go")
    one.until(5 * 86_400)
    assert len(one.sends()) == 5
