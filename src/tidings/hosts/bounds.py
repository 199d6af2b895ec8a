"""How much a question to the history may cost, and stopping it in time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import msgspec

from tidings.errors import InputError
from tidings.lake.duck import run


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """How much it may cost."""

    people: int = 20_000
    """People whose next day is looked at, at most."""
    memory_mb: int = 1_024
    """What it may use before it writes aside."""
    events: int = 0
    """Longest history that is looked at; 0 for any."""
    limit_s: float = 0.0
    """After this time its questions to the history are stopped; 0 for never."""


_STOP_S = 0.005

COMMAND = Bounds()
"""Somebody asked for it and waits."""


@contextmanager
def within(bounds: Bounds, lake: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Raises InputError when it is too much. What is asked of the history is stopped in time; the rest is bounded by `people`."""
    if bounds.events and (events := int(run(lake, "SELECT count(*) FROM events")[0][0])) > bounds.events:
        msg = f"history of {events:,} events; wanted at most {bounds.events:,} here; ask the command, which takes its time"
        raise InputError(msg)
    if not bounds.limit_s:
        yield
        return
    over = threading.Event()

    def stop() -> None:
        """Again and again: what comes between two questions would be lost."""
        over.wait(bounds.limit_s)
        while not over.wait(_STOP_S):
            lake.interrupt()

    watch = threading.Thread(target=stop, name="plan-limit", daemon=True)
    watch.start()
    try:
        yield
    except duckdb.InterruptException as error:
        msg = f"it took longer than {bounds.limit_s:.0f} s; ask the command, which takes its time"
        raise InputError(msg) from error
    finally:
        over.set()
        watch.join()  # before the lake is closed
