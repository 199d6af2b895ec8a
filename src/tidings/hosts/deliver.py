"""The deliver role: hands due messages over, calls webhooks, and reports what became of all of it.

It sleeps until the processor nudges it or the next message is due. It starts by settling what a crash left in flight,
and only one may run on a data directory, because two would settle each other's messages.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import IO

import uvloop

from tidings.clock import SECOND_US, SystemClock
from tidings.config import Config
from tidings.deliver import report
from tidings.deliver.calls import FILE as CALLS
from tidings.deliver.calls import Calls
from tidings.deliver.compose import Composer
from tidings.deliver.ledger import Ledger
from tidings.deliver.outbox import Outbox
from tidings.deliver.sender import sender_of
from tidings.deliver.transports import transport_of
from tidings.errors import InputError
from tidings.feedback.tokens import load_tokens
from tidings.hosts import calling
from tidings.hosts.nudge import Nudge
from tidings.hosts.reporting import Collector, hand_over
from tidings.hosts.signals import until_stopped
from tidings.recommend.base import Recommendation, Recommender
from tidings.recommend.linked import Linked
from tidings.recommend.store import open_recommender
from tidings.render.template import Template, load_templates
from tidings.versions.shelf import Versions

LOOK_S = 5.0
"""Look at the ledger at least so often, should a nudge be lost."""
SETTLE_S = 5.0
"""At the end, wait so long for answers under way."""

KEPT_VERSIONS = 8
"""Versions of the definitions whose templates are held compiled."""

_log = logging.getLogger("tidings.deliver")


def run(config: Config, ready: Callable[[dict[str, object]], None]) -> None:
    """The role's life: until SIGTERM or SIGINT. Raises InputError when another one runs here."""
    with _alone(config.data / "run" / "deliver.lock"):
        ledger, calls = Ledger(config.data / "ledger.db"), Calls(config.data / CALLS)
        nudge = Nudge(config.data / "run" / "deliver.sock")
        try:
            uvloop.run(_serve(config, ledger, calls, nudge, ready))
        finally:
            nudge.close()
            ledger.close()
            calls.close()


def _alone(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.close()
        msg = f"{path}: another deliver role runs on this data directory; stop it first"
        raise InputError(msg) from error
    return lock


async def _serve(
    config: Config, ledger: Ledger, calls: Calls, nudge: Nudge, ready: Callable[[dict[str, object]], None]
) -> None:
    clock = SystemClock()
    transport = transport_of(config, clock)
    found = ledger.recover(
        clock.now_us(),
        max_attempts=config.mail.max_attempts,
        idempotent_us=transport.capabilities.idempotent_s * SECOND_US,
    )
    if found.in_doubt or found.queued:
        _log.warning("after a crash: %d messages in doubt, %d queued again", found.in_doubt, found.queued)
    outbox = Outbox(ledger, transport, _composer(config, ledger), clock, max_attempts=config.mail.max_attempts)
    caller = calling.caller(config, calls, clock)
    mail, asked = asyncio.Event(), asyncio.Event()
    work = (
        _listen(nudge, (mail, asked, caller.ended)),
        _repeat(lambda: outbox.step(mail, LOOK_S)),
        _report(ledger, Collector(config), outbox.ended),
        _repeat(lambda: caller.step(asked, LOOK_S)),
        calling.report(calls, Collector(config), caller.ended),
        until_stopped(),
    )
    tasks = [asyncio.ensure_future(one) for one in work]
    ready({"role": "deliver", "in_doubt": found.in_doubt, "queued_again": found.queued})
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    await outbox.settle(SETTLE_S)
    await caller.settle()
    await transport.close()
    for problem in ended:
        if isinstance(problem, Exception):
            raise problem


def _composer(config: Config, ledger: Ledger) -> Composer:
    versions = Versions(config.data)

    @lru_cache(maxsize=KEPT_VERSIONS)
    def templates(version: str) -> Mapping[str, Template]:
        return load_templates(versions.folder(version) / "templates")

    return Composer(
        ledger,
        load_templates(versions.current(config.workspace) / "templates"),
        sender_of(config),
        load_tokens(config.data / "secrets"),
        Linked(
            _Steady(open_recommender(config.data / "models" / "recommend.db")),
            item_url=config.mail.item_url,
            item_image=config.mail.item_image,
        ),
        templates,
    )


class _Steady:
    """A recommender that a broken model makes silent: a mail without suggestions is better than none."""

    def __init__(self, inner: Recommender) -> None:
        self._inner = inner

    def recommend(self, seeds: Sequence[str], exclude: Collection[str], count: int) -> list[Recommendation]:
        """See `Recommender.recommend`."""
        try:
            return self._inner.recommend(seeds, exclude, count)
        except sqlite3.Error as error:
            _log.error("recommendations left out, the model cannot be read (%s); train it again", error)
            return []


async def _listen(nudge: Nudge, wakes: Sequence[asyncio.Event]) -> None:
    """A nudge wakes all who wait for what processing puts out."""

    def nudged() -> None:
        nudge.drain()
        for wake in wakes:
            wake.set()

    loop = asyncio.get_running_loop()
    loop.add_reader(nudge.fileno(), nudged)
    try:
        while True:
            await asyncio.sleep(LOOK_S)
            nudged()  # should one be lost
    finally:
        loop.remove_reader(nudge.fileno())


async def _repeat(step: Callable[[], Awaitable[None]]) -> None:
    while True:
        await step()


async def _report(ledger: Ledger, collector: Collector, ended: asyncio.Event) -> None:
    """Report ends of messages for ever. Sending never waits for it."""
    while True:
        ended.clear()
        reports = ledger.unreported(report.BATCH)
        if not reports:
            await ended.wait()
            continue
        await hand_over(collector, report.body(reports), f"{len(reports)} delivery events")
        ledger.mark_reported(reports)
