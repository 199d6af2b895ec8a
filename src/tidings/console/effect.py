"""The effect of the change that waits in the workspace folder: computed once in a thread of its own, shown until it is old.

A page never waits for it: it says that it is computed, and looks again. One is computed at a time, whoever watches.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import msgspec

from tidings.errors import TidingsError
from tidings.versions.planned import Plan

KEEP_S = 60.0
"""After this time it is computed anew, when somebody looks."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of it."""

    computing: bool = False
    """Whether somebody computes it now, so that it is worth to look again."""
    plan: Plan | None = None
    problem: str = ""
    """Why there is none."""


class Effects:
    """The latest effect. Safe to ask from several threads."""

    def __init__(self, plan: Callable[[], Plan] | None) -> None:
        """`plan` computes it within its own bounds, and raises TidingsError when it cannot; without it there is none."""
        self._plan = plan
        self._lock = threading.Lock()
        self._of: tuple[str, str] | None = None
        self._shown = Effect()
        self._since_s = 0.0

    def of(self, running: str, version: str) -> Effect:
        """The effect of a change from one version to another, as far as it is known; if need be it is begun."""
        if self._plan is None:
            return Effect(problem="it is not computed here")
        with self._lock:
            old = self._of != (running, version) or time.monotonic() - self._since_s > KEEP_S
            if old and not self._shown.computing:
                same = self._shown.plan if self._of == (running, version) else None
                self._of, self._shown = (running, version), Effect(computing=True, plan=same)
                threading.Thread(target=self._compute, args=(self._plan,), name="effect", daemon=True).start()
            return self._shown if self._of == (running, version) else Effect(computing=True)

    def _compute(self, plan: Callable[[], Plan]) -> None:
        found = Effect(problem="it could not be computed, the console's log says why")
        try:
            found = Effect(plan=plan())
        except TidingsError as error:
            found = Effect(problem=str(error))
        finally:  # whatever it was, it is not being computed any more
            with self._lock:
                self._shown, self._since_s = found, time.monotonic()
