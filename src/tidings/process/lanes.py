"""Lanes: the parallel paths of a run, each a run of its own that belongs to the one which forked.

A lane has its parent's journey, version and key; the parent waits at the fork, for its lanes and for nothing else. A family is a
whole run with all that is below it: it ends together, and a merge keeps it together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from tidings.domain.profile import ProfileState, Run
from tidings.ids import lane_id
from tidings.process import outside, results

MAX_DEPTH = 3
"""Lanes below lanes."""


class Moment(Protocol):
    """What forking needs to know of the trigger; a `Walk` is one."""

    state: ProfileState
    known_us: int
    cause: str


def parent_of(state: ProfileState, run: Run) -> Run | None:
    """The run that waits for this lane; None for a whole run."""
    return next((one for one in state.runs if one.run_id == run.parent), None) if run.parent else None


def above(state: ProfileState, run: Run) -> Iterator[Run]:
    """The runs that it belongs to, the closest first."""
    parent = parent_of(state, run)
    while parent is not None:
        yield parent
        parent = parent_of(state, parent)


def whole(state: ProfileState, run: Run) -> Run:
    """The whole run that it belongs to; itself, if it is one."""
    return [run, *above(state, run)][-1]


def below(state: ProfileState, run: Run) -> list[Run]:
    """Lanes that belong to it, however deep."""
    mine = [one for one in state.runs if one.parent == run.run_id]
    return [*mine, *(deeper for one in mine for deeper in below(state, one))] if mine else mine


def latest_us(state: ProfileState, run: Run) -> int:
    """Since when the family waits as it does: the latest of all."""
    return max(one.since_us for one in (run, *below(state, run)))


def fork(moment: Moment, run: Run, paths: Mapping[str, str], room: int) -> list[Run]:
    """Begin a lane for each path; none beyond `room`, and none too deep."""
    state = moment.state
    if 1 + sum(1 for _ in above(state, run)) > MAX_DEPTH:
        return []
    begun = [_lane(moment, run, name) for name in list(paths)[: max(room, 0)]]
    state.runs.extend(begun)
    return begun


def _lane(moment: Moment, run: Run, path: str) -> Run:
    return Run(
        run_id=lane_id(run.run_id, run.step, path, moment.cause),
        journey=run.journey,
        version=run.version,
        step=run.step,
        entered_us=run.entered_us,
        known_us=run.known_us,
        since_us=run.since_us,
        timer_us=0,
        due_us=0,
        ref=run.ref,
        item=run.item,
        path=[],
        key=run.key,
        results=dict(run.results),
        held=run.held,
        lane=path,
        messages=dict(run.messages),
        answers=dict(run.answers),
        parent=run.run_id,
        depth=run.depth,
    )


def arrive(state: ProfileState, lane: Run, parent: Run, at_us: int) -> None:
    """The lane is over: the run that it belongs to knows what it knew."""
    state.runs.remove(lane)
    parent.since_us = max(parent.since_us, at_us)
    parent.held = parent.held or lane.held
    parent.sent += lane.sent
    parent.path.extend(lane.path)
    results.take_over(parent, lane)
    if lane.answers:
        parent.answers |= lane.answers
        outside.bound_answers(parent)


def path_of(state: ProfileState, run: Run) -> list[list[Any]]:
    """The steps that led to where it is, also those before it forked off."""
    if not run.parent:
        return run.path
    return [entry for one in (*reversed(list(above(state, run))), run) for entry in one.path]
