"""What came back from a message settles it when it was in doubt, as soon as the event is on disk."""

from __future__ import annotations

import logging

from tidings.clock import Clock
from tidings.deliver.evidence import Settling, settle
from tidings.deliver.records import Row
from tidings.domain.message import DeliveryState

_LOG = logging.getLogger(__name__)


class Evidence:
    """Told of every event that comes back from a message."""

    def __init__(self, ledger: Settling, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def heard(self, message: Row, event_name: str) -> None:
        """`message`, as it was when it was looked up, sent this event back. Nearly always there is nothing to settle."""
        if message.state != DeliveryState.IN_DOUBT:
            return
        if settle(self._ledger, message.message_id, event_name, self._clock.now_us()):
            _LOG.info("message %s was in doubt: settled by %s", message.message_id, event_name)
