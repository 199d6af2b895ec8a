"""The steps of a broadcast: wait for the person's turn, look once more whether she is meant, ask for the message.

No file names them; a broadcast has them all (see process/broadcast.py).
"""

from __future__ import annotations

from msgspec import structs

from tidings.clock import iso
from tidings.domain.profile import ProfileState, Run
from tidings.process.broadcast import Broadcast
from tidings.process.steps.base import EXIT, Move, StepBase
from tidings.process.steps.send import Send


class Turn(StepBase, frozen=True):
    """Waits for the person's instant, which the run was given when it began."""

    def enter(self, state: ProfileState, run: Run) -> Move:  # noqa: ARG002 - the run knows
        turn_us, words = int(run.item["turn_us"]), str(run.item["turn"])
        if not turn_us:
            return Move(words, goto=EXIT)
        if turn_us <= run.since_us:
            return Move("its turn is now" + (f": {words}" if words else ""), goto=self.next)
        return Move(f"its turn is at {iso(turn_us)}" + (f": {words}" if words else ""), until_us=turn_us)

    def on_timer(self, run: Run) -> Move:  # noqa: ARG002
        return Move("it is its turn", goto=self.next)

    def words(self) -> str:
        return "Wait for the person's turn"


class Still(StepBase, frozen=True):
    """Goes on with those who are still meant, once."""

    broadcast: Broadcast

    def targets(self) -> tuple[str, ...]:
        return (self.next, EXIT)

    def enter(self, state: ProfileState, run: Run) -> Move:
        if not self.broadcast.has(state, run.since_us):
            return Move(f"no longer in {self.broadcast.segment or 'its rule'}", goto=EXIT)
        return Move("is still meant", goto=self.next)

    def words(self) -> str:
        return "Only whoever is still meant"


class SendBulk(Send, frozen=True):
    """Asks for the message, behind all those of journeys."""

    def enter(self, state: ProfileState, run: Run) -> Move:
        move = super().enter(state, run)
        return move if move.draft is None else structs.replace(move, draft=structs.replace(move.draft, bulk=True))
