"""Later evidence settles a message that is in doubt: what was opened, clicked, bounced or complained of had been accepted."""

from __future__ import annotations

from typing import Protocol

from tidings.deliver.ledger import IllegalMove
from tidings.deliver.records import Row
from tidings.domain.message import DeliveryState


class Settling(Protocol):
    """What is asked of the ledger (`deliver.ledger.Ledger`)."""

    def message(self, message_id: str) -> Row | None:
        """One message, or None."""
        ...

    def finish(
        self, message_id: str, state: str, *, now_us: int, reply: str = "", reason: str = "", next_us: int = 0
    ) -> None:
        """Move it."""
        ...


def settle(ledger: Settling, message_id: str, event_name: str, now_us: int) -> bool:
    """Record that a message in doubt was accepted, as the event `event_name` that came back from it shows; whether it was in doubt.

    Its `Email Sent` is reported like any other, with what settled it as the reason.
    """
    message = ledger.message(message_id)
    if message is None or message.state != DeliveryState.IN_DOUBT:
        return False
    reason = f"settled by {event_name}"
    try:
        ledger.finish(message_id, DeliveryState.ACCEPTED, now_us=now_us, reply=message.reply, reason=reason)
    except IllegalMove:
        return False  # somebody else was quicker
    return True
