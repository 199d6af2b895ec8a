"""Each benchmark that drives the core still runs: on few people, so its figures mean nothing here, only its end does."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SMALL = {
    "process": ["--people", "400", "--events", "400"],
    "backfill": ["--people", "300", "--events", "2000", "--segments", "10"],
    "broadcast": ["--people", "400", "--seconds", "1", "--looked", "50"],
    "segments": ["--people", "300", "--events", "600", "--segments", "10"],
    "deciding": ["--people", "50", "--rounds", "1"],
}


@pytest.mark.parametrize("name", SMALL)
def test_it_runs_to_its_end(name: str) -> None:
    command = [sys.executable, "-m", f"benchmarks.{name}", *SMALL[name]]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert ("events/s per core" in done.stdout) or ("us a decision" in done.stdout)
