"""The walk of one person's run through a journey.

A run waits for a timer or for an event, never for nothing; beside that it may watch rules (see `process/watch.py`).
Everything here returns what happened; deciding on messages is a callback, so that this file knows nothing of consent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tidings.domain.event import Event
from tidings.domain.output import Ending, FactKind
from tidings.domain.profile import ProfileState, Run
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.ids import run_id
from tidings.process import admission, arms, entering, lanes, outside, results, watch
from tidings.process import walk as walks
from tidings.process.journey import Journey
from tidings.process.steps import holdout, start
from tidings.process.steps.base import EXIT, Beginning, Move
from tidings.process.steps.parallel import ANY, Parallel
from tidings.process.walk import Walk
from tidings.process.watch import Watched

MAX_MOVES = 50
"""Steps that one trigger may take a run through; a journey that goes round in a circle ends here."""
MAX_BEGUN = 20
"""Runs of other journeys that steps may start because of one trigger."""
MAX_ITEM_BYTES = 4_000
"""Properties of the entering event that a run keeps."""


def begin(
    journey: Journey,
    walk: Walk,
    occurred_us: int,
    item: dict[str, Any],
    *,
    entry: int = 0,
    event: str = "",
    key: str = "",
) -> bool:
    """Start a run, if it may, and by one cause only one; whether it does.

    `item` has the properties of the entering `event`; `entry` is the number of the journey's entry that begins it, `key` what the
    run is about beside the person where the entry knows it.
    """
    key = key or entering.key_of(journey, item, event)
    if entering.refusal(journey, walk, occurred_us, key):
        return False
    if len(journey.entries) > 1 and entering.begun(journey, walk.facts, walk.cause):
        return False
    enter(journey, walk, occurred_us, item, entry=entry, key=key)
    return True


def enter(
    journey: Journey,
    walk: Walk,
    occurred_us: int,
    item: dict[str, Any],
    *,
    entry: int = 0,
    key: str = "",
    by: str = "",
) -> None:
    """Start a run and walk it to its first wait.

    `entry` is the number of the journey's entry that begins it, `key` what it is about beside the person; `by` tells a run that
    another one begins from what the same cause begins elsewhere.
    """
    bounded = item if len(msgspec.json.encode(item)) <= MAX_ITEM_BYTES else {}
    run = Run(
        run_id=run_id(walk.state.profile_id, journey.name, by or walk.cause),
        journey=journey.name,
        version=journey.version,
        step=journey.first,
        entered_us=occurred_us,
        known_us=walk.known_us,
        since_us=occurred_us,
        timer_us=0,
        due_us=0,
        ref=walk.cause,
        item=bounded,
        path=[],
        late=walk.late,
        entry=entry,
        depth=walk.depth,
        key=key,
    )
    if journey.holdout:
        _hold_out(journey, walk, run)
    walk.state.runs.append(run)
    if journey.admits.limit is not None:
        admission.note_entry(journey.name, walk.state, walk.known_us)
    more = {"key": key} if key else {}
    walk.facts.append(walks.fact(FactKind.RUN_STARTED, walk, run, occurred_us, {"step": run.step, **more}))
    _arrive(journey, walk, run, journey.first, occurred_us)


def _hold_out(journey: Journey, walk: Walk, run: Run) -> None:
    """Draw whether she is held out of the whole journey."""
    found = holdout.drawn(walk.state, journey.name, "", journey.holdout)
    words = arms.words(walk.state, found, holdout.shown(found, journey.holdout))
    run.path.append(["", run.entered_us, walk.known_us, words, walk.cause])
    arms.keep(walk.state, found, walk.known_us)
    run.held = found.word == holdout.HELD


def on_event(journey: Journey, walk: Walk, run: Run, event: Event, *, touched: bool = False) -> None:
    """Tell a waiting run of an event. `touched`: it changed something that the run's rules read."""
    if run.messages:
        results.hear(run, event)
    about_it = _concerns(journey, run, event)
    goal, state = journey.goal, walk.state
    rules = journey.watched.get(run.step, ()) if touched and not watch.looks_back(run, state) else ()
    at_us = max(state.clock_us, run.since_us) if rules else 0
    since = about_it and event.occurred_us >= run.entered_us
    if since and goal is not None and goal.came(event):
        end(walk, run, event.occurred_us, f"goal reached: {goal.did()}", Ending.GOAL)
    elif goal is not None and rules and goal.holds(state, at_us):
        end(walk, run, at_us, f"goal reached: {goal.did()}", Ending.GOAL)
    elif since and any(one.matches(event) for one in journey.exit_on):
        end(walk, run, event.occurred_us, f"did {event.name}", Ending.EXIT)
    elif not (about_it and _tell(journey, walk, run, event)) and rules:
        _look(journey, walk, run, at_us)


def _concerns(journey: Journey, run: Run, event: Event) -> bool:
    """Whether an event speaks of what the run is about. Rules are about the person, whatever an event speaks of."""
    per = journey.admits.per
    # What comes back of messages and webhooks names its run; a property of ours is no key.
    return per is None or event.source == INTERNAL_SOURCE or per.concerns(run.key, event)


def _tell(journey: Journey, walk: Walk, run: Run, event: Event) -> bool:
    """Tell the step where it waits; whether the run went on."""
    step = journey.steps.get(run.step)
    move = step.on_event(run, event) if step is not None and event.name in step.listens() else None
    if move is None:
        return False
    if not move.goto:
        run.since_us = max(run.since_us, event.occurred_us)
    _take(journey, walk, run, move, max(event.occurred_us, run.since_us))
    return bool(move.goto)


def on_timer(journey: Journey | None, walk: Walk, run: Run) -> None:
    """The run's wait is over; its timer was scheduled for `run.timer_us`."""
    scheduled_us = run.timer_us
    step = journey.steps.get(run.step) if journey is not None else None
    if journey is None or step is None:
        end(walk, run, scheduled_us, "its definition is gone", Ending.GONE)
        return
    move = step.on_timer(run)
    run.timer_us = run.due_us = 0
    _take(journey, walk, run, move, scheduled_us)


def on_look(journey: Journey | None, walk: Walk, run: Run) -> None:
    """The instant has come at which a rule that the run watches may turn: `run.look_us`."""
    at_us = run.look_us
    run.look_us = run.look_due_us = 0
    if journey is not None:
        _look(journey, walk, run, at_us)


def _look(journey: Journey, walk: Walk, run: Run, at_us: int) -> bool:
    """Do what a rule asks for that is true at this instant; whether one is."""
    found = watch.look(walk.state, run, journey.watched.get(run.step, ()), at_us, walk.known_us)
    if found is None:
        return False
    if found.kind == watch.WAY:
        _take(journey, walk, run, journey.steps[run.step].on_rule(run, found.index), at_us)
    else:
        _end_by(found, walk, run, at_us)
    return True


def _end_by(found: Watched, walk: Walk, run: Run, at_us: int) -> None:
    goal = found.kind == watch.GOAL
    words = f"{'goal reached' if goal else 'left'}: {found.awaited.did()}"
    end(walk, run, at_us, words, Ending.GOAL if goal else Ending.EXIT)


def move(before: Journey | None, journey: Journey, walk: Walk, run: Run, step_id: str) -> None:
    """The run goes on in this version of its journey, at another step.

    A step that waits has waited since the run arrived where it was; if that is over, it goes on just after the present instant. One
    that has asked for something outside is not asked again when it is the same step: it waits on for what comes back. Any other acts now.
    """
    if step_id not in journey.steps:
        end(walk, run, walk.known_us, "left, as its step is gone", Ending.EXIT)
        return
    asked_us = run.timer_us if _has_asked(before, journey, run, step_id) else 0
    more = {"from_version": run.version, "from_step": run.step}
    run.path.append(
        [run.step, walk.known_us, walk.known_us, f"moved to {step_id} of version {journey.version}", walk.cause]
    )
    walks.bound_path(run)
    run.version, run.step, run.bid = journey.version, step_id, []
    run.timer_us = run.due_us = run.look_us = run.look_due_us = 0
    walk.facts.append(walks.fact(FactKind.RUN_MOVED, walk, run, walk.known_us, {"step": step_id, **more}))
    found = journey.steps[step_id].enter(walk.state, run)
    if not asked_us and (found.goto or found.fork or found.ask or found.draft or found.begin):
        _arrive(journey, walk, run, step_id, walk.known_us)
        return
    walks.wait(walk, run, asked_us or found.until_us)
    if step_id in journey.watched:
        watch.arm(run, journey.watched[step_id], max(run.since_us, walk.state.clock_us), walk.known_us)


def _has_asked(before: Journey | None, journey: Journey, run: Run, step_id: str) -> bool:
    """Whether what a run waits for at its step comes back to this step of another version."""
    old = before.steps.get(run.step) if before is not None and run.step == step_id else None
    return (
        old is not None
        and old.reaches_out()
        and old.kind == journey.steps[step_id].kind
        and run.timer_us > run.since_us
    )


def pause(walk: Walk, run: Run) -> None:
    """Hold its timer: nothing happens to it until it goes on, or is ended."""
    if not run.paused_us:
        run.paused_us, run.due_us, run.bid = walk.known_us, 0, []
        walks.note(walk, run, walk.known_us, "paused", "")


def resume(walk: Walk, run: Run, until_us: int, outcome: str) -> None:
    """A paused run waits again, until an instant."""
    run.paused_us = 0
    walks.note(walk, run, walk.known_us, outcome, "")
    walks.wait(walk, run, until_us)


def take_back(walk: Walk, run: Run, occurred_us: int, outcome: str) -> None:
    """End a run that should not have begun: for re-entry it never was."""
    walk.state.runs.remove(run)
    admission.forget_entry(run.journey, walk.state, run.known_us)
    walk.facts.append(walks.ended(walk, run, occurred_us, outcome, Ending.TAKEN_BACK))


def _take(journey: Journey, walk: Walk, run: Run, move: Move, at_us: int) -> None:
    _remember(journey, walk, run, move)
    walks.note(walk, run, at_us, move.outcome, move.goto)
    if move.goto:
        run.timer_us = run.due_us = 0
        _arrive(journey, walk, run, move.goto, at_us)
    else:
        walks.wait(walk, run, move.until_us)


def _arrive(journey: Journey, walk: Walk, run: Run, step_id: str, at_us: int) -> None:
    for _ in range(MAX_MOVES):
        step = journey.steps.get(step_id)
        if run.parent and _is_end(journey, walk.state, run, step_id):
            _join(journey, walk, run, at_us)
            return
        if step is None:  # `exit`, or the end of the list
            end(walk, run, at_us, run.path[-1][3] if run.path else "finished", Ending.FINISHED)
            return
        if run.step != step_id:
            run.bid = []
        run.step, run.since_us = step_id, at_us
        found = watch.arrive(walk, run, journey.watched[step_id]) if step_id in journey.watched else None
        if found is not None and found.kind != watch.WAY:
            _end_by(found, walk, run, at_us)
            return
        move = step.enter(walk.state, run) if found is None else step.on_rule(run, found.index)
        if walk.late and (move.goto or move.ask is not None or move.fork):
            walks.wait(walk, run, at_us)
            return
        step_id, at_us = _do(journey, walk, run, move, at_us), max(at_us, run.since_us)
        if not step_id:
            return
    end(
        walk,
        run,
        at_us,
        f"went through {MAX_MOVES} steps without waiting; the journey goes round in a circle",
        Ending.CIRCLE,
    )


def _do(journey: Journey, walk: Walk, run: Run, move: Move, at_us: int) -> str:
    """Do what the present step wants; the step to go on to, empty when the run stays or is over."""
    outcome = move.outcome
    if move.draft is not None:
        answer = walk.send(run, move.draft, at_us)
        outcome = answer.outcome
        if answer.until_us:
            walks.note(walk, run, at_us, outcome, "")
            walks.wait(walk, run, answer.until_us)
            return ""
    if move.ask is not None and outside.chained(run, walk.known_us):
        move = Move(outside.CHAINED, goto=journey.steps[run.step].targets()[0], result=outside.NOT_ASKED)
        outcome = move.outcome
    if move.begin is not None:
        move = _begin(journey, walk, run, move, move.begin)
        outcome = move.outcome
    _remember(journey, walk, run, move)
    walks.note(walk, run, at_us, outcome, move.goto)
    if move.fork:
        return _fork(journey, walk, run, move.fork)
    until_us = move.until_us if move.ask is None else outside.ask(walk.state, run, move.ask, walk, journey.shadow)
    if not move.goto:
        walks.wait(walk, run, until_us)
    return move.goto


def _begin(journey: Journey, walk: Walk, run: Run, move: Move, wanted: Beginning) -> Move:
    """Begin a run of another journey, if its rules let one begin; a shadow begins shadows only."""
    found = walk.journeys.get(wanted.journey)
    why = "gone" if found is None else _why_not(found, walk, run.since_us, wanted.item)
    if found is not None and journey.shadow and not found.shadow:
        why = "shadow"
    if found is None or why:
        words = f"{wanted.journey} does not start: {why}"
        return msgspec.structs.replace(move, outcome=words, result=f"{start.REFUSED}:{why}")
    walk.begun += 1
    by = f"{walk.cause}/{run.run_id}/{run.step}"
    enter(found, walk, run.since_us, wanted.item, key=entering.key_of(found, wanted.item), by=by)
    return msgspec.structs.replace(move, outcome=f"started {wanted.journey}", result=start.STARTED)


def _why_not(journey: Journey, walk: Walk, at_us: int, item: dict[str, Any]) -> str:
    """A word for why no run of another journey begins now; empty when one does."""
    if walk.begun >= MAX_BEGUN:
        return "circle"
    return entering.refusal(journey, walk, at_us, entering.key_of(journey, item))


def _fork(journey: Journey, walk: Walk, run: Run, paths: Mapping[str, str]) -> str:
    """Walk the lanes to their first waits; where the run goes on if all it waits for have arrived, else nothing."""
    begun = lanes.fork(walk, run, paths, admission.MAX_RUNS - len(walk.state.runs))
    walk.facts += [walks.fact(FactKind.LANE_STARTED, walk, one, one.since_us, {"step": run.step}) for one in begun]
    walk.forking = (*walk.forking, run.run_id)
    for lane in begun:
        if lives(walk.state, lane):
            _arrive(journey, walk, lane, paths[lane.lane], run.since_us)
    walk.forking = walk.forking[:-1]
    arrived = walk.arrived if begun else ""
    if not lives(walk.state, run) or any(one.parent == run.run_id for one in walk.state.runs):
        run.timer_us = run.due_us = 0
        return ""
    return _joined(journey, walk, run, arrived).goto


def _joined(journey: Journey, walk: Walk, run: Run, path: str) -> Move:
    fork = journey.steps[run.step]
    move = fork.joined(path) if isinstance(fork, Parallel) else Move("its fork is gone", goto=EXIT)
    _remember(journey, walk, run, move)
    walks.note(walk, run, run.since_us, move.outcome, move.goto)
    return move


def _is_end(journey: Journey, state: ProfileState, lane: Run, step_id: str) -> bool:
    """Whether a lane that comes to this step has arrived: it is the end, or where it or one above it joins."""
    if step_id not in journey.steps:
        return True
    forks = (journey.steps.get(one.step) for one in lanes.above(state, lane))
    return any(isinstance(fork, Parallel) and fork.join == step_id for fork in forks)


def _join(journey: Journey, walk: Walk, lane: Run, at_us: int) -> None:
    """A lane has arrived; the run goes on when it was the last one, or the first is enough."""
    state, parent = walk.state, lanes.parent_of(walk.state, lane)
    if parent is None:  # it ended a moment ago
        return
    walk.facts.append(walks.fact(FactKind.LANE_ENDED, walk, lane, at_us, {"step": lane.step, "outcome": "arrived"}))
    lanes.arrive(state, lane, parent, at_us)
    walk.arrived = lane.lane
    walks.bound_path(parent)
    fork = journey.steps.get(parent.step)
    if isinstance(fork, Parallel) and fork.until == ANY:
        _end_lanes(walk, parent, at_us, f"{lane.lane} arrived first")
    if parent.run_id not in walk.forking and not any(one.parent == parent.run_id for one in state.runs):
        move = _joined(journey, walk, parent, lane.lane)
        _arrive(journey, walk, parent, move.goto, parent.since_us)


def lives(state: ProfileState, run: Run) -> bool:
    """Whether it has not ended."""
    return any(one is run for one in state.runs)


def _end_lanes(walk: Walk, run: Run, at_us: int, outcome: str) -> None:
    ended = lanes.below(walk.state, run)
    for lane in ended:
        walk.facts.append(walks.fact(FactKind.LANE_ENDED, walk, lane, at_us, {"step": lane.step, "outcome": outcome}))
    for lane in ended:
        walk.state.runs.remove(lane)


def _remember(journey: Journey, walk: Walk, run: Run, move: Move) -> None:
    """Keep what came of the step for those that go by it."""
    if move.draw is not None:
        arms.keep(walk.state, move.draw, walk.known_us)
        run.held = run.held or move.hold
    if move.result and run.step in journey.asked:
        results.note(run, run.step, move.result)
    if move.answer is not None:
        outside.keep_answer(run, move.answer)


def end(walk: Walk, run: Run, at_us: int, outcome: str, how: str = Ending.MERGED) -> None:
    """End a run: by a merge, or `how` else."""
    run = lanes.whole(walk.state, run)  # a lane only arrives; what ends it ends all
    _end_lanes(walk, run, at_us, outcome)
    walk.state.runs.remove(run)
    admission.note_end(run.journey, run.key, walk.state, walk.known_us, walk.journeys)
    walk.facts.append(walks.ended(walk, run, at_us, outcome, how))
