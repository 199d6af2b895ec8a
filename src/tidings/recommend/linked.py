"""Recommended items with a page and a picture, for shops whose events and orders do not carry them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from urllib.parse import quote

import msgspec

from tidings.recommend.base import Recommendation, Recommender


class Linked:
    """A recommender whose items get their address from a pattern when they have none."""

    def __init__(self, inner: Recommender, *, item_url: str, item_image: str) -> None:
        """``{item_id}`` in the patterns stands for the item's id; an empty pattern leaves things as they are."""
        self._inner = inner
        self._item_url = item_url
        self._item_image = item_image

    def recommend(self, seeds: Sequence[str], exclude: Collection[str], count: int) -> list[Recommendation]:
        """See `Recommender.recommend`."""
        return [self._linked(item) for item in self._inner.recommend(seeds, exclude, count)]

    def _linked(self, item: Recommendation) -> Recommendation:
        item_id = quote(item.item_id, safe="")
        return msgspec.structs.replace(
            item,
            url=item.url or self._item_url.replace("{item_id}", item_id),
            image=item.image or self._item_image.replace("{item_id}", item_id),
        )
