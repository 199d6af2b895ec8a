"""A comparison of a shadow with another sender as one HTML file: inline SVG, no script, nothing from the web."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from importlib.resources import files

import jinja2
import msgspec

from tidings.clock import format_duration
from tidings.measure.beside import Day

WIDTH, HEIGHT = 720, 170
"""View box of the plot."""
PARTS = ("both", "only_ours", "only_theirs")
"""From the ground up."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """One part of one day."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    title: str


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """Days as stacked bars."""

    bars: list[Bar]
    most: int
    """What the top means."""
    axis: list[str]
    width: int = WIDTH
    height: int = HEIGHT


def plot(days: Sequence[Day]) -> Plot:
    """The days as bars, those without anything in between too."""
    every = _every_day(days)
    most = max([1, *(one.both + one.only_ours + one.only_theirs for one in every)])
    step = WIDTH / max(1, len(every))
    bars = [bar for number, one in enumerate(every) for bar in _bars(one, number * step, step, most)]
    axis = [one.day for one in ([every[0], every[len(every) // 2], every[-1]] if len(every) > 2 else every)]
    return Plot(bars=bars, most=most, axis=axis)


def _bars(one: Day, x: float, step: float, most: int) -> list[Bar]:
    found, ground = [], float(HEIGHT)
    for kind in PARTS:
        height = getattr(one, kind) / most * (HEIGHT - 4)
        ground -= height
        said = f"{one.day}: {one.both:,} both, {one.only_ours:,} only ours, {one.only_theirs:,} only theirs"
        shape = {"x": round(x + step * 0.09, 2), "y": round(ground, 2), "width": round(step * 0.82, 2)}
        if height:
            found.append(Bar(kind=kind, height=round(height, 2), title=said, **shape))
    return found


def _every_day(days: Sequence[Day]) -> list[Day]:
    by_day = {one.day: one for one in days}
    if not by_day:
        return []
    day, last = date.fromisoformat(min(by_day)), date.fromisoformat(max(by_day))
    every = []
    while day <= last:
        name = day.isoformat()
        every.append(by_day.get(name) or Day(day=name, both=0, only_ours=0, only_theirs=0))
        day += timedelta(days=1)
    return every


def page(report: object, days: Sequence[Day]) -> str:
    """The report (`hosts.shadow.Report`) as HTML."""
    return _TEMPLATE.render(report=report, plot=plot(days))


def span(span_us: int) -> str:
    """A span for people, to the second; ``-`` before it when negative."""
    size_us = abs(span_us) // 1_000_000 * 1_000_000
    return f"{'-' if span_us < 0 else ''}{format_duration(size_us) if size_us else '0s'}"


_ENV = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
_ENV.filters["span"] = span
_ENV.filters["number"] = "{:,}".format
_TEMPLATE = _ENV.from_string(files("tidings.measure").joinpath("shadow.html").read_text("utf-8"))
