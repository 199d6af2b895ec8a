"""The collector's internal door, seen from a client: hands over batches of records on one kept connection.

`POST {collector}/internal/events` with the internal key. What was not acknowledged may be sent again without harm,
because event ids are stable; so everything that may pass is tried again, for a bounded time.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from tidings.errors import InputError, Permanent, Retryable

PATH = "/internal/events"
"""Where the door is."""
MAX_REQUEST_BYTES = 4 * 1024 * 1024
"""Longest request that the door takes."""
MAX_ANSWER_BYTES = 64 * 1024
"""Longest answer that we read."""
MAX_WAIT_S = 30.0
"""Longest single wait, whatever Retry-After says."""

_LATER = frozenset({408, 425, 429, 500, 502, 503, 504})


class Door:
    """One connection to the door; reconnects by itself. Not for several threads."""

    def __init__(
        self,
        collector_url: str,
        internal_key: str,
        *,
        patience_s: float = 120.0,
        timeout_s: float = 30.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`patience_s` bounds the waiting for one batch. Raises InputError for an address that is none."""
        self._connection = _connection(collector_url, timeout_s)
        self._url = f"{collector_url.rstrip('/')}{PATH}"
        self._path = urlsplit(self._url).path
        self._headers = {"Authorization": f"Bearer {internal_key}", "Content-Type": "application/json"}
        self._patience_s = patience_s
        self._sleep = sleep

    def send(self, body: bytes) -> None:
        """Hand one batch over; on return it is on the collector's disk.

        Raises Retryable when patience ran out, InputError when the door says that the request is wrong.
        """
        waited_s, pause_s = 0.0, 0.2
        while True:
            problem, ask_s = self._attempt(body)
            if problem is None:
                return
            wait_s = min(ask_s or pause_s, MAX_WAIT_S)
            if waited_s + wait_s > self._patience_s:
                msg = f"{self._url}: {problem}; gave up after waiting {waited_s:.0f} s; see whether the collector runs"
                raise Retryable(msg)
            self._sleep(wait_s)
            waited_s += wait_s
            pause_s *= 2

    def close(self) -> None:
        """Release the connection."""
        self._connection.close()

    def _attempt(self, body: bytes) -> tuple[str | None, float]:
        """What stood in the way (None: nothing), and for how many seconds the door asked us to wait (0: did not say)."""
        try:
            self._connection.request("POST", self._path, body, self._headers)
            response = self._connection.getresponse()
            answer = response.read(MAX_ANSWER_BYTES)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return f"no answer ({type(error).__name__}: {error})", 0.0
        if not response.isclosed():  # a longer answer than we read: the connection cannot be used again
            self._connection.close()
        if 200 <= response.status < 300:
            return None, 0.0
        said = f"{response.status} {response.reason}: {answer[:300].decode('utf-8', 'replace').strip()}"
        if response.status not in _LATER:
            self._refuse(response.status, said)
        return said, _seconds(response.getheader("Retry-After"))

    def _refuse(self, status: int, said: str) -> None:
        if status in (401, 403):
            msg = (
                f"{self._url}: got {said}; wanted the internal key of this collector (secrets/internal.key in its data)"
            )
            raise InputError(msg)
        msg = f"{self._url}: got {said}; is this the address of a collector of the same version?"
        raise Permanent(msg)


def _connection(url: str, timeout_s: float) -> http.client.HTTPConnection:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        msg = f"collector: got {url!r}, wanted an address such as http://127.0.0.1:8300: {error}"
        raise InputError(msg) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        msg = f"collector: got {url!r}, wanted an address such as http://127.0.0.1:8300"
        raise InputError(msg)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(parts.hostname, port, timeout=timeout_s)


def _seconds(retry_after: str | None) -> float:
    """Seconds of a Retry-After header; 0 when there is none, or a date (then our own pauses do)."""
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else 0.0
