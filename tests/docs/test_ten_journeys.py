"""The ten journeys: each stands in the retail workspace, and does what its test says."""

from __future__ import annotations

import shutil
from itertools import takewhile
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks_of
from tidings import workspace
from tidings.hosts.check import check_workspace
from tidings.testing import trials

PAGE = ROOT / "docs/how-to/ten-journeys.md"
RETAIL = Path(workspace.__file__).parent / "workspaces" / "retail"
BLOCKS = list(blocks_of(PAGE))
JOURNEYS = [number for number, block in enumerate(BLOCKS) if block.info == "yaml journey"]


def trials_of(number: int) -> list[Block]:
    """What stands between this journey and the next."""
    following = takewhile(lambda block: block.info != "yaml journey", BLOCKS[number + 1 :])
    return [block for block in following if block.info == "yaml tests"]


def retail(folder: Path, journeys: list[Block]) -> Path:
    """The workspace with these journeys alone."""
    made = Path(shutil.copytree(RETAIL, folder / "workspace"))
    for name in ("journeys", "tests"):
        shutil.rmtree(made / name)
        (made / name).mkdir()
    for number, block in enumerate(journeys):
        (made / f"journeys/{number}.yml").write_text(block.text, "utf-8")
    hooks = [block.text for block in BLOCKS if block.info == "yaml webhooks"]
    (made / "webhooks.yml").write_text("".join(hooks), "utf-8")
    return made


@pytest.mark.parametrize("number", JOURNEYS, ids=lambda number: BLOCKS[number].text.split("\n")[0])
def test_it_does_what_its_test_says(number: int, tmp_path: Path) -> None:
    folder = retail(tmp_path, [BLOCKS[number]])
    for index, block in enumerate(trials_of(number)):
        (folder / f"tests/{index}.yml").write_text(block.text, "utf-8")
    assert [one.failure for one in trials.run(folder) if one.failure] == []


def test_they_go_together(tmp_path: Path) -> None:
    folder = retail(tmp_path, [BLOCKS[number] for number in JOURNEYS])
    definitions = workspace.load(folder)
    check_workspace(folder, definitions)
    assert len(definitions.journeys) == 10
