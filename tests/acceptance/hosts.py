"""The two hosts behind one face, so that the same story can be told to both: on disk, and in memory."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from tidings.clock import ManualClock
from tidings.config import Config
from tidings.deliver.ledger import Ledger
from tidings.domain import profile as profiles
from tidings.domain.message import SendIntent
from tidings.domain.output import Fact
from tidings.domain.profile import ProfileState
from tidings.domain.record import LogRecord
from tidings.hosts.drive import Driver
from tidings.hosts.process import DiskSink
from tidings.hosts.simulator import Simulator
from tidings.log.sqlite import SqliteLog
from tidings.outputs.sqlite import SqliteOutputs
from tidings.pipeline import Pipeline
from tidings.state.base import living
from tidings.state.rocks import RocksState
from tidings.workspace import Definitions

WEEK_US = 7 * 86_400_000_000


class Host(Protocol):
    """What a story needs of a host."""

    def take(self, records: Sequence[LogRecord], at_us: int) -> None: ...
    def advance_to(self, at_us: int) -> None: ...
    def restart(self) -> None: ...
    def facts(self) -> list[Fact]: ...
    def sends(self) -> list[SendIntent]: ...
    def person(self, kind: str, value: str) -> ProfileState | None: ...
    def counts(self) -> list[int]: ...
    def close(self) -> None: ...


class InMemory:
    """The simulator."""

    def __init__(self, definitions: Definitions, start_us: int) -> None:
        self._simulator = Simulator(definitions, start_us=start_us)

    def take(self, records: Sequence[LogRecord], at_us: int) -> None:
        self._simulator.take(records, at_us)

    def advance_to(self, at_us: int) -> None:
        self._simulator.advance_to(at_us)

    def restart(self) -> None:
        self._simulator.restart()

    def facts(self) -> list[Fact]:
        return self._simulator.sink.facts

    def sends(self) -> list[SendIntent]:
        return sorted(self._simulator.sink.sends.values(), key=lambda intent: intent.message_id)

    def person(self, kind: str, value: str) -> ProfileState | None:
        return self._simulator.person(kind, value)

    def counts(self) -> list[int]:
        return self._simulator.sink.counts

    def close(self) -> None:
        pass


class OnDisk:
    """The embedded host: SQLite log, RocksDB state, ledger and outputs on disk, driven as the process role drives them."""

    def __init__(self, definitions: Definitions, start_us: int, folder: Path) -> None:
        self._definitions = definitions
        self._config = Config(data=folder)
        (folder / "run").mkdir()
        self._clock = ManualClock(start_us)
        self._log = SqliteLog(folder / "log.db", self._clock, writer=True)
        self._open()

    def _open(self) -> None:
        self._state = RocksState(self._config.data / "state", WEEK_US)
        self._sink = DiskSink(self._config)
        self._driver = Driver(Pipeline(self._definitions), self._log, self._state, self._sink)

    def take(self, records: Sequence[LogRecord], at_us: int) -> None:
        self._clock.set(max(at_us, self._clock.now_us()))
        self._log.append(records)

    def advance_to(self, at_us: int) -> None:
        self._process()
        self._clock.set(max(at_us, self._clock.now_us()))
        horizon_us = self._log.horizon_us(self._clock.now_us())
        self._process()
        while self._driver.fire(horizon_us) or self._driver.sweep():
            pass

    def _process(self) -> None:
        while self._driver.run_batch():
            while self._driver.fire(self._driver.complete_us):
                pass

    def restart(self) -> None:
        self._sink.close()
        self._state.close()
        self._open()

    def facts(self) -> list[Fact]:
        outputs = SqliteOutputs(self._config.data / "outputs.db")
        found = [fact for block in outputs.read(0, 1_000_000) for fact in block.facts]
        outputs.close()
        return found

    def sends(self) -> list[SendIntent]:
        ledger = Ledger(self._config.data / "ledger.db")
        found = [ledger.intent(row.message_id) for row in ledger.recent(1_000)]
        ledger.close()
        return sorted((intent for intent in found if intent is not None), key=lambda intent: intent.message_id)

    def person(self, kind: str, value: str) -> ProfileState | None:
        profile_id = self._state.links([f"{kind}:{value}"])[0]
        raw = living(self._state, profile_id) if profile_id is not None else None
        return profiles.decode(raw) if raw is not None else None

    def counts(self) -> list[int]:
        outputs = SqliteOutputs(self._config.data / "outputs.db")
        counts = [0, 0, 0]
        for block in outputs.read(0, 1_000_000):
            for outcome in block.outcomes:
                counts[outcome.status] += 1
        outputs.close()
        return counts

    def close(self) -> None:
        self._sink.close()
        self._state.close()
        self._log.close()
