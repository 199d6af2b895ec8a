"""The tutorial, followed by a program: every command is typed into a real shell, and what is shown must come out."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, Block, blocks, blocks_of, text
from tidings.hosts.supervisor import free_ports

TUTORIAL = ROOT / "docs/tutorial/first-mail.md"
PORTS = ("8300", "8301", "8325")
END = "--- end of step"


class Terminal:
    """A shell that a person types into; steps run in it one after the other."""

    def __init__(self, folder: Path, environment: dict[str, str], ports: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self._ports = ports
        self._shell = subprocess.Popen(
            ["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            cwd=folder, env=environment, text=True, start_new_session=True,
        )  # fmt: skip
        self._others: list[subprocess.Popen[bytes]] = []

    def type(self, commands: str) -> str:
        """Run commands as they stand; everything that they print."""
        shell = self._shell
        assert shell.stdin is not None
        assert shell.stdout is not None
        shell.stdin.write(f"{self._here(commands)}\nprintf '%s\\n' {shlex.quote(END)}\n")
        shell.stdin.flush()
        said = ""
        while not said.endswith(f"{END}\n"):
            line = shell.stdout.readline()
            assert line, f"the shell ended after: {said}"
            said += line
        return said.removesuffix(f"{END}\n")

    def open_another(self, command: str) -> None:
        """Run a command in a terminal of its own, in the folder where this one is."""
        folder = self.type("pwd").strip()
        output = Path(self._folder, f"terminal-{len(self._others)}.txt").open("wb")  # noqa: SIM115 - the process keeps it
        with output:
            other = subprocess.Popen(
                ["bash", "--norc", "-c", self._here(command)], stdin=subprocess.DEVNULL, stdout=output,
                stderr=subprocess.STDOUT, cwd=folder, env=self._environment, start_new_session=True,
            )  # fmt: skip
        self._others.append(other)

    def use_free_ports(self, configuration: Path) -> None:
        """As a person would who has something else on the usual ones."""
        configuration.write_text(self._here(configuration.read_text("utf-8")), "utf-8")

    def _here(self, words: str) -> str:
        for usual, free in self._ports.items():
            words = words.replace(usual, free)
        return words

    def close(self) -> list[int]:
        """Ctrl-C in the other terminals, the last one first; their exit codes."""
        ended = []
        while self._others:
            other = self._others.pop()
            os.killpg(other.pid, signal.SIGINT)
            try:
                ended.append(other.wait(20))
            except subprocess.TimeoutExpired:
                os.killpg(other.pid, signal.SIGKILL)
                ended.append(other.wait())
        self._shell.kill()
        self._shell.communicate()
        return ended


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    program = tmp_path / ".venv" / "bin" / "tidings"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tidings.cli "$@"\n', "utf-8")
    program.chmod(0o755)
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "COLUMNS": "200"}
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    terminal = Terminal(tmp_path, environment, ports)
    yield terminal
    terminal.close()


def expected(shown: str) -> re.Pattern[str]:
    """A pattern for what a block shows: white space is loose, and ``…`` stands for anything."""
    parts = [r"\s+".join(map(re.escape, part.split())) for part in shown.split("…")]
    return re.compile(r".*?".join(rf"\s*{part}\s*" for part in parts), re.DOTALL)


def check(step: str, said: str, shown: Block) -> None:
    assert expected(shown.text).fullmatch(said), (
        f"{shown.name}: after\n{step}\nthe page shows\n{shown.text}\nbut it says\n{said}"
    )


def test_the_tutorial_does_what_it_says(terminal: Terminal, tmp_path: Path) -> None:
    start_s = time.monotonic()
    step, said = "", ""
    for block in blocks_of(TUTORIAL):
        if block.info == "sh":
            step, said = block.text, terminal.type(block.text)
            if "tidings.toml" in step or "tidings init" in step:
                terminal.use_free_ports(tmp_path / "myshop" / "tidings.toml")
        elif block.info == "sh background":
            terminal.open_another(block.text)
        else:
            check(step, said, block)
    for block in blocks("python data"):
        asked = terminal.type(f"{shlex.quote(sys.executable)} -W error -c {shlex.quote(block.text)} || echo failed")
        assert "failed" not in asked, f"{block.name}: {asked}"
    assert terminal.close() == [0, 0]
    assert undocumented(tmp_path / "myshop" / "data") == []
    assert time.monotonic() - start_s < 60


def test_the_tutorial_on_journeys_does_what_it_says(terminal: Terminal, tmp_path: Path) -> None:
    (tmp_path / "src").symlink_to(ROOT / "src")
    step, said = "", ""
    for block in blocks_of(ROOT / "docs/tutorial/first-journey.md"):
        if block.info == "sh":
            step, said = block.text, terminal.type(block.text)
        else:
            check(step, said, block)


def undocumented(data: Path) -> list[str]:
    """What lies in a data directory and is not in the reference of files."""
    found = {path.name for path in data.iterdir()} | {f"secrets/{path.name}" for path in (data / "secrets").iterdir()}
    names = {name.removesuffix("-wal").removesuffix("-shm") for name in found}
    return sorted(name for name in names if f"`{name}" not in text("docs/reference/files.md"))


@pytest.mark.parametrize(
    ("shown", "said", "fits"),
    [
        ("a … c\n", "a b\nb c\n", True),
        ("a\nb\n", "a b\n", True),
        ("a … c\n", "a b d\n", False),
        ("1\n", "2\n", False),
    ],
)
def test_what_is_shown_must_come_out(shown: str, said: str, fits: bool) -> None:
    assert bool(expected(shown).fullmatch(said)) is fits
