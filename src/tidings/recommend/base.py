"""The recommender port: items for a slot, each with the reason it is there."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

import msgspec


class Recommendation(msgspec.Struct, frozen=True, kw_only=True):
    """One item in a slot."""

    item_id: str
    """The shop's product id."""
    name: str
    """Its latest name."""
    price: float
    """Its latest price; 0 when unknown."""
    url: str
    """Where it can be bought; empty when unknown."""
    image: str
    """Its picture; empty when unknown."""
    reason: str
    """Why: ``bought with 85123A in 112 of 1893 orders`` or ``popular: 1893 orders``."""
    score: float
    """What it was ranked by; higher is better."""


class Recommender(Protocol):
    """Gives items for a person's slot. Deterministic for the same model, seeds and exclusions."""

    def recommend(self, seeds: Sequence[str], exclude: Collection[str], count: int) -> list[Recommendation]:
        """At most `count` items bought with the `seeds`, then popular ones; none of `seeds` or `exclude`."""
        ...
