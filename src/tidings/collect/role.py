"""The collector's process: event loop, log, committer and server, from start to a clean or a failed end."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Callable, Coroutine
from typing import NamedTuple

import uvloop

from tidings.clock import SystemClock
from tidings.collect.committer import Committer
from tidings.collect.door import Door
from tidings.collect.evidence import Evidence
from tidings.collect.feedback import Feedback
from tidings.collect.ingest import Ingest
from tidings.collect.internal import Internal
from tidings.collect.items import Items
from tidings.collect.keys import WriteKeys, internal_key, items_key, runs_key
from tidings.collect.pressure import Pressure
from tidings.collect.returns import Returns
from tidings.collect.runs import Runs
from tidings.collect.script import Script
from tidings.collect.server import Server
from tidings.collect.webhooks import Webhooks
from tidings.config import Config
from tidings.deliver.ledger import Ledger
from tidings.feedback.tokens import Tokens, load_tokens
from tidings.log.sqlite import SqliteLog

EXIT_STORAGE = 74
"""Exit status (EX_IOERR) after a failed write: the supervisor starts a new process; this one must not sync again."""

_DRAIN_S = 5.0
_SWITCH_S = 0.002
_GC_THRESHOLD = 50_000

Ready = Callable[[dict[str, object]], None]
Stopped = Callable[[], Coroutine[None, None, None]]


def run(config: Config, ready: Ready, committed: Callable[[], None], until_stopped: Stopped) -> None:
    """Collect until `until_stopped()` returns. `committed` is called after each commit (to wake the processor).

    Does not return when the log cannot be written: it answers 503 to all who wait and exits with `EXIT_STORAGE`.
    """
    # The committer thread comes back from the disk and wants the interpreter: sooner than after 5 ms, the default, but
    # not so soon that the two threads take turns all the time.
    sys.setswitchinterval(_SWITCH_S)
    log = SqliteLog(config.data / "log.db", SystemClock(), writer=True)
    ledger = Ledger(config.data / "ledger.db")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        stored = runner.run(_serve(config, log, ledger, _Ports(ready, committed, until_stopped)))
    if not stored:
        logging.shutdown()
        os._exit(EXIT_STORAGE)  # at once: even closing the database would sync it again
    log.close()
    ledger.close()


class _Ports(NamedTuple):
    """What the role is told from outside."""

    ready: Ready
    committed: Callable[[], None]
    until_stopped: Stopped


async def _serve(config: Config, log: SqliteLog, ledger: Ledger, ports: _Ports) -> bool:
    """Serve until told to stop or until the log fails; whether all went well."""
    clock = SystemClock()

    def after_commit() -> None:
        pressure.look()
        ports.committed()

    committer = Committer(log, asyncio.get_running_loop(), after_commit)
    pressure = Pressure(config.collect, log, committer)
    keys = WriteKeys(config.collect.write_keys)
    evidence = Evidence(ledger, clock)
    tokens = load_tokens(config.data / "secrets")
    door = Door(
        ingest=Ingest(keys, committer, pressure, clock),
        internal=Internal(internal_key(config.data), committer, pressure, clock),
        feedback=Feedback(tokens, ledger, committer, pressure, clock, evidence),
        feed=Items(items_key(config.data), committer, pressure, clock),
        runs_door=Runs(runs_key(config.data), committer, pressure, clock),
        script=Script(),
        webhooks=Webhooks(config.data / "secrets", ledger, committer, pressure, evidence, clock),
        keys=keys,
        pressure=pressure,
    )
    server = Server(config.collect, door.take, pressure.look)
    door.attach(server)
    port = await server.start()
    returns = _returns(config, tokens, ledger, committer, pressure, evidence, clock)
    returns_port = await returns.start() if config.returns.enabled else 0
    committer.start()
    _freeze()
    ends = [asyncio.ensure_future(wait) for wait in (ports.until_stopped(), committer.failed.wait())]
    await asyncio.sleep(0)  # lets them begin, so that a signal sent as soon as we are ready is not missed
    ports.ready({"port": port, "url": server.public_url, "head": log.head(), "returns_port": returns_port})
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    for end in ends:
        end.cancel()
    await returns.stop()
    await server.stop(_DRAIN_S)
    await committer.stop()
    return not committer.failed.is_set()


def _returns(
    config: Config,
    tokens: Tokens,
    ledger: Ledger,
    committer: Committer,
    pressure: Pressure,
    evidence: Evidence,
    clock: SystemClock,
) -> Returns:
    return Returns(
        config.returns,
        domain=config.mail.bounce_domain,
        tokens=tokens,
        messages=ledger,
        committer=committer,
        pressure=pressure,
        evidence=evidence,
        clock=clock,
    )


def _freeze() -> None:
    """Keep the garbage collector off what lives for ever, and seldom: requests leave no cycles behind."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD, 20, 50)
