"""Examples in the documentation are run: definitions by the real parsers, Python by Python, configuration by its reader."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks, blocks_of, pages, text
from tidings import config, workspace
from tidings.hosts import convert, replay
from tidings.hosts.check import check_workspace
from tidings.render.lint import findings as lint
from tidings.render.template import compile_template
from tidings.rules.kinds import KINDS
from tidings.sources.mapping import load_map
from tidings.testing import trials

RETAIL = Path(workspace.__file__).parent / "workspaces" / "retail"
PLACES = {
    "yaml traits": "traits.yml",
    "yaml segments": "segments.yml",
    "yaml journey": "journeys/example.yml",
    "yaml broadcast": "broadcasts/example.yml",
    "yaml policy": "policy.yml",
    "yaml scores": "scores.yml",
    "yaml given": "given.yml",
    "yaml webhooks": "webhooks.yml",
}
"""Info string to the workspace file that such a block is."""


def examples(info: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", blocks(info), ids=lambda block: block.name)


@pytest.mark.parametrize("block", [block for info in PLACES for block in blocks(info)], ids=lambda block: block.name)
def test_definitions_are_valid(block: Block, tmp_path: Path) -> None:
    """Each example stands in the retail workspace, in the place of its file."""
    shutil.copytree(RETAIL, tmp_path / "workspace")
    place = tmp_path / "workspace" / PLACES[block.info]
    if block.info != "yaml journey":
        shutil.rmtree(tmp_path / "workspace" / "journeys")
    if block.info == "yaml given":  # which lists only what it shows
        (tmp_path / "workspace" / "segments.yml").unlink()
        (tmp_path / "workspace" / "traits.yml").unlink()
    if block.info == "yaml segments":
        traits = [one.text for one in blocks("yaml traits") if one.page == block.page]
        (tmp_path / "workspace" / "traits.yml").write_text("".join(dict.fromkeys(traits)), "utf-8")
        scores = [one.text for one in blocks("yaml scores") if one.page == block.page]
        (tmp_path / "workspace" / "scores.yml").write_text("".join(dict.fromkeys(scores)), "utf-8")
    if block.info == "yaml journey":
        hooks = [one.text for one in blocks("yaml webhooks") if one.page == block.page]
        (tmp_path / "workspace" / "webhooks.yml").write_text("".join(hooks), "utf-8")
    place.parent.mkdir(exist_ok=True)
    place.write_text(block.text, "utf-8")
    definitions = workspace.load(tmp_path / "workspace")
    check_workspace(tmp_path / "workspace", definitions)


@pytest.mark.parametrize(
    "block",
    [
        block for block in blocks("yaml tests") if block.page != "docs/how-to/ten-journeys.md"
    ],  # see test_ten_journeys.py
    ids=lambda block: block.name,
)
def test_tests_of_journeys_pass(block: Block, tmp_path: Path) -> None:
    """Each example is a file of tests of the retail workspace."""
    folder = shutil.copytree(RETAIL, tmp_path / "workspace")
    shutil.rmtree(folder / "tests")
    (folder / "tests").mkdir()
    (folder / "tests/example.yml").write_text(block.text, "utf-8")
    assert [one.failure for one in trials.run(folder) if one.failure] == []


def test_there_are_definitions_to_check() -> None:
    assert {info for info in PLACES if len(blocks(info)) >= 1} == set(PLACES)


@examples("mjml template")
def test_templates_compile_and_give_no_findings(block: Block) -> None:
    assert lint(compile_template("example", block.text)) == []


def test_texts_of_rules_are_as_the_program_writes_them() -> None:
    lines = [line for block in blocks("text rules") for line in block.text.splitlines()]
    trees = [convert.tree_of(line) for line in lines]
    assert [convert.shown(tree, "text") for tree in trees] == lines
    assert [kind for kind in KINDS if f'"{kind}":' not in json.dumps(trees)] == []


@examples("toml")
def test_configurations_are_read(block: Block, tmp_path: Path) -> None:
    (tmp_path / "tidings.toml").write_text(block.text, "utf-8")
    assert config.load(tmp_path / "tidings.toml").mail.from_address == "hello@shop.example"


@examples("json")
def test_json_is_json(block: Block) -> None:
    assert isinstance(json.loads(block.text), dict)


@examples("python")
def test_python_runs(block: Block, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", block.text],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_block_says_what_it_is() -> None:
    """A definition without its second word would not be checked."""
    known = {
        "sh",
        "sh background",
        "text",
        "text rules",
        "toml",
        "toml routes",
        "json",
        "python",
        "python data",
        "js",
        "html",
        "csv",
        "ini",
        "nginx",
        "sql",
        "mjml template",
        "yaml tests",
        *PLACES,
    }
    others = {
        "docs/how-to/import-a-file.md",
        "docs/reference/tracker.md",
        "docs/explanation/online-retail.md",
    }  # have tests of their own
    unknown = [
        f"{block.name}: {block.info or 'nothing'}"
        for page in pages()
        for block in blocks_of(page)
        if block.info not in known and block.page not in others
    ]
    assert unknown == []


def test_the_figures_in_the_readme_are_those_of_the_history_that_ships() -> None:
    row_map = load_map(RETAIL / "sources" / "online_retail.yml")
    history = ROOT / "src/tidings/demo/data/online_retail_slice.csv.xz"
    events, refused = replay.read(history, row_map)
    bodies = {event.body for event in events}
    people = {json.loads(body)["userId"] for body in bodies}
    readme = " ".join(text("README.md").split())
    for figure in (len(events) + len(refused), len(bodies), len(people), len(events) - len(bodies), len(refused)):
        assert f"{figure:,}" in readme, figure
