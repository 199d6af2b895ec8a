"""Recommending, on the real orders of Online Retail: is it better than what is popular, and what does it cost?

Trains through the lake on the first 80 % of the orders, hides one item of each later order, and asks for it.

python -m benchmarks.recommend
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from tests.unit.recommend.shop import fill_lake
from tidings import workspaces
from tidings.hosts.replay import read
from tidings.lake.query import connect
from tidings.recommend.evaluate import Comparison, evaluate
from tidings.recommend.store import ModelRecommender
from tidings.recommend.train import train
from tidings.sources.mapping import load_map
from tidings.sources.row import MappedEvent

K = 10
TRAIN_SHARE = 0.8
LEAST_OVER_POPULAR = 2.0
"""The limit: with one item to start from, hits must be so many times those of what is popular."""
MOST_ASK_US = 2_000
"""The limit for one recommendation from three items."""
SEEDS = (1, 3, 50)


def main() -> None:
    before, orders = split(sales())
    with tempfile.TemporaryDirectory(prefix="tidings-bench-") as folder:
        data = Path(folder)
        start_s = time.perf_counter()
        rows = fill_lake(data, before)
        filled_s = time.perf_counter() - start_s
        size = sum(path.stat().st_size for path in (data / "lake").glob("day=*/*"))
        print(f"lake: {rows:,} events in {filled_s:.1f} s ({rows / filled_s:,.0f}/s), {size / rows:.0f} bytes each")
        start_s = time.perf_counter()
        with closing(connect(data, threads=1)) as db:
            trained = train(db, data / "recommend.db", 0)
        print(f"training: {time.perf_counter() - start_s:.2f} s, one thread: {trained}")
        recommender = ModelRecommender(data / "recommend.db")
        ratio = report(recommender, orders)
        ask_us = asking(recommender, orders)
        recommender.close()
    print(f"one recommendation from 3 items: {ask_us:.0f} µs, limit {MOST_ASK_US} µs")
    print(f"hits from 1 item: {ratio:.1f} times those of what is popular, limit {LEAST_OVER_POPULAR}")
    if ratio < LEAST_OVER_POPULAR or ask_us > MOST_ASK_US:
        sys.exit("over the limit")


def sales() -> list[MappedEvent]:
    """The accepted lines of the file, by time."""
    repository = Path(__file__).resolve().parents[1]
    shared = Path(os.environ.get("TIDINGS_SHARED_DATA") or repository.parent / "shared" / "data")
    path = shared / "online_retail" / "online_retail.csv.xz"
    if not path.exists():
        sys.exit(f"{path} is missing: set TIDINGS_SHARED_DATA to the folder with the real data")
    row_map = load_map(Path(workspaces.__path__[0]) / "retail" / "sources" / "online_retail.yml")
    events, _ = read(path, row_map)
    return [event for event in events if b'"event":"Product Purchased"' in event.body]


def split(events: Sequence[MappedEvent]) -> tuple[list[dict[str, object]], dict[str, list[str]]]:
    """(events of the earlier orders, items of each later order)."""
    bodies = [msgspec.json.decode(event.body) for event in events]
    orders: dict[str, list[str]] = {}
    for body in bodies:
        said = body["properties"]
        orders.setdefault(said["order_id"], []).append(said["product_id"])
    earlier = set(list(orders)[: int(len(orders) * TRAIN_SHARE)])
    before = [body for body in bodies if body["properties"]["order_id"] in earlier]
    return before, {order: items for order, items in orders.items() if order not in earlier}


def report(recommender: ModelRecommender, orders: Mapping[str, Sequence[str]]) -> float:
    """Print a table; hits over popularity's hits from one item."""
    found = {seeds: evaluate(recommender, orders, k=K, max_seeds=seeds) for seeds in SEEDS}
    print(f"{found[1].model.cases:,} later orders, one item hidden in each; among the first {K}:")
    print(f"{'items to start from':>20} {'hit rate':>9} {'MRR':>7} {'popular: hit rate':>18} {'MRR':>7}")
    for seeds, one in found.items():
        print(f"{seeds:>20} {_columns(one)}")
    return found[1].model.hit_rate / found[1].popular.hit_rate


def _columns(one: Comparison) -> str:
    model, popular = one.model, one.popular
    return f"{model.hit_rate:>9.4f} {model.mrr:>7.4f} {popular.hit_rate:>18.4f} {popular.mrr:>7.4f}"


def asking(recommender: ModelRecommender, orders: Mapping[str, Sequence[str]]) -> float:
    """Mean microseconds of one recommendation."""
    carts = [list(dict.fromkeys(items))[:3] for items in orders.values()][:2_000]
    start_s = time.perf_counter()
    for cart in carts:
        recommender.recommend(cart, cart, 4)
    return (time.perf_counter() - start_s) / len(carts) * 1e6


if __name__ == "__main__":
    main()
