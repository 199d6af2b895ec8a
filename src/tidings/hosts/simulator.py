"""The simulator: the whole core in memory under a virtual clock. For tests, journey tests, backtests and "what if".

Events are fed with the instant at which the log takes them; timers fire exactly when the virtual clock passes them. What
journeys want done outside is done by `Outside`: it comes back into the log at the virtual instant at which it was wanted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tidings.clock import ManualClock
from tidings.domain import profile as profiles
from tidings.domain.event import Event
from tidings.domain.message import CallIntent, EventIntent, HoldIntent, Intents, SendIntent, SuppressIntent
from tidings.domain.output import APPLIED, Fact, Outcome, OutputBlock
from tidings.domain.profile import ProfileState
from tidings.domain.record import LogRecord
from tidings.errors import CorruptData
from tidings.hosts.batch import Sink
from tidings.hosts.changes import Changes
from tidings.hosts.drive import Driver
from tidings.hosts.outside import Answering, Outside, nobody
from tidings.log.base import Log
from tidings.log.memory import MemoryLog
from tidings.outputs.join import join
from tidings.pipeline import Pipeline
from tidings.process.adopt import Past
from tidings.process.backfill import Folding
from tidings.state.base import living, moved_to
from tidings.state.memory import MemoryState
from tidings.versions.in_force import InForce
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
        self.events: dict[str, EventIntent] = {}
        self.calls: dict[str, CallIntent] = {}
        self.holds: list[HoldIntent] = []
        """In the order of their records to everybody."""
        self._keep_outcomes = keep_outcomes
        self._seq = 0

    def put(self, block: OutputBlock, intents: Intents) -> None:
        """See `Sink.put`."""
        for intent in intents.sends:
            self.sends.setdefault(intent.message_id, intent)
        for entry in intents.suppressions:
            self.suppressions.setdefault(entry.intent_id, entry)
        for event in intents.events:
            self.events.setdefault(event.event_id, event)
        for call in intents.calls:
            self.calls.setdefault(call.call_id, call)
        self.holds += [hold for hold in intents.holds if not self.holds or hold.number > self.holds[-1].number]
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


class MemoryShelf:
    """Versions in folders, the past folded from the log itself."""

    def __init__(self, folders: Mapping[str, Path], log: Log, sink: MemorySink) -> None:
        """The first of the `folders` is what the log begins with. The sink must keep outcomes."""
        self._folders = folders
        self._log = log
        self._sink = sink
        self.told: list[InForce] = []

    def first(self) -> str:
        """See `Shelf.first`."""
        return next(iter(self._folders))

    def folder(self, version: str) -> Path:
        """See `Shelf.folder`."""
        if version not in self._folders:
            msg = f"version {version}: nobody has it"
            raise CorruptData(msg)
        return self._folders[version]

    def past(self, version: str, fresh: Sequence[str], below_offset: int, definitions: Definitions) -> Past:  # noqa: ARG002
        """See `Shelf.past`."""
        outcomes = [one for one in self._sink.outcomes if one.status == APPLIED and one.offset < below_offset]
        taken = join(self._log, sorted(outcomes))
        events = ((one.outcome.profile_id, one.event) for one in taken if isinstance(one.event, Event))
        return MemoryPast(Folding(definitions.layout, fresh).of(events))

    def tell(self, in_force: InForce, layouts: Mapping[str, Sequence[str]], offset: int) -> None:  # noqa: ARG002 - nobody asks
        """See `Shelf.tell`."""
        self.told.append(in_force)


class MemoryPast:
    """Values by profile id."""

    def __init__(self, values: Mapping[str, list[Any]]) -> None:
        """Kept encoded, as on disk: a merge may reuse what it is given."""
        self._values = {profile_id: msgspec.msgpack.encode(one) for profile_id, one in values.items()}

    def of(self, profile_ids: Sequence[str]) -> list[list[Any]]:
        """See `Past.of`."""
        return [msgspec.msgpack.decode(self._values[one]) for one in profile_ids if one in self._values]


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
        versions: Mapping[str, Path] | None = None,
        answering: Answering | None = nobody,
    ) -> None:
        """Without a `sink` of your own, outputs are kept in lists; `keep_outcomes` says whether outcomes are too.

        With `versions` (folders by version, the first one runs) changes of definitions in the log are followed, and
        `definitions` are not looked at. `answering` plays the webhooks; with None nothing comes back at all, as in a replay of
        a log that has it all already.
        """
        self.clock = ManualClock(start_us)
        self.log = MemoryLog(self.clock)
        self.state = MemoryState()
        self.sink = sink if sink is not None else MemorySink(keep_outcomes=keep_outcomes)
        self._arriving: deque[tuple[int, Sequence[LogRecord]]] = deque()
        self._outside = Outside(self.sink, answering) if answering is not None else None
        self._definitions = definitions
        self._max_batch = max_batch
        self._checkpoint = checkpoint
        self._shelf = MemoryShelf(versions, self.log, self.sink) if versions else None
        self.driver = self._start()

    def _start(self) -> Driver:
        changes = Changes(self.state, self._shelf) if self._shelf is not None else None
        pipeline = changes.pipeline if changes is not None else Pipeline(self._definitions)
        more: dict[str, Any] = {} if self._checkpoint is None else {"checkpoint": self._checkpoint}
        sink: Sink = self._outside or self.sink
        return Driver(pipeline, self.log, self.state, sink, max_batch=self._max_batch, changes=changes, **more)

    def restart(self) -> None:
        """What is left after kill -9: the log, the committed state, what was handed on. Everything else starts anew."""
        self.driver = self._start()

    def take(self, records: Sequence[LogRecord], at_us: int) -> None:
        """The log takes these records at `at_us` (or just after the last block, if that is later)."""
        self._arriving.append((at_us, records))
        if not self._exact:
            self._arrive()

    def _arrive(self) -> None:
        """The log takes what was handed over, each after what came back before."""
        while self._arriving:
            at_us, records = self._arriving[0]
            if self._exact:
                self._pass(at_us - 1)
            self.clock.set(max(at_us, self.clock.now_us()))
            self.log.append(records)
            self._arriving.popleft()

    def run(self) -> None:
        """Process everything that the log has taken, firing timers on the way as they become complete."""
        self._arrive()
        self._settle()

    def _settle(self) -> None:
        self._process()
        while self._come_back():
            self._process()

    def _process(self) -> None:
        while self.driver.run_batch():
            while self.driver.fire(self.driver.complete_us):
                pass
            self.driver.sweep()  # one piece at a time, so that people are touched before and after their turn

    def advance_to(self, at_us: int) -> None:
        """Process what there is, then let time pass to `at_us`; every timer on the way fires at its instant."""
        self.run()
        if self._exact:
            self._pass(at_us)
        self._fire(at_us)
        if self._outside is not None and self._outside.next_us():
            self._settle()

    def _fire(self, at_us: int) -> None:
        self.clock.set(max(at_us, self.clock.now_us()))
        horizon_us = self.log.horizon_us(self.clock.now_us())
        self.log.fence(horizon_us)
        while self.driver.fire(horizon_us) or self.driver.sweep():
            pass

    @property
    def _exact(self) -> bool:
        """Whether journeys want things outside, which come back in between: then time passes from instant to instant."""
        return self._outside is not None and self.driver.reaches_out

    def _pass(self, until_us: int) -> None:
        """Stop at each instant up to `until_us` at which a timer is due or something comes back."""
        self._settle()
        while True:
            coming_us = self._outside.next_us() if self._outside is not None else 0
            stops = [one for one in (self.driver.next_due_us(), coming_us) if one and one <= until_us]
            if not stops:
                return
            self._fire(min(stops))
            self._settle()

    def _come_back(self) -> bool:
        """The log takes what comes back by now; whether there was anything."""
        if self._outside is None:
            return False
        # Blocks taken at one instant of the clock are a microsecond apart, so the log may be a little ahead of it.
        records = self._outside.due(max(self.clock.now_us(), self.driver.complete_us))
        if records:
            self.log.append(records)
        return bool(records)

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
