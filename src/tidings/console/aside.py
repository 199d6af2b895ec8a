"""What takes longer than a page may: computed once in a thread of its own, shown until it is old.

A page never waits for it: it says that it is computed, and looks again. One of a kind is computed at a time, whoever watches.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

import msgspec

from tidings.errors import TidingsError

T = TypeVar("T")


class Known(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What is known of it."""

    computing: bool = False
    """Whether somebody computes it now, so that it is worth to look again."""
    found: T | None = None
    problem: str = ""
    """Why there is none."""


class Aside(Generic[T]):
    """The latest of a kind. Safe to ask from several threads."""

    def __init__(self, compute: Callable[[], T] | None, keep_s: float) -> None:
        """`compute` does it within its own bounds, and raises TidingsError when it cannot; without it there is none. After `keep_s`
        it is computed anew, when somebody looks.
        """
        self.keep_s = keep_s
        self._compute = compute
        self._lock = threading.Lock()
        self._key: Hashable = None
        self._known: Known[T] = Known()
        self._since_s = 0.0

    def of(self, key: Hashable) -> Known[T]:
        """What is known for a key; if need be it is begun. Another key is another question."""
        if self._compute is None:
            return Known(problem="it is not computed here")
        with self._lock:
            old = self._key != key or time.monotonic() - self._since_s > self.keep_s
            if old and not self._known.computing:
                same = self._known.found if self._key == key else None
                self._key, self._known = key, Known(computing=True, found=same)
                threading.Thread(target=self._run, args=(self._compute,), name="aside", daemon=True).start()
            return self._known if self._key == key else Known(computing=True)

    def _run(self, compute: Callable[[], T]) -> None:
        known: Known[T] = Known(problem="it could not be computed, the console's log says why")
        try:
            known = Known(found=compute())
        except TidingsError as error:
            known = Known(problem=str(error))
        finally:  # whatever it was, it is not being computed any more
            with self._lock:
                self._known, self._since_s = known, time.monotonic()
