"""The part of the deliver role that does what journeys want outside: calls webhooks, hands events of our own to the log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

import msgspec

from tidings.clock import Clock
from tidings.config import Config
from tidings.deliver import reach, signing
from tidings.deliver.caller import Caller
from tidings.deliver.calls import Calls, Ready
from tidings.deliver.post import HttpPoster
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.errors import TidingsError
from tidings.hosts.reporting import Collector, hand_over
from tidings.located import DefinitionFiles
from tidings.process import webhooks
from tidings.process.webhooks import Webhook
from tidings.versions.shelf import Versions

BATCH = 500
"""Events of our own handed to the collector at once."""
_log = logging.getLogger("tidings.deliver")


class RunningHooks:
    """The webhooks of the definitions that run; looked up again when others run."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._versions = Versions(config.data)
        self._stamp = -1
        self._hooks: Mapping[str, Webhook] = {}

    def __call__(self) -> Mapping[str, Webhook]:
        """By name. A file that cannot be read leaves those that were there."""
        stamp = self._versions.stamp()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                files = DefinitionFiles(self._versions.current(self._config.workspace))
                self._hooks = webhooks.parse(files.mapping(webhooks.FILE))
            except TidingsError as error:
                _log.error("webhooks stay as they were: %s", error)
        return self._hooks


def caller(config: Config, calls: Calls, clock: Clock) -> Caller:
    """What calls the webhooks. Raises InputError when the configuration names no networks where it should."""
    poster = HttpPoster(reach.networks(config.webhooks.private_networks))
    return Caller(
        calls,
        poster,
        RunningHooks(config),
        lambda name: signing.load(config.data, name),
        clock,
        max_under_way=config.webhooks.max_under_way,
    )


async def report(calls: Calls, collector: Collector, ended: asyncio.Event) -> None:
    """Hand what is ready to the log for ever. Calling never waits for it."""
    while True:
        ended.clear()
        ready = calls.unreported(BATCH)
        if not ready:
            await ended.wait()
            continue
        await hand_over(collector, body(ready), f"{len(ready)} events that journeys wait for")
        calls.mark_reported(ready)


def body(ready: Sequence[Ready]) -> bytes:
    """The JSON that the collector's internal door takes."""
    records = [{"body": msgspec.Raw(one.event)} for one in ready]
    return msgspec.json.encode({"source": INTERNAL_SOURCE, "backfill": False, "records": records})
