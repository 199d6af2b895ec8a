"""The published JSON Schemas are those of the program, take what the parsers take, and refuse what they refuse."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from tests.docs.json_schema import holds
from tests.docs.pages import ROOT, Block, blocks, text
from tests.property.rule_cases import Rules, traits_in
from tests.property.test_rule_texts import REST
from tidings import workspace
from tidings.accumulate import kinds
from tidings.cli import main
from tidings.decide import policy
from tidings.domain import plain
from tidings.errors import DefinitionError
from tidings.hosts.schemas import schemas, text_of
from tidings.process import journey_parse
from tidings.process.layout import Layout
from tidings.rules import parse as rule_parse
from tidings.rules import schema as rule_schema

FOLDER = ROOT / "docs" / "reference" / "schema"
WORKSPACES = Path(workspace.__file__).parent / "workspaces"
SCHEMAS = schemas()
FILES = {
    "segments.yml": "segments",
    "traits.yml": "traits",
    "policy.yml": "policy",
    "settings.yml": "settings",
    "given.yml": "given",
    "scores.yml": "scores",
    "webhooks.yml": "webhooks",
}
"""File at the top of a workspace to its schema."""
BLOCKS = {
    "yaml segments": "segments",
    "yaml traits": "traits",
    "yaml policy": "policy",
    "yaml scores": "scores",
    "yaml given": "given",
    "yaml webhooks": "webhooks",
    "yaml journey": "journey",
}
"""Info string of an example to its schema."""


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_published_schema_is_the_one_that_the_program_prints(name: str) -> None:
    """To write them anew: tidings schema --write docs/reference/schema"""
    assert (FOLDER / f"{name}.json").read_text("utf-8") == text_of(SCHEMAS[name])
    assert CliRunner().invoke(main, ["schema", name]).output == text_of(SCHEMAS[name])


def test_no_other_schema_is_published() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir()) == sorted(SCHEMAS)
    assert [name for name in SCHEMAS if f"schema/{name}.json" not in text("docs/how-to/check-while-you-type.md")] == []


@pytest.mark.parametrize("block", [one for info in BLOCKS for one in blocks(info)], ids=lambda block: block.name)
def test_examples_in_the_documentation_are_taken(block: Block) -> None:
    assert holds(SCHEMAS[BLOCKS[block.info]], plain.parse(block.text, block.name))


def shipped() -> list[Path]:
    return sorted([*WORKSPACES.glob("*/*.yml"), *WORKSPACES.glob("*/journeys/*.yml")])


@pytest.mark.parametrize("path", shipped(), ids=lambda path: "/".join(path.parts[-2:]))
def test_shipped_definitions_are_taken(path: Path) -> None:
    name = "journey" if path.parent.name == "journeys" else FILES[path.name]
    assert holds(SCHEMAS[name], plain.parse(path.read_text("utf-8"), path.name))


def test_there_are_shipped_definitions() -> None:
    assert {path.name for path in shipped()} >= {"segments.yml", "traits.yml", "policy.yml"}


@pytest.mark.parametrize("seed", range(100))
def test_random_rules_are_taken(seed: int) -> None:
    rng = Random(seed)
    made = Rules(rng, rng.choice("shd"))
    for rule in (*(made.rule() for _ in range(20)), *REST):
        assert holds(SCHEMAS["rule"], rule), rule
    assert holds(SCHEMAS["traits"], traits_in("d"))


SPOILT: dict[str, Any] = {
    "of no kind": {"bought": {"event": "A"}},
    "of two kinds": {"did": {"event": "A"}, "in_list": "x"},
    "of a setting more": {"did": {"event": "A", "color": 3}},
    "of no event": {"did": {"at_least": 3}},
    "of a list": ["did"],
    "of a number": 3,
    "of an empty all": {"all": []},
    "of a wrong part": {"all": [{"did": {"event": "A"}}, {"any": [{"did": 3}]}]},
    "of a span without unit": {"did": {"event": "A", "within": 30}},
    "of a comparison that is none": {"trait": "x", "near": 3},
    "of a comparison in where that is none": {"did": {"event": "A", "where": {"x": {"near": 3}}}},
    "of a trait alone": {"trait": "x"},
    "of no count": {"did": {"event": "A", "at_least": 0}},
    "of a date that is none": {"first": {"event": "A", "before": "yesterday"}},
    "of nothing about when": {"last": {"event": "A"}},
    "of a measure without comparison": {"sum": {"event": "A", "property": "x"}},
    "of a measure that contains": {"sum": {"event": "A", "property": "x", "contains": 3}},
    "of one step": {"sequence": {"steps": [{"event": "A"}]}},
    "of a step of two": {"sequence": {"steps": [{"event": "A"}, {"event": "B", "not": {"event": "C"}}]}},
    "of an engagement that is none": {"engaged": {"with": "read"}},
    "of half a time": {"local_time": {"from": "09:00"}},
    "of a day that is none": {"local_time": {"weekdays": ["monday"]}},
    "of a purpose without name": {"consent": ""},
    "of a between of three": {"trait": "x", "between": [1, 2, 3]},
    "of exists 3": {"trait": "x", "exists": 3},
}


@pytest.mark.parametrize("raw", SPOILT.values(), ids=SPOILT)
def test_a_rule_that_the_parser_refuses_is_refused(raw: Any) -> None:
    with pytest.raises(DefinitionError):
        rule_parse.parse(raw, Layout(), "rule")
    assert not holds(SCHEMAS["rule"], raw)
    assert not holds(SCHEMAS["segments"], {"s": {"rule": raw}})


WRONG_TRAITS: tuple[Any, ...] = (
    {"count": {}},
    {"count": {"event": "A", "property": "x"}},
    {"sum": {"event": "A"}},
    {"top": {"event": "A", "property": "x", "k": 51}},
    {"decayed_sum": {"event": "A", "property": "x"}},
    {"cart": {"added": "A"}},
    {"ratio": {"of": "a"}},
    {"days_between": {"of": "a", "per": "b"}},
    {"median": {"event": "A"}},
    {"count": {"event": "A"}, "sum": {"event": "A", "property": "x"}},
    3,
)


@pytest.mark.parametrize("raw", WRONG_TRAITS, ids=str)
def test_a_trait_that_the_parser_refuses_is_refused(raw: Any) -> None:
    with pytest.raises(DefinitionError):
        kinds.define({"t": raw}, Layout(), "traits.yml")
    assert not holds(SCHEMAS["traits"], {"t": raw})


STEP = {"id": "s", "exit": "x"}
WRONG_JOURNEYS: tuple[Any, ...] = (
    {"entry": {"event": "A"}, "steps": [STEP]},
    {"journey": "j", "entry": {}, "steps": [STEP]},
    {"journey": "j", "entry": {"event": "A", "segment": "s"}, "steps": [STEP]},
    {"journey": "j", "entry": {"event": "A"}, "steps": []},
    {"journey": "j", "entry": {"event": "A"}, "steps": [STEP], "color": 3},
    {"journey": "j", "entry": {"event": "A"}, "steps": [STEP], "reentry": "never"},
    {"journey": "j", "entry": {"event": "A"}, "steps": [{"exit": "x"}]},
    {"journey": "j", "entry": {"event": "A"}, "steps": [{"id": "exit", "exit": "x"}]},
    {"journey": "j", "entry": {"event": "A"}, "steps": [{"id": "s", "exit": "x", "wait": "3d"}]},
    {"journey": "j", "entry": {"event": "A"}, "steps": [{"id": "s", "wait": "soon"}]},
    {"journey": "j", "entry": {"event": "A"}, "steps": [{"id": "s", "send": {"category": "x"}}]},
    {"journey": "j", "entry": {"event": "A"}, "steps": [{"id": "s", "branch": {"then": "x"}}]},
    {"journey": "j", "entry": {"event": "A"}, "steps": [{"id": "s", "branch": {"if": {"did": 3}}}]},
    {"journey": "j", "entry": {"event": "A"}, "steps": [{"id": "s", "wait_until": {"event": "A"}}]},
)


@pytest.mark.parametrize("raw", WRONG_JOURNEYS, ids=str)
def test_a_journey_that_the_parser_refuses_is_refused(raw: Any) -> None:
    with pytest.raises(DefinitionError):
        journey_parse.parse(raw, "v", Layout(), "journeys/j.yml")
    assert not holds(SCHEMAS["journey"], raw)


@pytest.mark.parametrize(
    "raw", [{"m": 3}, {"m": {"color": 1}}, {"m": {"consent": "no"}}, {"m": {"cap": {"at_most": 1}}}, {"m": {"mode": "x"}}, []], ids=str
)  # fmt: skip
def test_a_policy_that_the_parser_refuses_is_refused(raw: Any) -> None:
    with pytest.raises(DefinitionError):
        policy.parse(raw, "policy.yml")
    assert not holds(SCHEMAS["policy"], raw)


@pytest.mark.parametrize("raw", [{"zone": "UTC"}, {"timezone": 3}], ids=str)
def test_settings_that_the_parser_refuses_are_refused(raw: Any, tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text(str(raw), "utf-8")
    with pytest.raises(DefinitionError):
        workspace.load(tmp_path)
    assert not holds(SCHEMAS["settings"], raw)


def test_the_bounds_are_those_of_the_parser() -> None:
    assert rule_schema.MAX_PARTS == rule_parse.MAX_PARTS


def test_all_of_them_are_written_into_a_folder(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["schema", "--write", str(tmp_path / "new")])
    assert done.exit_code == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "new").iterdir()} == {
        path.name: path.read_bytes() for path in FOLDER.iterdir()
    }
    assert CliRunner().invoke(main, ["schema"]).output.split() == list(SCHEMAS)
    assert "one of segments, traits" in CliRunner().invoke(main, ["schema", "nothing"]).stderr
