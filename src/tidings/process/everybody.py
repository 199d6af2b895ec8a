"""What a person does about what is told to everybody: a broadcast begins for her, is paused, goes on, is given up."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tidings.clock import format_duration
from tidings.domain.everybody import Asked, Cancel, Pause, Resume, Start, Told
from tidings.domain.output import Ending
from tidings.domain.profile import ProfileState, Run
from tidings.process import broadcast as broadcasts
from tidings.process import entering
from tidings.process import run as runs
from tidings.process.journey import Journey
from tidings.process.walk import Walk

Versions = Mapping[tuple[str, str], Journey]


def hear(versions: Versions, walk: Walk, told: Told, what: Asked) -> bool:
    """Do it; whether anything came of it."""
    if isinstance(what, Start):
        return _begin(versions.get((what.broadcast, what.version)), walk, told, what)
    waiting = [run for run in walk.state.runs if run.journey == what.broadcast]
    for run in waiting:
        if isinstance(what, Pause):
            runs.pause(walk, run)
        elif isinstance(what, Resume):
            _go_on(versions.get((run.journey, run.version)), walk, run)
        elif isinstance(what, Cancel):
            runs.end(walk, run, told.known_us, "cancelled", Ending.CANCELLED)
    return bool(waiting)


def _begin(journey: Journey | None, walk: Walk, told: Told, what: Start) -> bool:
    """Members as of its instant are meant, and they are looked at again at their turn."""
    found = journey.broadcast if journey is not None else None
    if journey is None or found is None or not found.has(walk.state, told.known_us):
        return False
    if entering.refusal(journey, walk, told.known_us):
        return False
    item = broadcasts.item_of(found, walk.state, what.start, what.audience, told.known_us)
    runs.enter(journey, walk, told.known_us, item)
    return True


def _go_on(journey: Journey | None, walk: Walk, run: Run) -> None:
    """As much later as it was paused; but an instant by her own clock that is still to come is kept."""
    if not run.paused_us:
        return
    local = journey is not None and journey.broadcast is not None and journey.broadcast.local
    kept = local and run.timer_us > walk.known_us
    pause_us = walk.known_us - run.paused_us
    until_us = run.timer_us if kept else run.timer_us + pause_us
    runs.resume(walk, run, until_us, f"goes on after {format_duration(pause_us)}")


def agree(versions: Versions, walk: Walk, other: ProfileState, occurred_us: int) -> None:
    """Before a merge: of a broadcast whose message one of both got, or whose turn was over, the other does not get one more."""
    mine, theirs = walk, msgspec.structs.replace(walk, state=other)
    for side, ended in ((mine, other.ended), (theirs, walk.state.ended)):
        for run in list(side.state.runs):
            journey = versions.get((run.journey, run.version))
            over = ended.get(run.journey, -1) >= run.known_us
            if over and journey is not None and journey.broadcast is not None:
                runs.end(side, run, occurred_us, "its turn was over for the other, who is the same person")
