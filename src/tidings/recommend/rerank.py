"""Reranking: rules over candidates that are already in order. Pure, deterministic, and never adds an item.

Never an item that the person started from or that is excluded (just bought); never the same item twice; and no two
whose names say the same ("SET OF 6 …", "SET OF 12 …"), unless there is nothing else to fill the slot with.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from tidings.recommend.base import Recommendation

ALIKE = 0.8
"""Names that share so much of their words say the same (Jaccard index)."""

_WORD = re.compile(r"[^\W\d_]+")


def in_order(candidates: Iterable[Recommendation]) -> list[Recommendation]:
    """Best first; equal scores in the order of their ids, so that the same input gives the same mail."""
    return sorted(candidates, key=lambda one: (-one.score, one.item_id))


def rerank(
    candidates: Sequence[Recommendation], *, seeds: Collection[str], exclude: Collection[str], count: int
) -> list[Recommendation]:
    """The first `count` of `candidates` that the rules allow, in their order; fewer when there are no more."""
    allowed = _allowed(candidates, {*seeds, *exclude})
    chosen: list[Recommendation] = []
    alike: list[Recommendation] = []
    words: list[frozenset[str]] = []
    for one in allowed:
        if len(chosen) >= count:
            break
        said = name_words(one.name)
        if any(says_the_same(said, other) for other in words):
            alike.append(one)
        else:
            chosen.append(one)
            words.append(said)
    return [*chosen, *alike][: max(0, count)]


def _allowed(candidates: Sequence[Recommendation], barred: set[str]) -> list[Recommendation]:
    seen = set(barred)
    allowed = []
    for one in candidates:
        if one.item_id not in seen:
            seen.add(one.item_id)
            allowed.append(one)
    return allowed


def name_words(name: str) -> frozenset[str]:
    """The words of a name, without case, numbers and marks."""
    return frozenset(_WORD.findall(name.casefold()))


def says_the_same(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two names are near-identical; names without words never are."""
    return bool(one) and len(one & other) >= ALIKE * len(one | other)
