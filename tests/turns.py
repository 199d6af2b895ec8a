"""Several runs of pytest over the same tests take turns: each claims a file before it runs it, and leaves what others claimed.

A plugin, loaded by `tests.suite`; alone it does nothing. Tests of one file, and of a folder that shares what it makes ready
(`TOGETHER`), are run by one process, in their order.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

FOLDER, NUMBER = "TIDINGS_TURNS", "TIDINGS_TURN"
"""Variables: the folder of claims, and the number of this process among those that take turns."""
TOGETHER = ("tests/sdk", "tests/browser")
SLOW_FIRST = (
    "tests/property/test_planted_bugs.py",
    "tests/docs/test_tutorial.py",
    "tests/acceptance/test_online_retail.py",
    "tests/crash/test_deliver_kill.py",
    "tests/sdk",
    "tests/acceptance/test_cli.py",
    "tests/acceptance/test_workspaces.py",
    "tests/crash/test_webhook_kill.py",
    "tests/crash/test_state_power.py",
    "tests/property/test_random_journeys.py",
    "tests/acceptance/test_backtest.py",
    "tests/property/test_no_dead_end.py",
    "tests/property/test_streaming_equals_sql.py",
)
"""What would be waited for if it were begun last."""


def turn_of(path: str) -> str:
    """What is claimed with a file of tests: its folder, or the file."""
    return next((folder for folder in TOGETHER if path.startswith(f"{folder}/")), path)


def claim(folder: Path, turn: str) -> bool:
    """Whether nobody else has this turn, and from now on we do."""
    try:
        (folder / f"turn-{turn.replace('/', '%')}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def order(turns: list[str], number: int) -> list[str]:
    """The order in which a process asks for turns: slow ones first; of the rest every other one begins at the end."""
    slow = [one for one in SLOW_FIRST if one in turns]
    rest = [one for one in turns if one not in slow]
    return slow + (rest[::-1] if number % 2 else rest)


def taken(items: list[pytest.Item], folder: Path, number: int) -> Iterator[pytest.Item]:
    """The tests of the turns that are ours, each claimed when it is its time."""
    found = {
        turn: list(own)
        for turn, own in groupby(sorted(items, key=_turn), key=_turn)  # sorting keeps the order within a turn
    }
    for turn in order(list(found), number):
        if claim(folder, turn):
            yield from found[turn]


def _turn(item: pytest.Item) -> str:
    return turn_of(item.nodeid.partition("::")[0])


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Run what is ours, one test ahead, as what is made ready for the next one stays."""
    if FOLDER not in os.environ or session.config.option.collectonly or session.testsfailed:
        return None  # errors of collection are told as ever
    mine = taken(session.items, Path(os.environ[FOLDER]), int(os.environ[NUMBER]))
    item = next(mine, None)
    while item is not None:
        following = next(mine, None)
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        item = following
    return True


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Say how many tests came to what."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if FOLDER in os.environ and reporter is not None:
        counts = {kind: len(found) for kind, found in reporter.stats.items() if kind}
        said = {**counts, "collected": session.testscollected}
        (Path(os.environ[FOLDER]) / f"said-{os.environ[NUMBER]}.json").write_text(json.dumps(said), "utf-8")
