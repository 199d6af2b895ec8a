"""The walk of one person's run through a journey.

A run waits for a timer or for an event, never for nothing. Everything here returns what happened; deciding on messages is
a callback, so that this file knows nothing of consent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tidings.domain.event import Event
from tidings.domain.message import Intent
from tidings.domain.output import Fact, FactKind
from tidings.domain.profile import ProfileState, Run
from tidings.ids import run_id
from tidings.process import arms, outside, results
from tidings.process.journey import Journey
from tidings.process.steps import holdout
from tidings.process.steps.base import Answer, Draft, Move

MAX_MOVES = 50
"""Steps that one trigger may take a run through; a journey that goes round in a circle ends here."""
MAX_PATH = 60
"""Path entries kept per run: the first and the latest ones."""
MAX_RUNS = 50
"""Active runs per person."""
MAX_KEYS = 200
"""Things that runs were about (orders, items) of which it is remembered when the last one ended: the latest."""
MAX_ITEM_BYTES = 4_000
"""Properties of the entering event that a run keeps."""


REFUSALS = ("full", "running", "once", "too_soon")
"""Words for why somebody does not enter: too many runs, one of this journey, only one ever, too soon after the last."""

Send = Callable[[Run, Draft, int], Answer]
"""(run, draft, occurred_us) decides on a message, or when to ask again; returns what became of it."""


class Walk(msgspec.Struct):
    """One trigger on one person: what a journey needs to know of it, and the facts it leaves."""

    state: ProfileState
    known_us: int
    """When we knew: received time of the event, or due instant of the timer."""
    cause: str
    """``event:<offset>`` or ``timer:<run or segment>``."""
    send: Send
    facts: list[Fact]
    late: bool = False
    """What begins by it acts only after all that is known at this instant has been heard."""
    intents: list[Intent] = []
    """What it wants done outside is added here."""


def may_enter(journey: Journey, walk: Walk, key: str = "") -> bool:
    """Whether re-entry rules let this person in now: one run at a time, and not too soon after the last; of a key, if given."""
    return not refusal(journey, walk.state, walk.known_us, key)


def refusal(journey: Journey, state: ProfileState, known_us: int, key: str = "") -> str:
    """Why re-entry rules let nobody of this state in, in a word of `REFUSALS`; empty when they do."""
    if len(state.runs) >= MAX_RUNS:
        return "full"
    if any(run.journey == journey.name and run.key == key for run in state.runs):
        return "running"
    ended_us = state.ended.get(ended_name(journey.name, key))
    if ended_us is None:
        return ""
    if journey.reentry_us < 0:
        return "once"
    return "too_soon" if known_us < ended_us + journey.reentry_us else ""


def ended_name(journey: str, key: str) -> str:
    """Under which name it is kept when the last run ended: of the journey, or of what its runs are about."""
    return f"{journey}/{key}" if key else journey


def begun(journey: Journey, walk: Walk) -> bool:
    """Whether a run of this journey was begun by this very cause."""
    return any(
        fact.kind == FactKind.RUN_STARTED and fact.subject == journey.name and fact.cause == walk.cause
        for fact in walk.facts
    )


def enter(
    journey: Journey, walk: Walk, occurred_us: int, item: dict[str, Any], *, entry: int = 0, key: str = ""
) -> None:
    """Start a run and walk it to its first wait. `entry` is the number of the journey's entry that begins it, `key` what the run
    is about beside the person."""
    bounded = item if len(msgspec.json.encode(item)) <= MAX_ITEM_BYTES else {}
    run = Run(
        run_id=run_id(walk.state.profile_id, journey.name, walk.cause),
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
        key=key,
    )
    if journey.holdout:
        _hold_out(journey, walk, run)
    walk.state.runs.append(run)
    walk.facts.append(_fact(FactKind.RUN_STARTED, walk, run, occurred_us, {"step": run.step}))
    _arrive(journey, walk, run, journey.first, occurred_us)


def _hold_out(journey: Journey, walk: Walk, run: Run) -> None:
    """Draw whether she is held out of the whole journey."""
    found = holdout.drawn(walk.state, journey.name, "", journey.holdout)
    words = arms.words(walk.state, found, holdout.shown(found, journey.holdout))
    run.path.append(["", run.entered_us, walk.known_us, words, walk.cause])
    arms.keep(walk.state, found, walk.known_us)
    run.held = found.word == holdout.HELD


def on_event(journey: Journey, walk: Walk, run: Run, event: Event) -> None:
    """Tell a waiting run of an event."""
    if event.name in journey.exit_on and event.occurred_us >= run.entered_us:
        _end(walk, run, event.occurred_us, f"did {event.name}")
        return
    if run.messages:
        results.hear(run, event)
    step = journey.steps.get(run.step)
    move = step.on_event(run, event) if step is not None and event.name in step.listens() else None
    if move is None:
        return
    if not move.goto:
        run.since_us = max(run.since_us, event.occurred_us)
    _take(journey, walk, run, move, max(event.occurred_us, run.since_us))


def on_timer(journey: Journey | None, walk: Walk, run: Run) -> None:
    """The run's wait is over; its timer was scheduled for `run.timer_us`."""
    scheduled_us = run.timer_us
    step = journey.steps.get(run.step) if journey is not None else None
    if journey is None or step is None:
        _end(walk, run, scheduled_us, "its definition is gone")
        return
    move = step.on_timer(run)
    run.timer_us = run.due_us = 0
    _take(journey, walk, run, move, scheduled_us)


def end(walk: Walk, run: Run, occurred_us: int, outcome: str) -> None:
    """End a run from outside (a merge)."""
    _end(walk, run, occurred_us, outcome)


def pause(walk: Walk, run: Run) -> None:
    """Hold its timer: nothing happens to it until it goes on, or is ended."""
    if not run.paused_us:
        run.paused_us, run.due_us, run.bid = walk.known_us, 0, []
        _note(walk, run, walk.known_us, "paused", "")


def resume(walk: Walk, run: Run, until_us: int, outcome: str) -> None:
    """A paused run waits again, until an instant."""
    run.paused_us = 0
    _note(walk, run, walk.known_us, outcome, "")
    _wait(walk, run, until_us)


def take_back(walk: Walk, run: Run, occurred_us: int, outcome: str) -> None:
    """End a run that should not have begun: for re-entry it never was."""
    walk.state.runs.remove(run)
    walk.facts.append(_ended(walk, run, occurred_us, outcome))


def _take(journey: Journey, walk: Walk, run: Run, move: Move, at_us: int) -> None:
    _remember(journey, walk, run, move)
    _note(walk, run, at_us, move.outcome, move.goto)
    if move.goto:
        run.timer_us = run.due_us = 0
        _arrive(journey, walk, run, move.goto, at_us)
    else:
        _wait(walk, run, move.until_us)


def _arrive(journey: Journey, walk: Walk, run: Run, step_id: str, at_us: int) -> None:
    for _ in range(MAX_MOVES):
        step = journey.steps.get(step_id)
        if step is None:  # `exit`, or the end of the list
            _end(walk, run, at_us, run.path[-1][3] if run.path else "finished")
            return
        if run.step != step_id:
            run.bid = []
        run.step, run.since_us = step_id, at_us
        move = step.enter(walk.state, run)
        if walk.late and (move.goto or move.ask is not None):
            _wait(walk, run, at_us)
            return
        outcome = move.outcome
        if move.draft is not None:
            answer = walk.send(run, move.draft, at_us)
            outcome = answer.outcome
            if answer.until_us:
                _note(walk, run, at_us, outcome, "")
                _wait(walk, run, answer.until_us)
                return
        _remember(journey, walk, run, move)
        _note(walk, run, at_us, outcome, move.goto)
        until_us = move.until_us if move.ask is None else outside.ask(walk.state, run, move.ask, walk)
        if not move.goto:
            _wait(walk, run, until_us)
            return
        step_id = move.goto
    _end(walk, run, at_us, f"went through {MAX_MOVES} steps without waiting; the journey goes round in a circle")


def _remember(journey: Journey, walk: Walk, run: Run, move: Move) -> None:
    """Keep what came of the step for those that go by it."""
    if move.draw is not None:
        arms.keep(walk.state, move.draw, walk.known_us)
        run.held = run.held or move.hold
    if move.result and run.step in journey.asked:
        results.note(run, run.step, move.result)
    if move.answer is not None:
        outside.keep_answer(run, move.answer)


def _wait(walk: Walk, run: Run, until_us: int) -> None:
    run.timer_us = until_us
    # What was over before we knew of it is due after this instant, not at it: what the log took at the same instant (a
    # phone that was offline sends the cart and the order together) is heard first.
    run.due_us = max(until_us, walk.known_us + 1)


def _note(walk: Walk, run: Run, at_us: int, outcome: str, goto: str) -> None:
    run.path.append([run.step, at_us, walk.known_us, outcome, walk.cause])
    if len(run.path) > MAX_PATH:
        del run.path[MAX_PATH // 2]
    data = {"step": run.step, "outcome": outcome, "next": goto}
    walk.facts.append(_fact(FactKind.RUN_STEP, walk, run, at_us, data))


def _end(walk: Walk, run: Run, at_us: int, outcome: str) -> None:
    state = walk.state
    state.runs.remove(run)
    state.ended[ended_name(run.journey, run.key)] = walk.known_us
    if run.key and len(state.ended) > MAX_KEYS:
        _forget_keys(state)
    walk.facts.append(_ended(walk, run, at_us, outcome))


def _forget_keys(state: ProfileState) -> None:
    """What runs were about that ended the longest ago is forgotten."""
    about = sorted((us, name) for name, us in state.ended.items() if "/" in name)
    for _, name in about[: max(0, len(about) - MAX_KEYS)]:
        del state.ended[name]


def _ended(walk: Walk, run: Run, at_us: int, outcome: str) -> Fact:
    return _fact(FactKind.RUN_ENDED, walk, run, at_us, {"step": run.step, "outcome": outcome})


def _fact(kind: str, walk: Walk, run: Run, occurred_us: int, data: dict[str, Any]) -> Fact:
    more = {"run_id": run.run_id, "version": run.version, **data}
    return Fact(kind, walk.state.profile_id, run.journey, occurred_us, walk.known_us, walk.cause, more)
