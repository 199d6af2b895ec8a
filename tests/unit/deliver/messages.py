"""Decisions to send, for tests of the ledger and what stands around it."""

from __future__ import annotations

from typing import Any

from tidings.deliver.records import Frozen
from tidings.domain.message import SendIntent, SuppressIntent

FROZEN = Frozen(
    template_version="t1", sender_version="s1", subject="Hello", items=[], links=["https://shop.example/a"], digest="d"
)
NOW_US = 1_764_000_000_000_000


def message_id(number: int) -> str:
    return f"{number:032x}"


def intent(number: int = 1, **changes: Any) -> SendIntent:
    fields: dict[str, Any] = {
        "message_id": message_id(number),
        "profile_id": f"p{number}",
        "address": f"p{number}@x.example",
        "journey": "abandoned_cart",
        "journey_version": "v1",
        "run_id": f"r{number}",
        "step": "send",
        "template": "abandoned_cart",
        "category": "marketing",
        "mode": "at_most_once",
        "occurred_us": NOW_US - 60_000_000,
        "decided_us": NOW_US,
        "values": {"person": {"first_name": "Ann"}},
    }
    return SendIntent(**{**fields, **changes})


def suppression(address: str, category: str = "*", *, active: bool = True, known_us: int = NOW_US) -> SuppressIntent:
    return SuppressIntent(
        intent_id=f"{address}-{category}-{known_us}",
        profile_id="p1",
        address=address,
        category=category,
        reason="unsubscribed",
        active=active,
        known_us=known_us,
    )
