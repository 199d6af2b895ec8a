"""Timers of one person: which rings next, and when she must be woken."""

from __future__ import annotations

from tidings.decide import bids
from tidings.domain.profile import ProfileState, Run
from tidings.process import timetable


def following(state: ProfileState) -> tuple[int, int, str, Run | None]:
    """(due, scheduled, name, run or None) of the timer that fires next; zeros when there is none.

    At one instant alarms of segments come first, then looks at rules that runs watch, then waits, each named by its run; then
    entries that go by time, so that a run which ends at that instant keeps nobody out; then messages compete.
    """
    best: tuple[int, int, int, str] = (0, 0, 0, "")
    found: Run | None = None
    for run in state.runs:
        if run.due_us:
            key = (run.due_us, run.timer_us, 4 if run.bid else 2, bids.order(run))
            if not best[0] or key < best:
                best, found = key, run
        if run.look_due_us and (not best[0] or (run.look_due_us, run.look_us, 1, run.run_id) < best):
            best, found = (run.look_due_us, run.look_us, 1, run.run_id), run
    for name, when in state.alarms.items():
        alarm = (when[1], when[0], 3 if name.startswith(timetable.MARK) else 0, name)
        if not best[0] or alarm < best:
            best, found = alarm, None
    due_us, scheduled_us, rank, name = best
    if found is not None:
        name = f"{found.run_id}:watch" if rank == 1 else found.run_id
    return due_us, scheduled_us, name, found


def reschedule(state: ProfileState) -> None:
    """Note when she must be woken next."""
    due_us = 0
    for run in state.runs:
        if run.due_us and (not due_us or run.due_us < due_us):
            due_us = run.due_us
        if run.look_due_us and (not due_us or run.look_due_us < due_us):
            due_us = run.look_due_us
    for alarm in state.alarms.values():
        if not due_us or alarm[1] < due_us:
            due_us = alarm[1]
    state.next_due_us = due_us
