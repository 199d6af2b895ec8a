"""Journeys: the graph of steps with the runs that wait at each, how runs ended, and the latest runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tidings.console import figures
from tidings.console.site import Site, missing, of
from tidings.domain.output import Ending
from tidings.process import admission
from tidings.process.graph import between
from tidings.process.journey import Journey, ending_words, entry_words, priority_words, ways
from tidings.process.steps.base import EXIT
from tidings.process.steps.parallel import Parallel
from tidings.process.timetable import Timetables
from tidings.versions.entering import when
from tidings.workspace import Definitions

ROW = 116
"""Height of one step in the drawing, in pixels; the style sheet has it too."""
LANE = 26
"""Width of one lane for a jump."""
RUNS = 25
"""Latest runs shown."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """One step as drawn."""

    id: str
    kind: str
    """``send``, ``wait``, …: its symbol."""
    words: str
    within: list[str]
    """Parallel paths that it lies in, the outermost first."""
    next: str | None
    """What stands on the way to the step below; None when none leads there."""
    jumps: list[tuple[str, str]]
    """What stands on the ways to other steps, and where they lead."""


class Jump(msgspec.Struct, frozen=True, kw_only=True):
    """A way to a step that is not the one below, drawn at the side."""

    label: str
    path: str
    """SVG path data."""


class Graph(msgspec.Struct, frozen=True, kw_only=True):
    """A journey as drawn."""

    nodes: list[Node]
    jumps: list[Jump]
    height: int
    width: int
    """Of the lanes at the side."""


def graph(journey: Journey) -> Graph:
    """Where everything of a journey stands in the drawing."""
    order = {step_id: index for index, step_id in enumerate(journey.steps)}
    nodes, sides = [], []
    for index, step in enumerate(journey.steps.values()):
        out = step.ways()
        down = [label for label, target in out if order.get(target) == index + 1]
        kind = step.kind
        ends = [label for label, target in out if target == EXIT]
        words = f"{step.words()} (or ends: {ends[0]})" if ends and ends[0] else step.words()
        below = " or ".join(filter(None, down)) if down else None
        aside = [(label, target) for label, target in out if target in order and order[target] != index + 1]
        sides += [(index, order[target], label) for label, target in aside]
        within = _within(journey, step.id)
        nodes.append(Node(id=step.id, kind=kind, words=words, within=within, next=below, jumps=aside))
    jumps, lanes = _jumps(sides)
    return Graph(nodes=nodes, jumps=jumps, height=len(nodes) * ROW, width=lanes * LANE + 14)


def _within(journey: Journey, step_id: str) -> list[str]:
    """Names of the parallel paths on which a step lies."""
    found = []
    for fork in journey.steps.values():
        if isinstance(fork, Parallel):
            names = [name for name, start in fork.paths.items() if step_id in between(journey.steps, start, fork.join)]
            found += [" and ".join(names)] if names else []
    return found


def _jumps(sides: list[tuple[int, int, str]]) -> tuple[list[Jump], int]:
    """Short jumps nearest to the steps; two that overlap get different lanes."""
    lanes: list[list[tuple[int, int]]] = []
    jumps = []
    for start, end, label in sorted(sides, key=lambda one: (abs(one[1] - one[0]), one[0])):
        low, high = min(start, end), max(start, end)
        lane = next((n for n, taken in enumerate(lanes) if all(high <= a or low >= b for a, b in taken)), len(lanes))
        if lane == len(lanes):
            lanes.append([])
        lanes[lane].append((low, high))
        jumps.append(_jump(start, end, label, (lane + 1) * LANE))
    return jumps, len(lanes)


def _jump(start: int, end: int, label: str, x: float) -> Jump:
    from_y, to_y = start * ROW + 44, end * ROW + 36
    bend = 10 if to_y > from_y else -10
    path = (
        f"M0 {from_y} H{x - 10} Q{x} {from_y} {x} {from_y + bend} "
        f"V{to_y - bend} Q{x} {to_y} {x - 10} {to_y} H7 M13 {to_y - 6} L6 {to_y} L13 {to_y + 6}"
    )
    return Jump(label=label, path=path)


def journeys(request: Request) -> Response:
    """All journeys."""
    site = of(request)
    shown = site.workspace.shown()
    with site.store() as store:
        n = figures.run_figures(store.serving.rows("run_counts")) | figures.message_figures(store)
    found = list(shown.definitions.journeys.values()) if shown.definitions else []
    return site.page(
        request, "journeys.html", title="Journeys", journeys=found, entry=entry_words, n=n, problem=shown.problem
    )


def journey(request: Request) -> Response:
    """One journey."""
    site = of(request)
    shown = site.workspace.shown()
    name = request.path_params["name"]
    known = shown.definitions
    found = (known.journeys.get(name) or known.broadcasts.get(name)) if known else None
    if found is None:
        raise missing(f"The workspace has no journey {name[:80]}. {shown.problem}")
    with site.store() as store:
        n = figures.run_figures(store.serving.rows("run_counts")) | figures.message_figures(store)
        outcomes = store.serving.rows("run_outcomes", name)
        runs = store.serving.rows("journey_runs", name, RUNS)
        ghosts = store.ledger.row("held_out", name)
        sent = {row["step"]: row["n"] for row in store.ledger.rows("sent_by_step", name)}
        endings = {row["how"]: row["n"] for row in store.serving.rows("run_endings", name)}
    return site.page(
        request,
        "journey.html",
        title=name.replace("_", " ").capitalize(),
        journey=found,
        entry=entry_words(found),
        again=admission.words(found.admits),
        next_us=_next_us(site, found, shown.definitions),
        graph=graph(found),
        n=n,
        outcomes=outcomes,
        goal=goal_words(found, endings),
        ends=[
            *ending_words(found),
            *priority_words(found),
            *([f"Holds out {found.holdout} %"] if found.holdout else []),
        ],
        sent=sent,
        sole=sum(step.kind == "send" for step in found.steps.values()) == 1,
        held=ghosts["n"] if ghosts is not None else 0,
        runs=runs,
        elsewhere=_elsewhere(n, found),
        row=ROW,
    )


def _next_us(site: Site, journey: Journey, definitions: Definitions | None) -> int:
    """When it next begins runs by time alone, for who has no zone of her own; 0 when it does not, or that depends on the person."""
    slots = len(definitions.layout.accumulators) if definitions is not None else 0
    timed = Timetables(ways([journey])).all()
    return min(filter(None, (when(one, slots, site.clock.now_us()) for one in timed)), default=0)


def goal_words(journey: Journey, endings: Mapping[str, int]) -> tuple[str, str]:
    """How many runs reached the goal, and of how many, for people; empty where there is none to reach."""
    if journey.goal is None and not endings.get(Ending.GOAL):
        return "", ""
    counted = sum(n for how, n in endings.items() if how not in (Ending.MERGED, Ending.TAKEN_BACK))
    reached = endings.get(Ending.GOAL, 0)
    return f"{reached:,}", f"{reached / counted:.1%} of those that ended" if counted else ""


def _elsewhere(n: dict[str, int], journey: Journey) -> list[dict[str, Any]]:
    """Runs that wait at steps which only an earlier version has."""
    prefix = f"at:{journey.name}:"
    waits = [
        (key[len(prefix) :].rpartition(":")[0], count)
        for key, count in n.items()
        if key.startswith(prefix) and key.endswith(":active")
    ]
    return [{"step": step, "n": count} for step, count in waits if step not in journey.steps]
