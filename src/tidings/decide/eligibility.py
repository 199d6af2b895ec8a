"""Eligibility: an address and the person's permission, each with its evidence or its reason. When it may go is turn.py's.

Checked once more at hand-over against the ledger's suppressions (law 7), because minutes may pass in the outbox.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.decide.policy import Policy
from tidings.domain.address import address
from tidings.domain.profile import ADDRESS, ProfileState


class Permission(msgspec.Struct, frozen=True):
    """The answer, with what it rests on."""

    reason: str
    """Empty when allowed, else why not: ``no_address``, ``no_consent``, ``consent_withdrawn``."""
    evidence: dict[str, Any]
    """``consent`` (the entry that allows it), for the explanation."""


def address_of(state: ProfileState) -> str:
    """The person's e-mail address, lower-cased; empty when none fit to send to is known."""
    given = state.traits.get(ADDRESS)
    return address(given.value) if given is not None else ""


def addresses_of(state: ProfileState) -> list[str]:
    """Every address that mail to this person may have been queued for, sorted."""
    return sorted({*state.addresses, address_of(state)} - {""})


def permit(state: ProfileState, policy: Policy) -> Permission:
    """Whether messages under `policy` may go to this person."""
    evidence: dict[str, Any] = {}
    if not address_of(state):
        return Permission("no_address", evidence)
    entry = state.consents.get(policy.category)
    if entry is not None:
        evidence["consent"] = {
            "purpose": policy.category,
            "granted": entry.granted,
            "occurred_us": entry.occurred_us,
            "event_id": entry.event_id,
            "offset": entry.offset,
            "method": entry.method,
        }
    if policy.consent and entry is None:
        return Permission("no_consent", evidence)
    if entry is not None and not entry.granted:  # a withdrawal counts even where no consent is needed
        return Permission("consent_withdrawn", evidence)
    return Permission("", evidence)
