"""The whole suite in two processes of pytest (as many as there are cores, at most `MOST`), with one verdict as pytest writes it.

    python -m tests.suite [arguments of pytest]

Each takes file after file that the other has not taken (`tests.turns`). What they print while tests run comes as it does;
what is behind it, failures and summary, comes one process after the other. The last line counts all.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import IO

from tests.turns import FOLDER, NUMBER

MOST = 2
"""Tests start processes of their own, and wait for them; more of them at once get in each other's way."""
ENDS = ("failed", "passed", "skipped", "xfailed", "xpassed", "error")
"""What may become of a test."""
KINDS = ("failed", "passed", "skipped", "deselected", "xfailed", "xpassed", "warnings", "error")
"""In the order in which pytest tells them."""


class Run:
    """One process of pytest."""

    def __init__(self, number: int, folder: Path, arguments: list[str]) -> None:
        own = {FOLDER: str(folder), NUMBER: str(number), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "pytest", "-p", "tests.turns", *arguments]
        self._process = subprocess.Popen(
            command, env={**os.environ, **own}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._said = folder / f"said-{number}.json"
        self._behind: list[str] = []
        assert self._process.stdout is not None
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()

    def _read(self, output: IO[str]) -> None:
        with output:
            for line in output:
                if self._behind or line.startswith("==="):
                    self._behind.append(line)
                else:
                    print(line, end="", flush=True)

    def ends(self) -> int:
        """Its exit status, once it has ended."""
        self._reader.join()
        return self._process.wait()

    def tell(self) -> None:
        """Print what it said behind the tests, without its own verdict."""
        print("".join(self._behind[:-1]), end="")

    def counts(self) -> Counter[str]:
        """Tests by what came of them; an error where it did not come to an end."""
        if not self._said.exists():
            return Counter(error=1)
        return Counter(json.loads(self._said.read_text("utf-8")))


def main(arguments: list[str]) -> int:
    began_s = time.perf_counter()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with tempfile.TemporaryDirectory(prefix="tidings-turns-") as folder:
        runs = [Run(number, Path(folder), arguments) for number in range(min(cores, MOST))]
        statuses = [one.ends() for one in runs]
        for one in runs:
            one.tell()
        found = [one.counts() for one in runs]
    lost = not any(statuses) and missing(found)
    if lost:
        found.append(Counter(error=lost))
        print(f"{lost} tests were run by nobody")
    print(verdict(found, time.perf_counter() - began_s))
    return max(int(bool(lost)), *map(abs, statuses))


def missing(found: list[Counter[str]]) -> int:
    """How many tests nobody ran."""
    return found[0]["collected"] - sum(one[kind] for one in found for kind in ENDS)


def verdict(found: list[Counter[str]], took_s: float) -> str:
    """One line about all. Raises AssertionError when tests got lost in between."""
    counts = sum(found, Counter[str]())
    collected = {one["collected"] for one in found if "collected" in one}
    assert len(collected) <= 1, f"the processes saw different tests: {collected}"
    words = ", ".join(f"{counts[kind]} {kind}" for kind in KINDS if counts[kind])
    minutes = f" ({int(took_s) // 3600}:{int(took_s) // 60 % 60:02}:{int(took_s) % 60:02})" if took_s >= 60 else ""
    return f"{words or 'no tests ran'} in {took_s:.2f}s{minutes}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
