"""When to say "later": the door stays shut while too much waits for the disk or for processing."""

from __future__ import annotations

import msgspec

from tidings.collect.committer import Committer
from tidings.collect.http import Response, busy
from tidings.config import CollectConfig
from tidings.log.sqlite import SqliteLog

_RETRY_DISK_S = 1
_RETRY_LAG_S = 5


class Health(msgspec.Struct, frozen=True):
    """How the collector is doing."""

    state: str
    """``ok``, ``busy`` (answers 503 for now) or ``failed`` (the log cannot be written)."""
    head: int
    """Events on disk, ever."""
    processed: int
    """Of these, how many are processed."""
    waiting_bytes: int
    """Accepted, not yet on disk."""
    connections: int
    """Open client connections."""


class Pressure:
    """Looks at the bounded queues; cheap enough to be asked on every request."""

    def __init__(self, config: CollectConfig, log: SqliteLog, committer: Committer) -> None:
        self._config = config
        self._log = log
        self._committer = committer
        self._behind = False
        self.look()

    def look(self) -> None:
        """See how far processing is behind; called after each commit and by the server's timer."""
        self._behind = self._log.head() - self._log.processed() > self._config.max_lag_events

    def refusal(self) -> Response | None:
        """Why nothing can be taken at the moment, as an answer; None when there is room."""
        if self._committer.failed.is_set():
            return busy("the log cannot be written", _RETRY_LAG_S)
        if self._committer.waiting_bytes > self._config.max_waiting_bytes:
            return busy(f"more than {self._config.max_waiting_bytes} bytes wait for the disk", _RETRY_DISK_S)
        if self._behind:
            return busy(f"more than {self._config.max_lag_events} events wait for processing", _RETRY_LAG_S)
        return None

    def health(self, connections: int) -> Health:
        """The figures behind it."""
        self.look()
        state = "failed" if self._committer.failed.is_set() else "busy" if self.refusal() else "ok"
        log = self._log
        return Health(state, log.head(), log.processed(), self._committer.waiting_bytes, connections)
