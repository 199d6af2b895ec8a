"""The decision on one message: allowed or refused, with everything that explains and reproduces it."""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.accumulate.cart import Cart
from tidings.decide.eligibility import address_of, permit
from tidings.decide.policy import Policy
from tidings.domain.message import SendIntent
from tidings.domain.profile import ProfileState, Run
from tidings.ids import message_id
from tidings.process import profile
from tidings.process.layout import Layout
from tidings.process.steps.base import Draft


class Asked(msgspec.Struct, frozen=True):
    """A message that a run asks for."""

    run: Run
    draft: Draft
    occurred_us: int
    """The instant that the decision belongs to."""
    known_us: int
    """When we knew."""


def decide(state: ProfileState, layout: Layout, policy: Policy, asked: Asked) -> SendIntent:
    """The decision. Changes nothing."""
    run, draft = asked.run, asked.draft
    permission = permit(state, policy, asked.known_us)
    values = profile.values(state, layout, asked.known_us)
    cart = values.pop("cart") if _has_cart(layout) else []
    bought = [value for value in (values.get("last_product"),) if isinstance(value, str)]
    carried = {"person": values, "cart": cart, "event": run.item, "journey": run.journey}
    if run.answers:
        carried["answers"] = run.answers
    left_out = profile.bound(carried, state, layout)
    why: dict[str, Any] = {
        "entry": run.ref,
        "steps": [list(entry) for entry in run.path],
        "segments": sorted(state.segments),
        **permission.evidence,
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
        suppressed=permission.reason,
        values=carried,
        seeds=[item["item_id"] for item in cart],
        exclude=[item["item_id"] for item in cart] + bought,
        why=why,
    )


def _has_cart(layout: Layout) -> bool:
    """Whether `cart` is ours: anybody may give a trait that name."""
    return isinstance(getattr(layout.computed("cart"), "accumulator", None), Cart)
