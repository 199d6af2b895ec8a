"""A run's path, read again: how long it waited where, what ended each wait, and what was drawn by hash.

A path entry is ``[step, occurred_us, known_us, outcome, cause]``, see `Run.path`. Two entries of one step with time between
them are a wait.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec

_DREW = re.compile(r"drew (?P<drawn>\d+(?:\.\d+)?) of 100: (?P<arm>.+)")


class Waited(msgspec.Struct, frozen=True, kw_only=True):
    """One wait of a run."""

    step: str
    from_us: int
    """Occurred instant from which it counts."""
    until_us: int
    """Occurred instant at which it was over."""
    known_us: int
    """When we knew that it was over."""
    words: str
    """What was waited for, as the step said it."""
    ended: str
    """What ended it."""
    cause: str
    """``event:<offset>`` or ``timer:…``."""


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """One draw by a hash of stable ids: the next replay draws the same."""

    what: str
    """``split`` or ``holdout``."""
    name: str
    """The step, or the holdout, that drew."""
    drawn: float
    """The number, out of 100."""
    arm: str
    """What it came to."""


def waits(path: Sequence[Sequence[Any]]) -> list[Waited]:
    """The waits that are over, oldest first."""
    return [
        Waited(
            step=before[0],
            from_us=before[1],
            until_us=after[1],
            known_us=after[2],
            words=before[3],
            ended=after[3],
            cause=after[4],
        )
        for before, after in pairwise(path)
        if before[0] == after[0] and after[1] > before[1]
    ]


def draws(path: Sequence[Sequence[Any]]) -> list[Drawn]:
    """What its splits drew, oldest first."""
    found = [(entry[0], _DREW.fullmatch(str(entry[3]))) for entry in path]
    return [
        Drawn(what="split", name=step, drawn=float(match["drawn"]), arm=match["arm"]) for step, match in found if match
    ]
