"""Whatever is spoilt in the files of a workspace, it still is one, or what is wrong is said with file and line."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from random import Random

import pytest

from tidings import workspace
from tidings.errors import DefinitionError
from tidings.hosts.check import check_workspace

WORKSPACES = Path(workspace.__file__).parent / "workspaces"
SEEDS = 25
SPOILT_EACH = 10
PIECES = (
    "3",
    "x",
    "'",
    '"',
    "{",
    "}",
    "[",
    "]",
    ":",
    "- ",
    "#",
    "\t",
    "&a ",
    "*a",
    "<<: ",
    "not",
    "~",
    "\0",
    "é",
    "[]",
    "{}",
    " ",
)
LINE = re.compile(r"(journeys/|templates/)?\w+\.(yml|mjml)(:\d+: |: (file too large|not UTF-8|not YAML))")


def spoil(text: str, rng: Random) -> str:
    """The text with something taken out, put in, or moved."""
    lines = text.splitlines(keepends=True)
    at = rng.randrange(len(text))
    row = rng.randrange(len(lines))
    how = rng.randrange(5)
    if how == 0:
        return text[:at] + text[at + rng.randint(1, 12) :]
    if how == 1:
        return text[:at] + rng.choice(PIECES) + text[at:]
    if how == 2:
        del lines[row]
    elif how == 3:
        lines.insert(rng.randrange(len(lines)), lines[row])
    else:
        words = re.findall(r"\w+", text)
        return text.replace(rng.choice(words), rng.choice(words), 1)
    return "".join(lines)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_it_is_one_or_says_what_is_wrong_and_where(seed: int, tmp_path: Path) -> None:
    rng = Random(seed)
    shipped = rng.choice(sorted(WORKSPACES.iterdir()))
    folder = tmp_path / "workspace"
    shutil.copytree(shipped, folder)
    paths = sorted([*folder.glob("*.yml"), *folder.glob("journeys/*.yml")])
    for _ in range(SPOILT_EACH):
        path = rng.choice(paths)
        whole = path.read_text("utf-8")
        path.write_text(spoil(whole, rng), "utf-8")
        try:
            check_workspace(folder, workspace.load(folder))
        except DefinitionError as error:
            assert LINE.match(str(error)), str(error)  # noqa: PT017 - either way is right
        path.write_text(whole, "utf-8")
