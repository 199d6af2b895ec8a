"""Handing events of our own to the log, through the collector's internal door, until it has them."""

from __future__ import annotations

import asyncio
import http.client
import logging

from tidings.collect.keys import internal_key
from tidings.config import Config

REPORT_TIMEOUT_S = 10.0
"""How long the collector may take for one report."""
REPORT_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 15.0)
"""Pauses before a report is tried again; the last one repeats."""
_OK = 200
_log = logging.getLogger("tidings.deliver")


class Collector:
    """The collector's internal door, as the reporter sees it."""

    def __init__(self, config: Config) -> None:
        host = config.collect.host
        self._host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound, only translated
        self._port = config.collect.port
        self._headers = {
            "Authorization": f"Bearer {internal_key(config.data)}",
            "Content-Type": "application/json",
        }

    def take(self, body: bytes) -> str:
        """Hand over one batch; empty when it is in the log, else what went wrong."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=REPORT_TIMEOUT_S)
        try:
            connection.request("POST", "/internal/events", body, self._headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            return f"{type(error).__name__}: {error}"
        finally:
            connection.close()
        return "" if answer.status == _OK else f"the collector answered {answer.status}"


async def hand_over(collector: Collector, body: bytes, what: str) -> None:
    """Return when the log has it. Trying again is safe: the log drops second copies."""
    failures = 0
    while problem := await asyncio.to_thread(collector.take, body):
        pause_s = REPORT_PAUSES_S[min(failures, len(REPORT_PAUSES_S) - 1)]
        failures += 1
        level = logging.WARNING if failures == len(REPORT_PAUSES_S) else logging.INFO
        _log.log(level, "%s wait for the collector (%s); trying again in %.1f s", what, problem, pause_s)
        await asyncio.sleep(pause_s)
