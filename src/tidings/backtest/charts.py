"""Bars and lines over days and hours as SVG paths: numbers in, text out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

import msgspec

WIDTH, HEIGHT = 720, 150
"""View box of every chart; it is stretched to its place, so text stands beside it, not in it."""
MAX_BARS = 400
"""More days than this are drawn as a line only."""

MAX_BAR = 60
"""Width of a bar at most, so that one day alone is no wall."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One number."""

    x: float
    y: float
    width: float
    height: float
    title: str


class Chart(msgspec.Struct, frozen=True, kw_only=True):
    """One or two series over the same days or hours."""

    width: int = WIDTH
    height: int = HEIGHT
    bars: list[Bar]
    """Of the first series."""
    line: str
    """Path of the first series; empty when it has bars."""
    other: str
    """Path of the second series; empty when there is none."""
    most: int
    """What the top means."""
    axis: list[str]
    """Labels below, evenly spread."""


def days(first: Mapping[str, int], other: Mapping[str, int] | None = None) -> Chart:
    """Numbers by day (ISO dates). Days in between that have none count as 0."""
    every = list(_every_day([*first, *(other or ())]))
    titles = every
    values = [first.get(day, 0) for day in every]
    second = [other.get(day, 0) for day in every] if other is not None else []
    axis = [every[0], every[len(every) // 2], every[-1]] if len(every) > 2 else every
    return _chart(values, second, titles, axis)


def hours(per_hour: Sequence[int]) -> Chart:
    """24 numbers."""
    return _chart(list(per_hour), [], [f"{hour:02}:00" for hour in range(24)], ["0 h", "6 h", "12 h", "18 h", "24 h"])


def _chart(values: Sequence[int], second: Sequence[int], titles: Sequence[str], axis: list[str]) -> Chart:
    most = max([1, *values, *second])
    as_bars = len(values) <= MAX_BARS and not second
    return Chart(
        bars=list(_bars(values, titles, most)) if as_bars else [],
        line="" if as_bars else _line(values, most),
        other=_line(second, most),
        most=most,
        axis=axis,
    )


def _bars(values: Sequence[int], titles: Sequence[str], most: int) -> Iterator[Bar]:
    step = WIDTH / max(1, len(values))
    width = min(step * 0.82, MAX_BAR)
    for number, value in enumerate(values):
        height = round(value / most * (HEIGHT - 4), 1)
        yield Bar(
            x=round(number * step + (step - width) / 2, 2),
            y=round(HEIGHT - height, 1),
            width=round(width, 2),
            height=height,
            title=f"{titles[number]}: {value:,}",
        )


def _line(values: Sequence[int], most: int) -> str:
    step = WIDTH / max(1, len(values) - 1)
    points = (
        f"{number * step:.1f} {HEIGHT - 2 - value / most * (HEIGHT - 4):.1f}" for number, value in enumerate(values)
    )
    return "M" + "L".join(points) if values else ""


def _every_day(named: Sequence[str]) -> Iterator[str]:
    if not named:
        return
    day, last = date.fromisoformat(min(named)), date.fromisoformat(max(named))
    while day <= last:
        yield day.isoformat()
        day += timedelta(days=1)
