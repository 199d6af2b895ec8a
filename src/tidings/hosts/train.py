"""Training in a process of its own, at low priority: ``python -m tidings.hosts.train <data directory>``.

Started by the project role, so that projecting goes on meanwhile. It only reads the lake, and puts the new model in
place in one step; killing it at any moment leaves the old model.
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import sys
from contextlib import closing
from pathlib import Path

from tidings.clock import SECOND_US, SystemClock
from tidings.lake.query import connect
from tidings.recommend.train import Trained, train

MEMORY_MB = 1_024
"""Above it DuckDB writes to disk."""
NICE = 10
"""How far it stands back behind the other roles."""

_log = logging.getLogger("tidings.train")


def train_once(data: Path) -> Trained:
    """Train from the lake in `data` into ``models/recommend.db``."""
    clock = SystemClock()
    start_us = clock.now_us()
    with closing(connect(data, memory_mb=MEMORY_MB, threads=1, spill=data / "run" / "train.spill")) as db:
        trained = train(db, data / "models" / "recommend.db", start_us)
    took_s = (clock.now_us() - start_us) / SECOND_US
    _log.info("trained in %.1f s from %d events: %d orders, %d items, %d pairs", took_s, trained.events,
              trained.baskets, trained.items, trained.pairs)  # fmt: skip
    return trained


def main() -> None:
    """Stand back, then train."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with contextlib.suppress(OSError):
        os.nice(NICE)
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: end with the role, however it ends
    train_once(Path(sys.argv[1]))


if __name__ == "__main__":
    main()
