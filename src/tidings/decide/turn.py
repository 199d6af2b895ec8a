"""Whether it is a message's turn: quiet hours, the window of one that went before, caps, and a round that others take part in.

In this order, because it is the order in which a person would give the reason. What has to wait asks again at the exact instant
at which that reason ends, and everything is decided anew then.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.decide import arbitration, bids, caps, quiet
from tidings.decide.arbitration import Arbitration
from tidings.decide.bids import Bid
from tidings.decide.policy import Policy
from tidings.decide.quiet import Quiet
from tidings.domain.profile import ProfileState, Run
from tidings.rules.local_time import zone_name

QUIET = "quiet_hours"
CAP = "frequency_cap"


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """The answer, when it is not its turn."""

    reason: str
    """``quiet_hours``, ``frequency_cap``, ``lost_arbitration`` or ``round``."""
    until_us: int = 0
    """When to ask again; 0 when it is refused."""
    words: str = ""
    """Why it waits, for the run's path."""
    bid: Bid | None = None
    """What the run keeps while it waits."""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks go by."""

    state: ProfileState
    policy: Policy
    run: Run
    bid: Bid
    zone: str
    """Hers."""
    at_us: int

    def later(self, until_us: int, reason: str, words: str, *, closes_us: int = 0, lost: bool = False) -> Turn:
        """Ask again then."""
        bid = msgspec.structs.replace(self.bid, closes_us=closes_us, rounds=self.bid.rounds + lost)
        return Turn(reason=reason, until_us=until_us, words=words, bid=bid)


def turn(question: Question, evidence: dict[str, Any]) -> Turn | None:
    """None when it may go now; what was looked at goes into `evidence`."""
    policy = question.policy
    found = _quiet(question, policy.quiet, evidence) if policy.quiet is not None else None
    if found is None and policy.arbitration is not None:
        found = _window(question, policy.arbitration, evidence)
    if found is None and policy.caps:
        found = _caps(question, evidence)
    if found is None and policy.arbitration is not None:
        found = _round(question, policy.arbitration)
    return found


def asks(state: ProfileState, policy: Policy, run: Run, *, value: float, priority: str, at_us: int) -> Question:
    """The question of a run; who has waited first asked at another instant."""
    before = bids.of(run) if run.bid else None
    bid = Bid(
        asked_us=before.asked_us if before is not None else at_us,
        closes_us=before.closes_us if before is not None else 0,
        priority=priority,
        value=bids.millionths(value) / bids.UNIT,
        rounds=before.rounds if before is not None else 0,
    )
    return Question(state=state, policy=policy, run=run, bid=bid, zone=zone_name(state, policy.zone), at_us=at_us)


def _quiet(question: Question, hours: Quiet, evidence: dict[str, Any]) -> Turn | None:
    found = quiet.covering(hours, question.zone, question.at_us)
    until_us = quiet.end_us(hours.times, question.zone, question.at_us) if found is not None else 0
    evidence["quiet"] = quiet.evidence(found, question.zone, until_us)
    if found is None:
        return None
    if not found.waits:
        return Turn(reason=QUIET)
    return question.later(until_us, QUIET, quiet.waiting(found, question.zone, until_us))


def _window(question: Question, rules: Arbitration, evidence: dict[str, Any]) -> Turn | None:
    won = arbitration.winner(rules, question.state, question.at_us)
    evidence["arbitration"] = arbitration.evidence(rules, question.state, question.bid, question.run, won)
    if won is None:
        return None
    until_us = won.decided_us + rules.window_us
    if until_us > question.bid.asked_us + rules.retry_us:
        return Turn(reason=arbitration.LOST)
    return question.later(until_us, arbitration.LOST, arbitration.lost(won, until_us), lost=True)


def _caps(question: Question, evidence: dict[str, Any]) -> Turn | None:
    state, policy = question.state, question.policy
    counted = [caps.reached(cap, state.sends, question.zone, question.at_us) for cap in policy.caps]
    evidence["caps"] = [one.evidence() for one in counted]
    full = [one for one in counted if one.full]
    if not full:
        return None
    last = max(full, key=lambda one: one.free_us())
    until_us = last.free_us()
    if until_us > question.bid.asked_us + policy.patience_us:
        return Turn(reason=CAP)
    return question.later(until_us, CAP, caps.waiting(last, until_us))


def _round(question: Question, rules: Arbitration) -> Turn | None:
    closes_us = arbitration.closes_us(rules, question.state, question.run, question.at_us)
    if not closes_us:
        return None
    words = arbitration.holding(question.bid, closes_us)
    return question.later(closes_us, "round", words, closes_us=closes_us)
