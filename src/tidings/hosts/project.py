"""The project role: follows the output blocks into the serving copy and the lake, and has the recommender trained.

One loop, woken by the processor: project what is there, flush the lake when its time has come, let go of blocks that
both have taken for good. Nothing in the life of an event waits for it, unless it falls so far behind that the processor
stops (config `max_behind_blocks`).
"""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

import msgspec

from tidings import workspace
from tidings.clock import SystemClock
from tidings.config import Config
from tidings.domain.profile import ProfileState
from tidings.hosts.nudge import Nudge
from tidings.hosts.retrain import Retraining
from tidings.hosts.shelf import LAYOUTS
from tidings.lake.follow import LakeFollower
from tidings.lake.parquet import ParquetLake
from tidings.log.sqlite import SqliteLog
from tidings.outputs.sqlite import SqliteOutputs
from tidings.process import profile
from tidings.serving.db import open_writing
from tidings.serving.people import Computed
from tidings.serving.projector import Projector
from tidings.versions.shelf import Versions

LOOK_S = 1.0
"""Longest sleep: a nudge may be lost, and the lake's time may come."""
PACE_S = 0.02
"""Between two transactions when there is little to do: several small blocks cost hardly more than one."""
TRIM_S = 1.0
"""Time between two lettings-go of taken blocks; each waits for the disk once."""
COMPACT_S = 10.0
"""Time between two looks at small lake files."""
LAKE_RECORDS = 50_000
"""So many records behind, the lake does not wait for its time."""
LAKE_BLOCKS = 2_000
"""So many blocks behind, neither."""
LAKE_IDLE_RECORDS = 1_000
"""So many records behind, it uses a moment in which there is nothing to project."""
LAST_S = 5.0
"""How long it may still catch up when told to end."""

_log = logging.getLogger("tidings.project")


def computed_traits(config: Config) -> Computed:
    """Computed traits by name, as the running definitions have them. Raises DefinitionError.

    States may follow another layout than these definitions alone would have (the processor also keeps earlier journey
    versions); it publishes which accumulator each slot holds. A state in a layout that nobody knows shows no traits.
    """
    versions = Versions(config.data)
    path = config.data / LAYOUTS
    stamp = versions.stamp()
    layout = workspace.load(versions.current(config.workspace), kept=True).layout

    def computed(state: ProfileState) -> dict[str, Any]:
        nonlocal stamp, layout
        if versions.stamp() != stamp:
            stamp = versions.stamp()
            layout = workspace.load(versions.current(config.workspace), kept=True).layout
        if state.layout not in layout.known and path.exists():
            layout.known.update(msgspec.json.decode(path.read_bytes(), type=dict[str, list[str]]))
        if state.layout not in layout.known:
            return {}
        layout.adopt(state)
        return profile.computed(state, layout)

    return computed


class Projecting:
    """The loop of the role."""

    def __init__(self, config: Config, computed: Computed | None) -> None:
        data = config.data
        self._flush_s = config.lake_flush_s
        self._stop = False
        self._clock = SystemClock()
        self._nudge = Nudge(data / "run" / "project.sock")
        self._log = SqliteLog(data / "log.db", self._clock)
        self._outputs = SqliteOutputs(data / "outputs.db")
        self._projector = Projector(data / "serving.db", self._log, self._outputs, computed)
        self._register = open_writing(data / "serving.db")
        self._lake = ParquetLake(data / "lake", self._register)
        self._follower = LakeFollower(self._log, self._outputs, self._lake)
        self._retraining = Retraining(data, config.retrain_every_s)
        self._flushed_s = self._trimmed_s = self._compacted_s = time.monotonic()
        self._trimmed_seq = 0
        self._projector.step()  # says so if blocks are missing, before anything of the lake is removed
        swept = self._lake.sweep()
        if swept:
            _log.info("removed %d lake files that a crash had left unregistered", swept)

    def stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's signature
        """End after the present transaction."""
        self._stop = True

    def run(self) -> None:
        """Until stopped; then catches up for a moment, so that what is asked next is there."""
        try:
            while not self._stop:
                self._turn()
            self._finish()
        finally:
            self._close()

    def _turn(self) -> None:
        blocks = self._projector.step()
        now_s = time.monotonic()
        flushed = self._lake_is_due(now_s, idle=not blocks) and self._flush()
        if now_s - self._trimmed_s >= TRIM_S:
            self._trim(now_s)
        if blocks or flushed:
            self._retrain(quiet=False)
            self._rest(blocks)
            return
        if now_s - self._compacted_s >= COMPACT_S:
            self._lake.compact(self._clock.now_us())
            self._compacted_s = now_s
        self._retrain(quiet=not self._lake_behind())
        self._nudge.wait(min(LOOK_S, self._flush_s))

    def _rest(self, blocks: int) -> None:
        """Behind there is no rest."""
        if blocks < 100 and not self._stop:
            time.sleep(PACE_S)

    def _lake_behind(self) -> int:
        return self._projector.cursor().seq - self._lake.cursor().seq

    def _lake_is_due(self, now_s: float, *, idle: bool) -> bool:
        taken, lake = self._projector.cursor(), self._lake.cursor()
        if taken.seq <= lake.seq:
            return False
        records = taken.upto_offset - lake.upto_offset
        many = records >= (LAKE_IDLE_RECORDS if idle else LAKE_RECORDS) or taken.seq - lake.seq >= LAKE_BLOCKS
        return many or now_s - self._flushed_s >= self._flush_s

    def _flush(self) -> bool:
        flushed = self._follower.step() > 0
        self._flushed_s = time.monotonic()
        return flushed

    def _trim(self, now_s: float) -> None:
        """Let go of what both followers have on disk; they share a file, so one sync is for both."""
        upto = min(self._projector.cursor().seq, self._lake.cursor().seq)
        if upto > self._trimmed_seq:
            self._projector.sync()
            self._outputs.trim(upto)
            self._trimmed_seq = upto
        self._trimmed_s = now_s

    def _retrain(self, *, quiet: bool) -> None:
        self._retraining.look(self._lake.count(), self._clock.now_us(), quiet=quiet)

    def _finish(self) -> None:
        until_s = time.monotonic() + LAST_S
        while time.monotonic() < until_s and self._projector.step():
            pass
        while time.monotonic() < until_s and self._follower.step():
            pass
        self._trim(time.monotonic())

    def _close(self) -> None:
        self._retraining.close()
        self._lake.close()
        self._register.close()
        self._projector.close()
        self._outputs.close()
        self._log.close()
        self._nudge.close()


def run(
    config: Config,
    ready: Callable[[dict[str, object]], None],
    computed: Callable[[Config], Computed | None] = computed_traits,
) -> None:
    """The role's life: until SIGTERM or SIGINT. `computed` makes the reading of computed traits."""
    projecting = Projecting(config, computed(config))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, projecting.stop)
    ready({"role": "project"})
    projecting.run()
