"""One trigger on one person, as the walk of her runs sees it, and the traces that a walk leaves: facts, path, timers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tidings.domain.message import Intent
from tidings.domain.output import Fact, FactKind
from tidings.domain.profile import ProfileState, Run
from tidings.process import lanes
from tidings.process.journey import Journey
from tidings.process.steps.base import Answer, Draft

MAX_PATH = 60
"""Path entries kept per run: the first and the latest ones."""

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
    depth: int = 0
    """When the cause is what a run did: how deep that lies in a chain of such."""
    journeys: Mapping[str, Journey] = {}
    """Present journeys by name, for steps that start one."""
    begun: int = 0
    """How many runs steps have started."""
    forking: tuple[str, ...] = ()
    """Runs that are beginning their lanes: these go on when all are begun, however soon one arrives."""
    arrived: str = ""
    """The path of the lane that arrived last."""


def note(walk: Walk, run: Run, at_us: int, outcome: str, goto: str) -> None:
    """Note in its path and as a fact what a step of a run came to."""
    run.path.append([run.step, at_us, walk.known_us, outcome, walk.cause])
    bound_path(run)
    data = {"step": run.step, "outcome": outcome, "next": goto}
    walk.facts.append(fact(FactKind.RUN_STEP, walk, run, at_us, data))


def bound_path(run: Run) -> None:
    """Keep the first and the latest entries of its path."""
    if len(run.path) > MAX_PATH:
        del run.path[MAX_PATH // 2 : len(run.path) - MAX_PATH // 2]


def wait(walk: Walk, run: Run, until_us: int) -> None:
    """Set its timer."""
    run.timer_us = until_us
    # What was over before we knew of it is due after this instant, not at it: what the log took at the same instant (a
    # phone that was offline sends the cart and the order together) is heard first.
    run.due_us = max(until_us, walk.known_us + 1)


def ended(walk: Walk, run: Run, at_us: int, outcome: str, how: str) -> Fact:
    """The fact that it ended."""
    return fact(FactKind.RUN_ENDED, walk, run, at_us, {"step": run.step, "outcome": outcome, "end": how})


def fact(kind: str, walk: Walk, run: Run, occurred_us: int, data: dict[str, Any]) -> Fact:
    """A fact about a run."""
    more = {"run_id": run.run_id, "version": run.version, **data}
    if run.parent:
        more |= {"whole": lanes.whole(walk.state, run).run_id, "lane": run.lane}
    return Fact(kind, walk.state.profile_id, run.journey, occurred_us, walk.known_us, walk.cause, more)
