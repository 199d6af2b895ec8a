"""Why a decided message does not go out, in words: one table for the console, the command line and reports.

A reason that is not in the table is shown by its own name, so a new one is never silent.
"""

from __future__ import annotations

SHADOW = "shadow"
"""The journey runs in shadow mode: it decides, and nothing is sent."""

HOLDOUT = "holdout"
"""A ghost send: she is held out."""

REASONS = {
    "no_consent": "This person never agreed to this category, and it needs consent.",
    "consent_withdrawn": "This person withdrew the consent to this category.",
    "frequency_cap": "This person has already had as many messages as the policy allows for the time.",
    "quiet_hours": "It was a time of day at which the policy lets nothing out, where this person is.",
    "lost_arbitration": "Other messages wanted this person at that time, and a better one went.",
    HOLDOUT: "This person is held out, by a draw: it would have been sent, and is only recorded, so that one can tell what messages do.",
    "no_address": "No e-mail address is known that mail could be sent to.",
    "unsubscribed": "Between the decision and the hand-over this person unsubscribed.",
    "bounced": "Mail to this address came back for good, so nothing more is sent to it.",
    "complained": "This person reported a mail as spam, so nothing more is sent to the address.",
    SHADOW: "The journey runs in shadow mode: it would have been sent, and is only recorded.",
}
"""Reasons for not sending, in a sentence."""


def words(reason: str) -> str:
    """The reason in a sentence, also one that the table does not know."""
    return REASONS.get(reason, f"Reason: {reason.replace('_', ' ')}.")
