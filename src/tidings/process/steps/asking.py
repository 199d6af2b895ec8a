"""What steps that want something done outside have in common: they wait for the one event that says it is done."""

from __future__ import annotations

from tidings.clock import MINUTE_US
from tidings.domain.event import Event
from tidings.domain.profile import Run
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.ids import ask_id
from tidings.process.steps.base import Move, StepBase

PATIENCE_US = 10 * MINUTE_US
"""How long a run waits for an event of its own; it comes within milliseconds unless the log takes nothing."""
DONE, TIMEOUT = "done", "timeout"
"""Results of a step that changes something about her."""


def put_off(step: StepBase, run: Run) -> Move | None:
    """When what rings is not the time-out but the late beginning of the run: it has not asked yet."""
    return StepBase.on_timer(step, run) if run.timer_us <= run.since_us else None


class Changing(StepBase, frozen=True):
    """A step that puts an event about the person into the log, and goes on once the log has it."""

    def reaches_out(self) -> bool:
        return True

    def results(self) -> tuple[str, ...]:
        return (DONE, TIMEOUT)

    def on_event(self, run: Run, event: Event) -> Move | None:
        mine = event.source == INTERNAL_SOURCE and event.event_id == ask_id(run.run_id, self.id, run.since_us)
        return Move("done", goto=self.next, result=DONE) if mine else None

    def on_timer(self, run: Run) -> Move:
        late = put_off(self, run)
        return late or Move("not done in time: the log did not take it", goto=self.next, result=TIMEOUT)
