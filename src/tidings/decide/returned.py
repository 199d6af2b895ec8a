"""What a bounce or a complaint means for an address: nothing is sent there any more, until a member clears it.

By the address and not by the person: she may have another one by now, and somebody else may be known by the same.
"""

from __future__ import annotations

from tidings.domain import feedback
from tidings.domain.address import address
from tidings.domain.event import Event
from tidings.domain.message import SuppressIntent
from tidings.ids import digest

EVENTS = frozenset(
    {feedback.EMAIL_BOUNCED, feedback.EMAIL_REFUSED, feedback.EMAIL_COMPLAINED, feedback.ADDRESS_CLEARED}
)
"""Events of ours that concern an address. Of others' nobody believes them: they could shut out anybody."""
EVERYTHING = "*"
"""The category of a never-send entry that stands against all mail."""

_BY_PROOF = (feedback.EMAIL_BOUNCED, feedback.EMAIL_REFUSED)
_REASONS = {
    feedback.EMAIL_BOUNCED: "bounced",
    feedback.EMAIL_REFUSED: "bounced",
    feedback.EMAIL_COMPLAINED: "complained",
    feedback.ADDRESS_CLEARED: "cleared",
}
_PROOF = "hard"
"""The only kind of bounce that proves an address dead."""


def take(event: Event) -> list[SuppressIntent]:
    """What the ledger is told of an event of `EVENTS` that came from ourselves; nothing for a bounce that proves nothing."""
    to = address(event.properties.get("address"))
    if not to or (event.name in _BY_PROOF and event.properties.get("kind") != _PROOF):
        return []
    return [
        SuppressIntent(
            intent_id=digest("suppress", event.profile_id, EVERYTHING, event.event_id, to).hex(),
            profile_id=event.profile_id,
            address=to,
            category=EVERYTHING,
            reason=_REASONS[event.name],
            active=event.name != feedback.ADDRESS_CLEARED,
            known_us=event.received_us,
        )
    ]
