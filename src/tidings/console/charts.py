"""Small plots as SVG path data: numbers in, text out. Nothing here knows what the numbers mean."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """A line over an area, on a canvas of `width` by `height`."""

    width: int
    height: int
    line: str
    """Path data of the line; empty for fewer than two numbers."""
    area: str
    """Path data of the area under it."""
    low: float
    high: float


def plot(values: Sequence[float], width: int = 240, height: int = 48, *, from_zero: bool = False) -> Plot:
    """The plot of evenly spaced values, oldest first."""
    low, high = (min(values), max(values)) if values else (0, 0)
    base = 0 if from_zero else low
    reach = (high - base) or 1
    if len(values) < 2:
        return Plot(width=width, height=height, line="", area="", low=low, high=high)
    step = width / (len(values) - 1)
    points = [f"{n * step:.1f} {height - 2 - (v - base) / reach * (height - 4):.1f}" for n, v in enumerate(values)]
    line = "M" + "L".join(points)
    return Plot(width=width, height=height, line=line, area=f"{line}L{width} {height}L0 {height}Z", low=low, high=high)


def buckets(changes: Sequence[tuple[int, int]], now: int, from_us: int, to_us: int, count: int) -> list[int]:
    """A running total at `count` instants, found backwards from `now`, its value at `to_us`.

    `changes` are (instant, +1 or -1).
    """
    width_us = max(1, (to_us - from_us) // count)
    by_bucket = [0] * count
    for at_us, change in changes:
        by_bucket[max(0, min(count - 1, (at_us - from_us) // width_us))] += change
    totals = [0] * count
    total = now
    for index in range(count - 1, -1, -1):
        totals[index] = total
        total -= by_bucket[index]
    return totals
