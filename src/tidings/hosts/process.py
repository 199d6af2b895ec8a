"""The process role: the keyed core over the log on disk, with its state in RocksDB. See hosts/drive.py for the logic.

One loop: process what the log has, fire the timers that are due, sleep until a nudge or the next timer. It slows down
when those behind it do: a full outbox or a projector far behind stop it, then the log grows, then the collector answers
503. Nothing in between grows without bound.
"""

from __future__ import annotations

import gc
import logging
import signal
import time
from collections.abc import Callable
from types import FrameType

import msgspec

from tidings.clock import SECOND_US, SystemClock
from tidings.config import Config
from tidings.deliver.calls import FILE as CALLS
from tidings.deliver.calls import Calls
from tidings.deliver.ledger import Ledger
from tidings.domain.message import Intents
from tidings.domain.output import OutputBlock
from tidings.hosts.changes import Changes
from tidings.hosts.drive import Driver
from tidings.hosts.everybody import Everybody
from tidings.hosts.nudge import Nudge, Nudger
from tidings.hosts.shelf import DiskShelf, publish
from tidings.log.sqlite import SqliteLog
from tidings.outputs.sqlite import SqliteOutputs
from tidings.state.rocks import RocksState
from tidings.versions.shelf import Versions, login_name
from tidings.versions.standing import STATUS

LOOK_S = 1.0
"""Longest sleep: a nudge may be lost."""
HELD_UP_S = 0.05
"""Time between two looks at whether those behind are full."""
TIDY_S = 60.0
"""Time between two garbage collections."""
SYNC_S = 2.0
"""Time between two makings-sure that output blocks survive a power cut."""

_log = logging.getLogger("tidings.process")


class DiskSink:
    """Intents to the ledger, blocks to the outputs file, nudges to who waits for them."""

    def __init__(self, config: Config) -> None:
        self._ledger = Ledger(config.data / "ledger.db")
        self._outputs = SqliteOutputs(config.data / "outputs.db")
        self._deliver = Nudger(config.data / "run" / "deliver.sock")
        self._project = Nudger(config.data / "run" / "project.sock")
        self._clock = SystemClock()
        self._synced_s = 0.0
        self._calls_path = config.data / CALLS
        self._calls: Calls | None = None

    def put(self, block: OutputBlock, intents: Intents) -> None:
        """See `Sink.put`. Intents go first: the message must not wait for the reading copy."""
        if intents:
            if intents.sends or intents.suppressions or intents.holds:
                self._ledger.add(intents.sends, intents.suppressions, intents.holds, now_us=self._clock.now_us())
            if intents.events or intents.calls:
                self._asks().add(intents.events, intents.calls)
            self._deliver.nudge()
        self._outputs.append([block])
        self._project.nudge()

    def _asks(self) -> Calls:
        """What journeys want outside; opened when the first of them wants something."""
        if self._calls is None:
            self._calls = Calls(self._calls_path)
        return self._calls

    def last_seq(self) -> int:
        """See `Sink.last_seq`."""
        return self._outputs.last_seq()

    def durable_seq(self) -> int:
        """See `Sink.durable_seq`."""
        return self._outputs.durable_seq()

    def sync(self) -> None:
        """Now and then make sure that blocks survive a power cut, so that the state's own copy may go."""
        now_s = time.monotonic()
        if now_s - self._synced_s > SYNC_S:
            self._outputs.sync()
            self._synced_s = now_s

    def queued(self) -> int:
        """Messages waiting for hand-over, those of broadcasts and those held until morning aside."""
        return self._ledger.queued() - self._ledger.in_quiet()

    def queued_bulk(self) -> int:
        """Messages of broadcasts waiting for hand-over, those held until morning aside."""
        return self._ledger.queued_bulk() - self._ledger.in_quiet(bulk=True)

    def behind(self) -> int:
        """Blocks that the projector has not taken yet."""
        return self._outputs.kept()

    def close(self) -> None:
        """Release files."""
        self._ledger.close()
        if self._calls is not None:
            self._calls.close()
        self._outputs.close()
        self._deliver.close()
        self._project.close()


class Processor:
    """The loop of the role."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._clock = SystemClock()
        self._stop = False
        self._held = False
        self._held_back = False
        """Whether the outbox is full of broadcasts' messages: then nobody else is told of one, and all else goes on."""
        self._asked_s = 0.0
        self._tidied_s = time.monotonic()
        self._nudge = Nudge(config.data / "run" / "process.sock")
        self._log = SqliteLog(config.data / "log.db", self._clock)
        self._state = RocksState(config.data / "state", config.process.dedup_window_s * SECOND_US)
        self._sink = DiskSink(config)
        Versions(config.data).begin(config.workspace, login_name(), self._clock.now_us())
        changes = Changes(self._state, DiskShelf(config.data))
        self._driver = Driver(
            changes.pipeline,
            self._log,
            self._state,
            self._sink,
            max_batch=config.process.max_batch,
            cache=config.process.state_cache,
            changes=changes,
            told=Everybody(self._state, lambda now: publish(config.data / "run" / STATUS, msgspec.json.encode(now))),
        )
        self._log.mark_processed(self._driver.offset)

    def stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's signature
        """End after the present micro-batch."""
        self._stop = True

    def run(self) -> None:
        """Until stopped. Ends between micro-batches, so that nothing has to be repeated."""
        gc.collect()
        gc.freeze()
        gc.disable()  # the hot path makes no cycles; a full collection would stop it for a second at a million profiles
        while not self._stop:
            if self._held_up():
                self._nudge.wait(0.05)
                continue
            worked = self._turn()
            self._sink.sync()
            if not worked:
                self._tidy()
                self._sleep()
        self._close()

    def _tidy(self) -> None:
        """Now and then, when there is nothing to do, free what only cycles hold (tracebacks make some)."""
        now_s = time.monotonic()
        if now_s - self._tidied_s > TIDY_S:
            gc.collect()
            gc.freeze()
            self._tidied_s = now_s

    def _turn(self) -> bool:
        """Everything that can be done now; whether there was anything.

        The horizon is asked for first and the head after it, so all records up to the horizon are below that head.
        """
        horizon_us = self._log.horizon_us(self._clock.now_us())
        target = self._log.head()
        worked = self._driver.offset < target
        while self._driver.offset < target and not self._stop and not self._held_up():
            self._driver.run_batch()
            self._log.mark_processed(self._driver.offset)
            if self._driver.offset < target:
                self._driver.fire(self._driver.complete_us)
        if self._driver.offset >= target:
            worked = self._driver.fire(horizon_us) > 0 or worked
        return (not self._held_back and self._driver.sweep() > 0) or worked

    def _held_up(self) -> bool:
        """Whether those behind us are full; asked at most every `HELD_UP_S`, as it costs two look-ups."""
        now_s = time.monotonic()
        if now_s - self._asked_s > HELD_UP_S:
            config = self._config
            full = self._sink.queued() > config.mail.max_queued
            self._held_back = self._sink.queued_bulk() > config.mail.max_queued
            behind = self._sink.behind() > config.process.max_behind_blocks
            if (full or behind) != self._held:
                _log.warning(
                    "processing %s: outbox full %s, projector behind %s",
                    "resumes" if self._held else "waits",
                    full,
                    behind,
                )
            self._held, self._asked_s = full or behind, now_s
        return self._held

    def _sleep(self) -> None:
        due_us = self._driver.next_due_us()
        wait_s = min(LOOK_S, (due_us - self._clock.now_us()) / SECOND_US) if due_us else LOOK_S
        if self._driver.offset >= self._log.head():
            self._nudge.wait(max(0.0, wait_s))

    def _close(self) -> None:
        self._sink.close()
        self._state.close()
        self._log.close()
        self._nudge.close()


def run(config: Config, ready: Callable[[dict[str, object]], None]) -> None:
    """The role's life: until SIGTERM or SIGINT."""
    processor = Processor(config)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, processor.stop)
    ready({"role": "process"})
    processor.run()
