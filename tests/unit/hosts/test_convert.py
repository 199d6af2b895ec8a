"""`tidings rule`: a rule from a file or the command line, in the form that is asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.core import definitions
from tidings.cli import main
from tidings.domain import plain

LINE = 'did "Order Completed" at least 3 within 60d and local_time from 09:00 to 17:30'
TREE = {
    "all": [
        {"did": {"event": "Order Completed", "at_least": 3, "within": "60d"}},
        {"local_time": {"from": "09:00", "to": "17:30"}},
    ]
}


def said(*words: str) -> str:
    done = CliRunner().invoke(main, ["rule", *words])
    assert done.exit_code == 0, done.output
    return done.output


def test_every_form_turns_into_every_other(tmp_path: Path) -> None:
    assert plain.parse(said(LINE, "--to", "yaml"), "x") == json.loads(said(LINE, "--to", "json")) == TREE
    for form in ("text", "yaml", "json"):
        path = tmp_path / f"rule.{form}"
        path.write_text(said(LINE, "--to", form), "utf-8")
        assert said(str(path)) == LINE + "\n"
        assert said(path.read_text("utf-8")) == LINE + "\n"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("trait x at [/b]", "error: rule: column 13: cannot be read; got '/b]'"),
        ("did A at least 5 at most 2", "error: rule.did, column 18: can never hold"),
        ("{did: {event: A, color: 2}}", "error: rule.did: unknown setting; got 'color'"),
        ("did:", "error: rule.did: needs settings"),
        ("x" * 5_000, "error: rule: column 1: no condition"),
        ("\0", "error: rule: column 1: cannot be read"),
    ],
)
def test_what_is_wrong_is_one_line(given: str, says: str) -> None:
    done = CliRunner().invoke(main, ["rule", given])
    assert done.exit_code == 2
    assert done.stderr.startswith(says)


def test_a_text_in_a_workspace_is_the_same_version_as_its_tree(tmp_path: Path) -> None:
    first = LINE.partition(" and ")[0]
    one = definitions(tmp_path, segments=f"s: {{rule: {json.dumps(TREE)}}}")
    other = definitions(tmp_path, segments=f"s:\n  rule: {LINE}\n")
    mixed = definitions(tmp_path, segments=f"s: {{rule: {{all: ['{first}', {json.dumps(TREE['all'][1])}]}}}}")
    versions = {found.segments.by_name["s"].version for found in (one, other, mixed)}
    assert len(versions) == 1
    assert one.layout.layout_id == other.layout.layout_id


def test_a_branch_may_ask_in_a_text(tmp_path: Path) -> None:
    journey = 'entry: {event: Go}\nsteps:\n  - id: s\n    branch: {if: trait plan is "gold", then: exit}\n'
    (step,) = definitions(tmp_path, jny=journey).journeys["jny"].steps.values()
    assert step.words() == "If plan is 'gold'"


def test_a_journey_with_a_text_is_the_same_version_as_with_its_tree(tmp_path: Path) -> None:
    journey = "entry: {event: Go}\nsteps:\n  - id: s\n    branch: {if: RULE, then: exit}\n"
    rules = ("trait plan is 1", "{trait: plan, equals: 1}", "trait plan is 2")
    one, same, other = (definitions(tmp_path, j=journey.replace("RULE", rule)).journeys["j"].version for rule in rules)
    assert one == same != other
