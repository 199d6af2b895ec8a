"""The graph of a journey's steps: what no run could ever reach, and circles that none could leave, are refused when it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tidings.errors import DefinitionError
from tidings.process.journey import Journey
from tidings.process.lanes import MAX_DEPTH
from tidings.process.steps.base import EXIT, Step
from tidings.process.steps.parallel import ALL, Parallel
from tidings.process.steps.start import Start

Steps = Mapping[str, Step]
Ways = Mapping[str, Iterable[str]]
"""From each to those that may be next."""


def check(journey: Journey, where: str) -> None:
    """Refuse steps that nothing leads to, circles without a wait, and paths within paths that are too deep. Raises DefinitionError."""
    steps, ways = journey.steps, quick(journey.steps)
    reached = {journey.first, *_after({one: step.targets() for one, step in steps.items()}, journey.first)}
    for index, step_id in enumerate(steps):
        place = f"{where}: steps[{index}]"
        if step_id not in reached:
            raise DefinitionError(place, f"nothing leads to step {step_id!r}", do="lead to it, or take it out")
        circle = _circle(ways, step_id)
        if circle:
            problem = f"steps go round in a circle without waiting: {' → '.join(circle)}"
            raise DefinitionError(place, problem, do="put a wait between them")
        deep = depth(steps, step_id)
        if deep > MAX_DEPTH:
            raise DefinitionError(
                place, "too many parallel paths within paths", got=deep, wanted=f"{MAX_DEPTH} at most"
            )


def check_starts(journeys: Mapping[str, Journey], wheres: Mapping[str, str]) -> None:
    """Refuse journeys that start each other in a circle without a wait. Raises DefinitionError."""
    starts = {name: at_once(one) for name, one in journeys.items()}
    for name in journeys:
        circle = _circle(starts, name)
        if circle:
            index = next(
                index
                for index, step in enumerate(journeys[name].steps.values())
                if isinstance(step, Start) and step.journey == circle[1]
            )
            problem = f"journeys start each other in a circle without waiting: {' → '.join(circle)}"
            raise DefinitionError(f"{wheres[name]}: steps[{index}].start.journey", problem, do="put a wait before it")


def at_once(journey: Journey) -> list[str]:
    """Journeys that one may start before it waits for the first time."""
    soon = {journey.first, *_after(quick(journey.steps), journey.first)}
    found = (journey.steps.get(one) for one in sorted(soon))
    return [step.journey for step in found if isinstance(step, Start)]


def depth(steps: Steps, step_id: str, within: frozenset[str] = frozenset()) -> int:
    """How deep parallel paths are in each other from this step on; 0 for a step that forks nothing."""
    step = steps.get(step_id)
    if not isinstance(step, Parallel) or step_id in within or len(within) > MAX_DEPTH:
        return 0
    ways = {one: steps[one].targets() if one != step.join else () for one in steps}
    inside = {one for start in step.paths.values() for one in (start, *_after(ways, start))}
    return 1 + max(depth(steps, one, within | {step_id}) for one in inside)


def between(steps: Steps, start: str, join: str) -> set[str]:
    """Steps that lie on the way from one to a join, which is not one of them."""
    ways = {one: step.targets() for one, step in steps.items() if one != join}
    return {start, *_after(ways, start)} - {join, EXIT}


def quick(steps: Steps) -> dict[str, tuple[str, ...]]:
    """Step id to the steps where a run may be next without having waited.

    From a fork it is at the join so soon when so many lanes as it takes may be at their ends so soon; as forks lie within each
    other, they are looked at until no more is found.
    """
    found = {one: _forward(step) for one, step in steps.items()}
    while True:
        met = [one for one in steps.values() if isinstance(one, Parallel) and one.join not in found[one.id]]
        passed = [one for one in met if _passes(found, one)]
        if not passed:
            return found
        for one in passed:
            found[one.id] = (*found[one.id], one.join)


def _forward(step: Step) -> tuple[str, ...]:
    return tuple(step.paths.values()) if isinstance(step, Parallel) else step.at_once()


def _passes(ways: Ways, fork: Parallel) -> bool:
    soon = [{start, *_after(ways, start)} for start in fork.paths.values()]
    passed = [fork.join in one or EXIT in one for one in soon]
    return all(passed) if fork.until == ALL else any(passed)


def _after(ways: Ways, start: str) -> set[str]:
    """Everything that lies after one."""
    found: set[str] = set()
    ahead = [start]
    while ahead:
        fresh = set(ways.get(ahead.pop(), ())) - found
        found |= fresh
        ahead += sorted(fresh)
    return found


def _circle(ways: Ways, start: str) -> list[str]:
    """The shortest way from one back to itself; empty when there is none."""
    came: dict[str, str] = {}
    ahead = [start]
    for here in ahead:
        for one in ways.get(here, ()):
            if one == start:
                return _back(came, start, here)
            if one not in came:
                came[one] = here
                ahead.append(one)
    return []


def _back(came: Mapping[str, str], start: str, end: str) -> list[str]:
    path = [start, end] if end != start else [start]
    while path[-1] != start:
        path.append(came[path[-1]])
    return path[::-1] if len(path) > 1 else [start, start]
