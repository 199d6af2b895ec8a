"""Sessions: events of one person without a gap of more than 30 minutes; not cut at midnight (GA4's rule).

Kept as intervals for as long as a late event may still join two of them (the lateness window, counted from the person's
latest event), and as totals after that. So the result does not depend on the order of arrival within that window; an
event later than that is counted as late and changes no session.

Value: [closed, closed_us, late, floor_us, [[start_us, end_us, events], …]].
"""

from __future__ import annotations

from typing import Any

from tidings.clock import DAY_US, MINUTE_US

GAP_US = 30 * MINUTE_US
"""A pause longer than this ends a session; a pause of exactly this does not."""
LATENESS_US = 7 * DAY_US
"""How late an event may be and still count in its session."""


def fold(value: list[Any], at_us: int) -> list[Any]:
    """Sessions after an event at `at_us`."""
    if not value:
        return [0, 0, 0, at_us - LATENESS_US, [[at_us, at_us, 1]]]
    intervals = value[4]
    last = intervals[-1] if intervals else None
    if last is not None and last[0] <= at_us <= last[1] + GAP_US:  # the common case: the running session goes on
        last[2] += 1
        if at_us > last[1]:
            last[1] = at_us
            if intervals[0][1] + GAP_US < at_us - LATENESS_US:
                _close(value, at_us)
            elif at_us - LATENESS_US > value[3]:
                value[3] = at_us - LATENESS_US
        return value
    if at_us < value[3]:
        value[2] += 1
        return value
    value[4] = join([*intervals, [at_us, at_us, 1]])
    _close(value, value[4][-1][1])
    return value


def join(intervals: list[list[int]]) -> list[list[int]]:
    """Intervals sorted, with those no more than a gap apart joined."""
    joined: list[list[int]] = []
    for start, end, events in sorted(intervals):
        if joined and start <= joined[-1][1] + GAP_US:
            joined[-1][1] = max(joined[-1][1], end)
            joined[-1][2] += events
        else:
            joined.append([start, end, events])
    return joined


def _close(value: list[Any], latest_us: int) -> None:
    floor_us = latest_us - LATENESS_US
    if floor_us <= value[3]:
        return
    value[3] = floor_us
    intervals = value[4]
    while intervals and intervals[0][1] + GAP_US < floor_us:
        start, end, _ = intervals.pop(0)
        value[0] += 1
        value[1] += end - start


def merge(one: list[Any], other: list[Any]) -> list[Any]:
    """Sessions of two people who are one."""
    if not one or not other:
        return one or other
    merged = [
        one[0] + other[0],
        one[1] + other[1],
        one[2] + other[2],
        min(one[3], other[3]),
        join([*one[4], *other[4]]),
    ]
    if merged[4]:
        _close(merged, merged[4][-1][1])
    return merged


def count(value: list[Any]) -> int:
    """How many sessions."""
    return value[0] + len(value[4]) if value else 0


def duration_us(value: list[Any]) -> int:
    """Time in sessions altogether, first to last event of each."""
    return value[1] + sum(end - start for start, end, _ in value[4]) if value else 0
