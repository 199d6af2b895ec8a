"""Words on consent as the ledger is told of them: mail that is queued to any address of the person is held back, or let go again."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from tidings.decide.eligibility import addresses_of
from tidings.domain import feedback
from tidings.domain.event import Event
from tidings.domain.message import SuppressIntent
from tidings.domain.profile import ConsentEntry, ProfileState
from tidings.ids import digest
from tidings.process import profile

Side = tuple[Sequence[str], Mapping[str, bool]]
"""Addresses of a person, and for each purpose whether its latest word is a grant."""


def take(state: ProfileState, event: Event, categories: Collection[str]) -> tuple[str, list[SuppressIntent]]:
    """Take a word on consent; the purpose, if it is the latest word on it, with what the ledger is told."""
    found = profile.consent_of(event)
    if found is None or not profile.note_consent(state, *found, categories):
        return "", []
    purpose, entry = found
    reason = "unsubscribed" if event.name == feedback.UNSUBSCRIBED else "consent_withdrawn"
    return purpose, [_suppress(state, purpose, entry, one, reason, event.received_us) for one in addresses_of(state)]


def side_of(state: ProfileState) -> Side:
    """What one of two people is known by, before they are one."""
    return addresses_of(state), {purpose: entry.granted for purpose, entry in state.consents.items()}


def agree(state: ProfileState, sides: Sequence[Side], known_us: int) -> Iterator[SuppressIntent]:
    """After a merge all addresses of both follow the common word on each purpose: mail may be queued for any."""
    for purpose, entry in sorted(state.consents.items()):
        for addresses, granted in sides:
            if granted.get(purpose, True) is not entry.granted:
                yield from (_suppress(state, purpose, entry, one, "consent_withdrawn", known_us) for one in addresses)


def _suppress(
    state: ProfileState, purpose: str, entry: ConsentEntry, address: str, reason: str, known_us: int
) -> SuppressIntent:
    """What the ledger is told of a word on a purpose, for one address."""
    return SuppressIntent(
        intent_id=digest("suppress", state.profile_id, purpose, entry.event_id, address).hex(),
        profile_id=state.profile_id,
        address=address,
        category=purpose,
        reason=reason,
        active=not entry.granted,
        known_us=known_us,
    )
