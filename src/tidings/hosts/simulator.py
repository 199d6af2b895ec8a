"""The simulator: the whole core in memory under a virtual clock. For tests, journey tests, backtests and "what if".

Events are fed with the instant at which the log takes them; timers fire exactly when the virtual clock passes them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tidings.clock import ManualClock
from tidings.domain import profile as profiles
from tidings.domain.message import SendIntent, SuppressIntent
from tidings.domain.output import Fact, Outcome, OutputBlock
from tidings.domain.profile import ProfileState
from tidings.domain.record import LogRecord
from tidings.hosts.drive import Driver
from tidings.log.memory import MemoryLog
from tidings.pipeline import Pipeline
from tidings.state.base import living, moved_to
from tidings.state.memory import MemoryState
from tidings.workspace import Definitions


class MemorySink:
    """Outputs in lists; idempotent as the port asks."""

    def __init__(self, *, keep_outcomes: bool = True) -> None:
        self.outcomes: list[Outcome] = []
        self.counts = [0, 0, 0]
        """Applied, duplicate, rejected."""
        self.facts: list[Fact] = []
        self.sends: dict[str, SendIntent] = {}
        self.suppressions: dict[str, SuppressIntent] = {}
        self._keep_outcomes = keep_outcomes
        self._seq = 0

    def put(self, block: OutputBlock, sends: Sequence[SendIntent], suppressions: Sequence[SuppressIntent]) -> None:
        """See `Sink.put`."""
        for intent in sends:
            self.sends.setdefault(intent.message_id, intent)
        for entry in suppressions:
            self.suppressions.setdefault(entry.intent_id, entry)
        if block.seq > self._seq:
            self._seq = block.seq
            for outcome in block.outcomes:
                self.counts[outcome.status] += 1
            if self._keep_outcomes:
                self.outcomes += block.outcomes
            self.facts += block.facts

    def last_seq(self) -> int:
        """See `Sink.last_seq`."""
        return self._seq

    def durable_seq(self) -> int:
        """See `Sink.durable_seq`."""
        return self._seq


class Simulator:
    """One workspace, one log, one virtual clock."""

    def __init__(
        self,
        definitions: Definitions,
        *,
        start_us: int = 0,
        keep_outcomes: bool = True,
        max_batch: int = 5_000,
        checkpoint: Callable[[str], None] | None = None,
        sink: MemorySink | None = None,
    ) -> None:
        """Without a `sink` of your own, outputs are kept in lists; `keep_outcomes` says whether outcomes are too."""
        self.clock = ManualClock(start_us)
        self.log = MemoryLog(self.clock)
        self.state = MemoryState()
        self.sink = sink if sink is not None else MemorySink(keep_outcomes=keep_outcomes)
        self._definitions = definitions
        self._max_batch = max_batch
        self._checkpoint = checkpoint
        self.driver = self._start()

    def _start(self) -> Driver:
        pipeline = Pipeline(self._definitions)
        if self._checkpoint is None:
            return Driver(pipeline, self.log, self.state, self.sink, max_batch=self._max_batch)
        return Driver(pipeline, self.log, self.state, self.sink, max_batch=self._max_batch, checkpoint=self._checkpoint)

    def restart(self) -> None:
        """What is left after kill -9: the log, the committed state, what was handed on. Everything else starts anew."""
        self.driver = self._start()

    def take(self, records: Sequence[LogRecord], at_us: int) -> None:
        """The log takes these records at `at_us` (or just after the last block, if that is later)."""
        self.clock.set(max(at_us, self.clock.now_us()))
        self.log.append(records)

    def run(self) -> None:
        """Process everything that the log has taken, firing timers on the way as they become complete."""
        while self.driver.run_batch():
            while self.driver.fire(self.driver.complete_us):
                pass

    def advance_to(self, at_us: int) -> None:
        """Process what there is, then let time pass to `at_us`; every timer on the way fires at its instant."""
        self.run()
        self.clock.set(max(at_us, self.clock.now_us()))
        horizon_us = self.log.horizon_us(self.clock.now_us())
        self.log.fence(horizon_us)
        while self.driver.fire(horizon_us):
            pass

    def person(self, kind: str, value: str) -> ProfileState | None:
        """The committed state of the person that an identifier points to."""
        profile_id = self.state.links([f"{kind}:{value}"])[0]
        raw = living(self.state, profile_id) if profile_id is not None else None
        return profiles.decode(raw) if raw is not None else None

    def people(self) -> list[ProfileState]:
        """Every living profile."""
        return [profiles.decode(raw) for raw in self.state.all_states() if not moved_to(raw)]

    def members(self, segment: str) -> set[str]:
        """Profile ids of a segment's members."""
        return {state.profile_id for state in self.people() if segment in state.segments}
