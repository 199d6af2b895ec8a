"""Arbitration: several messages want one person in one window, and one of them goes.

``arbitration: {categories: [marketing], window: 1h, hold: 10m, losers: retry, retry_for: 24h}``. The first that asks opens a round, which is held open
for `hold`: whatever asks until then takes part. When it closes, the best goes first: by the journey's priority, then by the step's
value, then whoever asked earlier, then the smaller run id. Nothing else looks ahead: the best is *asked* first, so one that may not go
(no consent, a cap) leaves its place to the next. Once one has gone, nothing of these categories goes before the window is over. Who comes
too late, or lost, waits for that and competes again (`retry`, no longer than `retry_for` since it first asked), or is recorded as
``lost_arbitration`` at once (`drop`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.clock import DAY_US, format_duration, iso
from tidings.decide import bids
from tidings.decide.caps import covered
from tidings.domain import schema
from tidings.domain.profile import ProfileState, Run, Sent
from tidings.errors import DefinitionError
from tidings.rules import window

MAX_SHOWN = 10
"""Others that the evidence names: the best ones."""
LOST = "lost_arbitration"
SCHEMA = schema.settings(
    {
        "categories": schema.NAMES,
        "window": schema.SPAN,
        "hold": schema.SPAN,
        "losers": schema.one_of(("retry", "drop")),
        "retry_for": schema.SPAN,
    },
    ["window"],
)


class Arbitration(msgspec.Struct, frozen=True, kw_only=True):
    """One message of these categories per window, the best."""

    categories: frozenset[str]
    window_us: int
    """After one has gone, no other goes before this is over."""
    hold_us: int
    """How long a round is held open for others."""
    retry_us: int
    """How long after it first asked a loser may still go; 0 when losers are dropped."""


def parse(raw: Any, common: Sequence[str], exempt: Sequence[str], where: str) -> Arbitration:
    """Arbitration from YAML. Raises DefinitionError."""
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs settings", got=raw, wanted="window, perhaps categories, hold and losers")
    only(raw, {"categories", "window", "hold", "losers", "retry_for"}, where)
    losers = raw.get("losers", "retry")
    if losers not in ("retry", "drop"):
        raise DefinitionError(f"{where}.losers", "unknown", got=losers, wanted="retry or drop")
    if losers == "drop" and "retry_for" in raw:
        raise DefinitionError(f"{where}.retry_for", "losers are dropped", do="leave it out, or write `losers: retry`")
    retry_us = window.span(raw["retry_for"], f"{where}.retry_for") if "retry_for" in raw else DAY_US
    return Arbitration(
        categories=frozenset(covered(raw.get("categories"), common, exempt, f"{where}.categories")),
        window_us=window.span(raw.get("window"), f"{where}.window"),
        hold_us=window.span(raw["hold"], f"{where}.hold") if "hold" in raw else 0,
        retry_us=retry_us if losers == "retry" else 0,
    )


def winner(rules: Arbitration, state: ProfileState, at_us: int) -> Sent | None:
    """The message whose window an instant falls into; None when the way is free."""
    latest = next((one for one in reversed(state.sends) if one.category in rules.categories), None)
    return latest if latest is not None and at_us < latest.decided_us + rules.window_us else None


def closes_us(rules: Arbitration, state: ProfileState, run: Run, at_us: int) -> int:
    """When the round closes in which a run takes part that asks now; 0 when it is decided at once.

    Rounds of hers that are open are joined. Who has waited already, as all those who wait for the same end do, opens no other.
    """
    if bids.closes_us(run) == at_us:
        return 0
    opened = [closes for one in state.runs if one is not run and (closes := bids.closes_us(one)) > at_us]
    if opened:
        return min(opened)
    return 0 if run.bid else at_us + max(rules.hold_us, 1)  # what asks at the same instant always competes


def evidence(rules: Arbitration, state: ProfileState, bid: bids.Bid, run: Run, lost_to: Sent | None) -> dict[str, Any]:
    """What a message keeps of it: what it was worth, who won, and who else was there."""
    others = sorted((one for one in state.runs if one is not run and one.bid), key=bids.order)
    found: dict[str, Any] = {
        "window": format_duration(rules.window_us),
        "value": bid.value,
        "priority": bid.priority,
        "rounds": bid.rounds,
        "others": [_other(one) for one in others[:MAX_SHOWN]],
    }
    if lost_to is not None:
        found["winner"] = {
            "message_id": lost_to.message_id,
            "journey": lost_to.journey,
            "value": lost_to.value / bids.UNIT,
            "decided_us": lost_to.decided_us,
        }
    return found


def _other(run: Run) -> dict[str, Any]:
    bid = bids.of(run)
    return {"journey": run.journey, "run_id": run.run_id, "value": bid.value, "priority": bid.priority}


def words(rules: Arbitration) -> str:
    """The rule for people."""
    what = " or ".join(sorted(rules.categories))
    hold = f", chosen among all that ask within {format_duration(rules.hold_us)}" if rules.hold_us else ""
    losers = f"try again for {format_duration(rules.retry_us)}" if rules.retry_us else "are dropped"
    return f"one {what} message in {format_duration(rules.window_us)}, the best{hold}; the others {losers}"


def lost(lost_to: Sent, until_us: int) -> str:
    """What the path of a run says that lost a round and goes on waiting."""
    return f"waits until {iso(until_us)}: {lost_to.journey or 'another message'} was first (value {_number(lost_to.value)})"


def holding(bid: bids.Bid, until_us: int) -> str:
    """What the path of a run says that takes part in a round."""
    return f"competes until {iso(until_us)} (value {_number(round(bid.value * bids.UNIT))}, priority {bid.priority})"


def shown(said: Mapping[str, Any]) -> str:
    """The evidence in a sentence."""
    own = f"Worth {said['value']:g}, priority {said['priority']}"
    won = said.get("winner")
    if isinstance(won, Mapping):
        first = f"{won['journey'] or 'another journey'} with {won['value']:g}"
        return f"{own}; {first} went first, within {said['window']}, and it gave way {said['rounds']} times."
    others = ", ".join(f"{one['journey']} with {one['value']:g}" for one in said.get("others", ()))
    return f"{own}{f'; {others} waited' if others else '; nothing else wanted to go'}."


def _number(millionths: int) -> str:
    return f"{millionths / bids.UNIT:g}"
