"""Bids: what a run keeps while its send step waits for its turn, and in which order those go whose turn comes at one instant.

Kept in `Run.bid` as whole numbers: when it first asked, when the round closes in which it takes part (0 for none), its priority and
value, how many rounds it lost.
"""

from __future__ import annotations

import msgspec

from tidings.domain.profile import Run
from tidings.process.journey import PRIORITIES

UNIT = 1_000_000
"""Values are kept in millionths."""
MAX_VALUE = 1_000_000_000.0
"""Largest value; what is beyond counts as that."""


class Bid(msgspec.Struct, frozen=True, kw_only=True):
    """One bid, read."""

    asked_us: int
    """When it first asked."""
    closes_us: int
    """When its round closes; 0 when it takes part in none."""
    priority: str
    """Its journey's: ``high`` goes before any ``normal``."""
    value: float
    """As declared or predicted when it last asked; at most nine digits, and six behind the point."""
    rounds: int
    """How many windows it was too late for."""


def of(run: Run) -> Bid:
    """The bid of a run that has one."""
    asked_us, closes, rank, millionths, rounds = run.bid
    return Bid(asked_us=asked_us, closes_us=closes, priority=PRIORITIES[rank], value=millionths / UNIT, rounds=rounds)


def kept(bid: Bid) -> list[int]:
    """A bid as a run keeps it."""
    return [bid.asked_us, bid.closes_us, PRIORITIES.index(bid.priority), millionths(bid.value), bid.rounds]


def millionths(value: float) -> int:
    """A value as it is kept; what is no number is worth nothing."""
    if value != value:  # noqa: PLR0124 - only what is no number differs from itself
        return 0
    return round(max(-MAX_VALUE, min(value, MAX_VALUE)) * UNIT)


def closes_us(run: Run) -> int:
    """When the round closes in which a run takes part; 0 for none."""
    return run.bid[1] if run.bid else 0


_RANKS = len(PRIORITIES) - 1
_TOP = round(MAX_VALUE) * UNIT


def order(run: Run) -> str:
    """Sorts runs whose timers are due at one instant: those that ask for nothing first, then the best bid."""
    if not run.bid:
        return f"~{run.run_id}"
    asked_us, _, rank, value, _ = run.bid
    return f"~~{_RANKS - rank}{_TOP - value:016d}{asked_us:017d}{run.run_id}"
