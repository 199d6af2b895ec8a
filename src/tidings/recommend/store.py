"""The trained model as a recommender: reads `models/recommend.db`, and notices when training has put a new one there."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from tidings.recommend.base import Recommendation, Recommender
from tidings.recommend.rerank import in_order, rerank
from tidings.recommend.train import RECENT_DAYS

MAX_SEEDS = 50
"""Seeds looked at, the first ones; bounds the work for a giant cart."""

_NEIGHBOURS = """SELECT other_id, name, price, url, image, together, score,
    (SELECT orders FROM items WHERE item_id = ?1) AS seed_orders
  FROM neighbours JOIN items ON items.item_id = other_id WHERE neighbours.item_id = ?1"""
_POPULAR = """SELECT item_id, name, price, url, image, orders, recent FROM items
  ORDER BY recent DESC, orders DESC, item_id LIMIT ?"""
_ABOUT = "SELECT name, value FROM about"


def open_recommender(path: Path) -> Recommender:
    """The recommender over the model at `path`; works before there is one (then it recommends nothing)."""
    return ModelRecommender(path)


class ModelRecommender:
    """See `Recommender`. One thread at a time may use one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._db: sqlite3.Connection | None = None

    def recommend(self, seeds: Sequence[str], exclude: Collection[str], count: int) -> list[Recommendation]:
        """See `Recommender.recommend`."""
        db = self._model()
        if db is None or count <= 0:
            return []
        rules = {"seeds": set(seeds), "exclude": set(exclude)}
        chosen = rerank(in_order(_bought_with(db, list(dict.fromkeys(seeds))[:MAX_SEEDS])), **rules, count=count)
        if len(chosen) < count:
            popular = _popular(db, 2 * count + len(rules["seeds"] | rules["exclude"]) + len(chosen))
            chosen = rerank([*chosen, *popular], **rules, count=count)
        return chosen

    def about(self) -> dict[str, int]:
        """What the model says of itself: ``trained_us``, ``baskets``, ``items``, …; empty when there is none."""
        db = self._model()
        return {} if db is None else dict(db.execute(_ABOUT).fetchall())

    def close(self) -> None:
        """Release the file."""
        if self._db is not None:
            self._db.close()
        self._db, self._seen = None, None

    def _model(self) -> sqlite3.Connection | None:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            self.close()
            return None
        seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        if seen != self._seen:
            self.close()
            # immutable: training never writes into a file that has this name.
            uri = f"{self._path.resolve().as_uri()}?mode=ro&immutable=1"
            self._db = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            self._seen = seen
        return self._db


def _bought_with(db: sqlite3.Connection, seeds: Sequence[str]) -> list[Recommendation]:
    """Neighbours of all seeds; their scores add up, and the seed that says most gives the reason."""
    total: dict[str, float] = {}
    best: dict[str, tuple[float, str, Any]] = {}
    for seed in seeds:
        for row in db.execute(_NEIGHBOURS, (seed,)):
            item, score = row[0], row[6]
            total[item] = total.get(item, 0.0) + score
            if item not in best or score > best[item][0]:
                best[item] = (score, seed, row)
    return [_bought(row, seed, total[item]) for item, (_, seed, row) in best.items()]


def _bought(row: Any, seed: str, score: float) -> Recommendation:
    item, name, price, url, image, together, _, orders = row
    reason = f"bought with {seed} in {together} of {orders} orders"
    return Recommendation(item_id=item, name=name, price=price, url=url, image=image, reason=reason, score=score)


def _popular(db: sqlite3.Connection, limit: int) -> list[Recommendation]:
    """Popular items; their scores are below those of anything bought together."""
    found = []
    for rank, (item, name, price, url, image, orders, recent) in enumerate(db.execute(_POPULAR, (limit,))):
        reason = f"popular: {recent} orders in {RECENT_DAYS} days" if recent else f"popular: {orders} orders"
        found.append(
            Recommendation(item_id=item, name=name, price=price, url=url, image=image, reason=reason, score=-1.0 - rank)
        )
    return found
