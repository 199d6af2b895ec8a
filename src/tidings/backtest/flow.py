"""A journey as a picture: its steps from top to bottom, as wide as many came, and the ways between them as thick as many went."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from tidings.backtest.result import JourneyResult, StepResult
from tidings.process.steps.base import EXIT

WIDTH, NODE_WIDTH, NODE_HEIGHT, ROW = 460, 322, 58, 106
"""Of the picture, of a step, and from one step to the next, in the units of its view box."""
_THICK = 26.0
_THIN = 1.5
_WORDS = 50
"""Characters of a step's words that fit."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A step."""

    step: str
    kind: str
    words: str
    y: int
    arrived: int
    bar: float
    """Width of the part that shows how many came."""
    beside: str
    """Who did not go on, in words."""


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """From a step to another, or out."""

    path: str
    thick: float
    label: str
    x: float
    y: float
    """Where the label stands."""
    anchor: str
    """Which end of the label stands there."""
    title: str


class Flow(msgspec.Struct, frozen=True, kw_only=True):
    """The picture."""

    width: int
    height: int
    nodes: list[Node]
    ways: list[Way]


def flow(journey: JourneyResult) -> Flow:
    """The picture of a journey."""
    most = max([1, journey.started, *(step.arrived for step in journey.steps)])
    place = {step.step: number for number, step in enumerate(journey.steps)}
    return Flow(
        width=WIDTH,
        height=ROW * len(journey.steps),
        nodes=[_node(step, number, most) for number, step in enumerate(journey.steps)],
        ways=[way for step in journey.steps for way in _ways(step, place, most)],
    )


def _node(step: StepResult, number: int, most: int) -> Node:
    words = step.words if len(step.words) <= _WORDS else step.words[: _WORDS - 1] + "…"
    beside = [f"{step.waiting:,} still here"] if step.waiting else []
    beside += [f"{step.left:,} left here"] if step.left else []
    bar = NODE_WIDTH * step.arrived / most
    return Node(
        step=step.step,
        kind=step.kind,
        words=words,
        y=number * ROW,
        arrived=step.arrived,
        bar=round(bar, 1),
        beside=", ".join(beside),
    )


def _ways(step: StepResult, place: dict[str, int], most: int) -> Iterator[Way]:
    start = place[step.step]
    total = sum(step.ways.values())
    for number, (following, runs) in enumerate(step.ways.items()):
        share = f"{runs:,}" if len(step.ways) == 1 else f"{runs:,} · {runs / total:.0%}"
        thick = round(max(_THIN, _THICK * runs / most), 1)
        end = place.get(following)
        title = f"{step.step} → {following}: {runs:,} runs"
        if end == start + 1:
            yield _down(start, thick, share, title)
        elif end is None or following == EXIT:
            if step.kind != EXIT:
                yield _out(start, number, thick, share, title)
        else:
            yield _jump(start, end, number, (thick, share, title))


def _down(start: int, thick: float, share: str, title: str) -> Way:
    x, top, bottom = 40, start * ROW + NODE_HEIGHT, (start + 1) * ROW
    path = f"M{x} {top}L{x} {bottom}"
    y = (top + bottom) / 2 + 4
    return Way(path=path, thick=thick, label=share, x=x + _THICK / 2 + 8, y=y, anchor="start", title=title)


def _out(start: int, number: int, thick: float, share: str, title: str) -> Way:
    y = start * ROW + 14 + 14 * number
    path = f"M{NODE_WIDTH} {y}L{NODE_WIDTH + 26} {y}"
    return Way(path=path, thick=thick, label=f"{share} end", x=NODE_WIDTH + 32, y=y + 4, anchor="start", title=title)


def _jump(start: int, end: int, number: int, shown: Sequence[float | str]) -> Way:
    thick, share, title = shown
    from_y, to_y = start * ROW + NODE_HEIGHT - 12, end * ROW + (14 if end > start else NODE_HEIGHT - 24)
    reach = NODE_WIDTH + 34 + 12 * min(abs(end - start), 6) + 6 * number
    path = f"M{NODE_WIDTH} {from_y}C{reach} {from_y} {reach} {to_y} {NODE_WIDTH} {to_y}"
    label_y = start * ROW + NODE_HEIGHT + 14 + 14 * number
    return Way(
        path=path,
        thick=float(thick),
        label=str(share),
        x=NODE_WIDTH,
        y=label_y,
        anchor="end",
        title=str(title),
    )
