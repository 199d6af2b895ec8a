"""Clocks. Only hosts own one; logic takes the time as an argument.

Instants are integers: microseconds since 1970-01-01T00:00:00Z, named `..._us`. They compare, add and store
exactly, which law 3 ("time is exact") needs.
"""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import Protocol

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
WEEK_US = 7 * DAY_US

MAX_SPAN_US = 36_500 * DAY_US
"""A hundred years: with a longer span an instant could leave its 64 bits."""

_UNITS = {"ms": 1_000, "s": SECOND_US, "m": MINUTE_US, "h": HOUR_US, "d": DAY_US, "w": WEEK_US}
_DURATION = re.compile(r"\s*([0-9]{1,18}(?:\.[0-9]{1,6})?)\s*(ms|s|m|h|d|w)\s*")


class Clock(Protocol):
    """Tells the time to a host."""

    def now_us(self) -> int:
        """Microseconds since the epoch."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Microseconds since the epoch, as the machine sees it."""
        return time.time_ns() // 1_000


class ManualClock:
    """A clock that moves only when told: for tests, the simulator and backtests."""

    def __init__(self, start_us: int = 0) -> None:
        self._now_us = start_us

    def now_us(self) -> int:
        """The instant last set."""
        return self._now_us

    def set(self, now_us: int) -> None:
        """Move to an instant; backwards too, because real clocks do that."""
        self._now_us = now_us

    def advance(self, by_us: int) -> None:
        """Move by a span."""
        self._now_us += by_us


def parse_duration(text: str) -> int:
    """A span such as ``5m``, ``1.5h`` or ``30d`` in microseconds, more than 0. Raises ValueError with what was wanted."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        msg = f"not a duration: got {text!r}, wanted a number and a unit such as 30s, 5m, 2h, 90d or 1w"
        raise ValueError(msg)
    whole, _, fraction = match[1].partition(".")
    unit_us = _UNITS[match[2]]
    span_us = int(whole) * unit_us + (int(fraction.ljust(6, "0")) * unit_us // 1_000_000 if fraction else 0)
    if not 0 < span_us <= MAX_SPAN_US:
        msg = f"out of range: got {text!r}, wanted longer than nothing and at most {MAX_SPAN_US // DAY_US}d"
        raise ValueError(msg)
    return span_us


def format_duration(span_us: int) -> str:
    """The shortest exact way to write a span: ``5m``, ``90d``, ``1500ms``."""
    for unit in ("w", "d", "h", "m", "s", "ms") if span_us else ("s",):
        if span_us % _UNITS[unit] == 0:
            return f"{span_us // _UNITS[unit]}{unit}"
    whole, rest = divmod(span_us, 1000)
    return f"{whole}.{rest:03d}".rstrip("0") + "ms"


def iso(at_us: int) -> str:
    """RFC 3339 in UTC, with as many digits of the second as needed."""
    text = datetime.fromtimestamp(at_us // SECOND_US, UTC).isoformat()[:19]
    fraction = at_us % SECOND_US
    return f"{text}.{fraction:06d}".rstrip("0") + "Z" if fraction else f"{text}Z"


def parse_instant(text: str) -> int:
    """An ISO 8601 / RFC 3339 instant in microseconds; without a zone it is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * SECOND_US + delta.microseconds
