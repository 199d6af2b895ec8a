"""The collector's internal door, as commands and pages use it: what our own side puts into the log."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import quote

import msgspec

from tidings.collect import runs
from tidings.collect.keys import internal_key, runs_key
from tidings.config import Config
from tidings.domain.called import Call
from tidings.domain.control import SOURCE, Change
from tidings.domain.everybody import Asked
from tidings.errors import InputError

DOOR_S = 30.0
"""How long the collector may take for one record."""


class Door:
    """The collector's internal door."""

    def __init__(self, config: Config) -> None:
        host = config.collect.host
        self._host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - not bound, only translated
        self._port = config.collect.port
        self._data = config.data

    def post(self, change: Change) -> int:
        """Put a change of definitions into the log; its offset. Raises InputError when nobody takes it."""
        return self._put({"source": SOURCE, "definitions": change})

    def tell(self, asked: Asked) -> int:
        """Put something told to everybody into the log; its offset. Raises InputError when nobody takes it."""
        return self._put({"source": SOURCE, "everybody": asked})

    def items(self, source: str, items: list[dict[str, Any]]) -> int:
        """Put what is known of items into the log; the offset of the first. Raises InputError when nobody takes it."""
        return self._put({"source": source, "items": items})

    def records(self, source: str, records: list[dict[str, Any]]) -> int:
        """Put records (``{"body": …}`` or ``{"refused": …, "raw": …}``) into the log; the offset of the first. Raises InputError."""
        return self._put({"source": source, "backfill": False, "records": records})

    def begin(self, journey: str, call: Call) -> int:
        """Put a call that begins a run into the log; its offset. Raises InputError when nobody takes it."""
        path = f"{runs.PREFIX.decode()}{quote(journey, safe='')}{runs.SUFFIX.decode()}"
        return int(self._send(path, runs_key(self._data), call, http.client.ACCEPTED)["offset"])

    def _put(self, delivery: dict[str, Any]) -> int:
        return int(self._send("/internal/events", internal_key(self._data), delivery, http.client.OK)["first_offset"])

    def _send(self, path: str, key: str, delivery: Any, wanted: int) -> Any:
        """Send it; what was answered."""
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        body = msgspec.json.encode(delivery)
        connection = http.client.HTTPConnection(self._host, self._port, timeout=DOOR_S)
        try:
            connection.request("POST", path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            msg = (
                f"{self._host}:{self._port}: Tidings does not run ({error}); start `tidings serve`, then do this again"
            )
            raise InputError(msg) from error
        finally:
            connection.close()
        if answer.status == http.client.UNAUTHORIZED:
            msg = (
                f"{self._host}:{self._port}: the Tidings that listens there runs on another data directory than {self._data}; "
                f"name its configuration with --config, or start `tidings serve` for this one on a port of its own"
            )
            raise InputError(msg)
        if answer.status != wanted:
            msg = f"the collector answered {answer.status}: {text[:300].decode('utf-8', 'replace')}"
            raise InputError(msg)
        return msgspec.json.decode(text)
