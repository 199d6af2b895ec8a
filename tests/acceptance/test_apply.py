"""`tidings apply` that is killed at the worst moments and called again, and what entering by a change starts."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
import pytest

from tests.acceptance.installation import Here, with_history
from tidings.clock import SystemClock
from tidings.domain.control import Change
from tidings.hosts import apply
from tidings.log.sqlite import SqliteLog
from tidings.versions.in_force import status
from tidings.versions.shelf import Entry, Versions


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    place = with_history(tmp_path_factory.mktemp("apply"))
    yield place
    place.supervisor.stop()


class Killed(Exception):
    """The command is gone."""


def silent(what: str, done: float, total: float) -> None:
    """Show nothing."""


def killed_with_the_switch_in_the_log(here: Here, plan: str) -> None:
    """The command dies when the log has its switch record, while the processor stands still."""

    def post(change: Change) -> int:
        if change.phase == "prepare":
            return apply.Door(here.config).post(change)
        here.supervisor.roles["process"].kill(signal.SIGSTOP)
        apply.Door(here.config).post(change)
        raise Killed

    ask = apply.Ask(version=apply.keep(here.config, here.after), who="ann", why="wanted", plan=plan)
    with pytest.raises(Killed):
        apply.Applying(here.config, ask, silent, post).run()


def go_on(here: Here) -> None:
    here.supervisor.roles["process"].kill(signal.SIGCONT)


def head(here: Here) -> int:
    with closing(SqliteLog(here.config.data / "log.db", SystemClock())) as log:
        return log.head()


def until(what: Any) -> None:
    deadline_s = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def begin(here: Here, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tidings.cli", "apply", *arguments, "--config", str(here.toml)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def undo(here: Here) -> None:
    code, out = here.run("undo", "--why", "for the next test")
    assert code == 0, out


def runs_of(here: Here, journey: str) -> int:
    path = here.config.data / "serving.db"
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as db:
        return int(db.execute("SELECT count(*) FROM runs WHERE journey = ?", (journey,)).fetchone()[0])


def latest(here: Here) -> Entry:
    return Versions(here.config.data).history()[-1]


def test_a_switch_that_nobody_took_yet_is_finished_by_the_next_call(here: Here) -> None:
    plan = here.plan()["plan"]
    killed_with_the_switch_in_the_log(here, plan)
    before = head(here)
    again = begin(here, str(here.after), "--why", "wanted", "--plan", plan, "--json")
    until(lambda: head(here) > before or again.poll() is not None)  # its own switch record comes second
    go_on(here)
    out, _ = again.communicate(timeout=60)
    assert again.returncode == 0, out
    done = msgspec.json.decode(out)["applied"]
    assert (done["switch_offset"], Versions(here.config.data).running()) == (before - 1, done["version"])
    assert {one["segment"] for one in done["segments"]} == {"big", "quiet", "lately"}
    assert (latest(here).state, latest(here).switch_offset, latest(here).plan) == ("running", before - 1, plan)
    undo(here)


def test_a_switch_that_was_taken_is_told_by_the_next_call(here: Here) -> None:
    plan = here.plan()["plan"]
    killed_with_the_switch_in_the_log(here, plan)
    go_on(here)
    until(lambda: Versions(here.config.data).running() == latest(here).version)
    code, out = here.run("apply", str(here.after), "--why", "wanted", "--plan", plan, "--json")
    assert code == 0, out
    assert {one["segment"] for one in msgspec.json.decode(out)["applied"]["segments"]} == {"big", "quiet", "lately"}
    undo(here)


def test_a_change_given_up_whose_switch_was_in_the_log_runs_all_the_same_and_the_history_says_so(here: Here) -> None:
    killed_with_the_switch_in_the_log(here, "")
    wanted, before = latest(here).version, head(here)
    (here.before / "segments.yml").write_text("big: {rule: {trait: spent, at_least: 7}}")
    other = begin(here, str(here.before), "--why", "another one")
    until(lambda: head(here) > before or other.poll() is not None)
    go_on(here)
    out, _ = other.communicate(timeout=60)
    assert (other.returncode, "refused" in out) == (2, True)
    running = [one.version for one in Versions(here.config.data).history() if one.state == "running"]
    assert running == [wanted] == [Versions(here.config.data).running()]
    undo(here)


@pytest.mark.parametrize("asked", [False, True])
def test_who_enters_by_a_change_starts_its_journey_only_if_asked(here: Here, asked: bool) -> None:
    started = runs_of(here, "miss_you")
    code, out = here.run("apply", str(here.after), "--why", "wanted", *(["--enter"] if asked else []), "--json")
    assert code == 0, out
    moved = {one["segment"]: one["entered"] for one in msgspec.json.decode(out)["applied"]["segments"]}
    assert moved["quiet"] == 1  # Bob
    assert latest(here).entering is asked
    assert runs_of(here, "miss_you") - started == int(asked)
    now = status(here.config.data)
    assert now is not None
    assert now.in_force.switched is None
    undo(here)
