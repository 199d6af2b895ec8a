"""The decision on one message: allowed, refused or not yet, with everything that explains and reproduces it."""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.accumulate.cart import Cart
from tidings.decide import bids
from tidings.decide import turn as turns
from tidings.decide.eligibility import address_of, permit
from tidings.decide.policy import Policy
from tidings.decide.reasons import HOLDOUT, SHADOW
from tidings.domain.message import SendIntent
from tidings.domain.profile import ProfileState, Run, Sent
from tidings.ids import message_id
from tidings.process import arms, lanes, profile
from tidings.process.layout import Layout
from tidings.process.steps.base import Draft
from tidings.rules.local_time import zone_name


class Asked(msgspec.Struct, frozen=True):
    """A message that a run asks for."""

    run: Run
    draft: Draft
    occurred_us: int
    """The instant that the decision belongs to."""
    known_us: int
    """When we knew."""
    priority: str = "normal"
    """Its journey's."""
    held: bool = False
    """Whether she is held out, of this journey or of all."""
    shadow: bool = False
    """Whether its journey only shows what it would do."""


class Later(msgspec.Struct, frozen=True):
    """It is not decided yet."""

    until_us: int
    """When to ask again."""
    outcome: str
    """Why, for the run's path."""
    bid: list[int]
    """What the run keeps until then."""


def decide(state: ProfileState, layout: Layout, policy: Policy, asked: Asked) -> SendIntent | Later:
    """The decision. Changes nothing."""
    permission = permit(state, policy)
    reason, evidence = permission.reason, permission.evidence
    if not reason and policy.limited:
        question = turns.asks(
            state, policy, asked.run, value=asked.draft.value, priority=asked.priority, at_us=asked.known_us
        )
        found = turns.turn(question, evidence)
        if found is not None and found.bid is not None:
            return Later(found.until_us, found.words, bids.kept(found.bid))
        reason = found.reason if found is not None else ""
    if not reason and asked.held and not policy.exempt:
        reason = HOLDOUT
    if not reason and asked.shadow:
        reason = SHADOW
    return _intent(state, layout, policy, asked, reason, evidence)


def sent(policy: Policy, intent: SendIntent, asked: Asked) -> Sent:
    """What the person's state remembers of a message that goes."""
    if policy.arbitration is None:
        return Sent(intent.decided_us, intent.category, intent.message_id)
    value = bids.millionths(asked.draft.value)
    return Sent(intent.decided_us, intent.category, intent.message_id, intent.journey, value)


def _intent(
    state: ProfileState, layout: Layout, policy: Policy, asked: Asked, reason: str, evidence: dict[str, Any]
) -> SendIntent:
    run, draft = asked.run, asked.draft
    values = profile.values(state, layout, asked.known_us)
    cart = values.pop("cart") if _has_cart(layout) else []
    bought = [value for value in (values.get("last_product"),) if isinstance(value, str)]
    carried = {"person": values, "cart": cart, "event": run.item, "journey": run.journey}
    if run.answers:
        carried["answers"] = dict(run.answers)  # the run goes on and hears more
    left_out = profile.bound(carried, state, layout)
    why: dict[str, Any] = {
        "entry": run.ref,
        "steps": [list(entry) for entry in lanes.path_of(state, run)],
        "segments": sorted(state.segments),
        **evidence,
        **({"draws": arms.evidence(state, run.journey)} if state.arms else {}),
        **({"left_out": left_out} if left_out else {}),
    }
    return SendIntent(
        message_id=message_id(run.run_id, draft.step, run.sent),
        profile_id=state.profile_id,
        address=address_of(state),
        journey=run.journey,
        journey_version=run.version,
        run_id=run.run_id,
        step=draft.step,
        template=draft.template,
        category=draft.category,
        mode=policy.mode,
        occurred_us=asked.occurred_us,
        decided_us=asked.known_us,
        suppressed=reason,
        values=carried,
        seeds=[item["item_id"] for item in cart],
        exclude=[item["item_id"] for item in cart] + bought,
        why=why,
        quiet=policy.quiet.times if policy.quiet is not None else (),
        zone=zone_name(state, policy.zone) if policy.quiet is not None else "",
    )


def _has_cart(layout: Layout) -> bool:
    """Whether `cart` is ours: anybody may give a trait that name."""
    return isinstance(getattr(layout.computed("cart"), "accumulator", None), Cart)
