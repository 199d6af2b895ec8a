"""When to train again, and the child process that does it. Used by the project role."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import tidings
from tidings.clock import SECOND_US
from tidings.recommend.store import ModelRecommender

GROWN = 1.2
"""A lake so many times as large as at the last training makes the model old."""
GROWN_A_LITTLE = 1.02
"""Enough to use a quiet moment."""
PAUSE_S = 30.0
"""Least time between two trainings while there is work; also after a failed one."""
STOP_S = 3.0
"""How long a training may take to end when told to."""

_log = logging.getLogger("tidings.project")


class Schedule:
    """Decides from what it is told; knows no clock."""

    def __init__(self, every_s: float, started_s: float) -> None:
        """`every_s`: how often at the latest. `started_s`: the present, on the monotonic clock."""
        self._every_s = every_s
        self._last_s = started_s

    def ended(self, now_s: float) -> None:
        """A training has ended."""
        self._last_s = now_s

    def due(self, rows: int, trained_rows: int | None, model_age_s: float, *, quiet: bool, now_s: float) -> bool:
        """Whether to train now: `rows` are in the lake, the model saw `trained_rows` (None: there is no model)."""
        if rows == 0 or (trained_rows is not None and rows <= trained_rows):
            return False
        paused = now_s - self._last_s >= PAUSE_S
        grown = rows / trained_rows if trained_rows else float("inf")
        if quiet:
            return grown >= GROWN or (grown >= GROWN_A_LITTLE and paused) or model_age_s >= self._every_s
        return paused and (grown >= GROWN or model_age_s >= self._every_s)


class Retraining:
    """One child process at a time."""

    def __init__(self, data: Path, every_s: float) -> None:
        self._data = data
        self._schedule = Schedule(every_s, time.monotonic())
        self._model = ModelRecommender(data / "models" / "recommend.db")
        self._child: subprocess.Popen[bytes] | None = None
        self._failed_s = 0.0

    def look(self, rows: int, now_us: int, *, quiet: bool) -> None:
        """Start a training when one is due; take note of one that ended. Never waits."""
        now_s = time.monotonic()
        if self._busy(now_s) or (self._failed_s and now_s - self._failed_s < PAUSE_S):
            return
        about = self._model.about()
        age_s = (now_us - about.get("trained_us", 0)) / SECOND_US
        if self._schedule.due(rows, about.get("events"), age_s, quiet=quiet, now_s=now_s):
            self._start()

    def close(self) -> None:
        """End a running training; the old model stays."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._model.close()

    def _busy(self, now_s: float) -> bool:
        if self._child is None:
            return False
        code = self._child.poll()
        if code is None:
            return True
        self._child = None
        self._schedule.ended(now_s)
        self._failed_s = now_s if code else 0.0
        if code:
            _log.error("training ended with %d; the model before it stays; again in %.0f s", code, PAUSE_S)
        return False

    def _start(self) -> None:
        package = str(Path(tidings.__file__).resolve().parents[1])
        path = os.pathsep.join(part for part in (package, os.environ.get("PYTHONPATH", "")) if part)
        self._child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "tidings.hosts.train", str(self._data)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path},
        )
