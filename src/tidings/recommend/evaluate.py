"""Offline evaluation: hide one item of each order, recommend from the others, see how often it comes back.

Pure. The hidden item is drawn by a hash of the order's id, so that the same orders give the same figures. Train on
orders before an instant and evaluate on those after it; else the model has seen the answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tidings.ids import draw
from tidings.recommend.base import Recommender


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How good recommendations were on `cases` orders."""

    cases: int
    """Orders with something to hide and something to start from."""
    hit_rate: float
    """Share of orders whose hidden item was among the first k."""
    mrr: float
    """Mean of 1 / its place, 0 when it was not among them."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The model against recommending what is popular, on the same orders."""

    model: Score
    popular: Score


class _Case(msgspec.Struct, frozen=True):
    hidden: str
    seeds: list[str]


def evaluate(recommender: Recommender, orders: Mapping[str, Sequence[str]], *, k: int, max_seeds: int) -> Comparison:
    """Leave one out on each of `orders` (order id to item ids), starting from `max_seeds` other items at most."""
    cases = [case for order, items in orders.items() if (case := _case(order, items, max_seeds)) is not None]
    model = [_place(case, [one.item_id for one in recommender.recommend(case.seeds, (), k)]) for case in cases]
    popular = [_place(case, [one.item_id for one in recommender.recommend((), case.seeds, k)]) for case in cases]
    return Comparison(model=_score(model), popular=_score(popular))


def _case(order: str, items: Sequence[str], max_seeds: int) -> _Case | None:
    drawn = sorted(set(items), key=lambda item: (draw("leave-one-out", order, item), item))
    return _Case(drawn[0], drawn[1 : max_seeds + 1]) if len(drawn) > 1 else None


def _place(case: _Case, recommended: Sequence[str]) -> int:
    """Place of the hidden item, from 1; 0 when it is not there."""
    return recommended.index(case.hidden) + 1 if case.hidden in recommended else 0


def _score(places: Sequence[int]) -> Score:
    hits = [place for place in places if place]
    cases = max(1, len(places))
    return Score(cases=len(places), hit_rate=len(hits) / cases, mrr=sum(1 / place for place in hits) / cases)
