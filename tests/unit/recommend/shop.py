"""A lake made from wire events, for tests and benchmarks of recommending: everything applied, one profile per user id."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from tidings.clock import ManualClock
from tidings.domain.output import APPLIED, Outcome, OutputBlock
from tidings.domain.record import LogRecord
from tidings.lake.follow import LakeFollower
from tidings.lake.parquet import ParquetLake
from tidings.lake.query import connect
from tidings.log.memory import MemoryLog
from tidings.outputs.memory import MemoryOutputs
from tidings.serving.db import open_writing

START_US = 1_700_000_000_000_000
_CHUNK = 5_000


def fill_lake(data: Path, events: Iterable[dict[str, Any]]) -> int:
    """Put `events` (wire bodies) into a new lake of the data folder `data`; how many."""
    log, outputs = MemoryLog(ManualClock(START_US)), MemoryOutputs()
    iterator, done = iter(events), 0
    while chunk := list(islice(iterator, _CHUNK)):
        log.append([LogRecord("shop", "", 0, msgspec.json.encode({"type": "track", **body})) for body in chunk])
        outcomes = [Outcome(done + n, APPLIED, "shop", f"p-{body['userId']}") for n, body in enumerate(chunk)]
        done += len(chunk)
        outputs.append([OutputBlock(outputs.last_seq() + 1, done, outcomes, [], [])])
    with closing(open_writing(data / "serving.db")) as register, closing(ParquetLake(data / "lake", register)) as lake:
        follower = LakeFollower(log, outputs, lake)
        while follower.step():
            pass
    return done


def opened(data: Path, events: Iterable[dict[str, Any]]) -> duckdb.DuckDBPyConnection:
    """A new lake with `events`, open for asking."""
    fill_lake(data, events)
    return connect(data)


def order(number: int, items: Iterable[str], at_s: int = 0) -> dict[str, Any]:
    """An `Order Completed` of some items."""
    products = [{"product_id": item, "name": f"Thing {item}", "price": 2.5} for item in items]
    return {
        "event": "Order Completed", "userId": f"u{number}", "timestamp": (START_US // 1_000) - 10**9 + at_s * 1_000,
        "properties": {"order_id": f"o{number}", "products": products},
    }  # fmt: skip
