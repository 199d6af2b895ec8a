"""Training and recommending on orders whose right answer is obvious, and on real ones."""

from __future__ import annotations

import csv
import lzma
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.recommend.shop import fill_lake, opened, order
from tidings.lake.query import connect
from tidings.recommend.evaluate import evaluate
from tidings.recommend.store import ModelRecommender, open_recommender
from tidings.recommend.train import Trained, train

BLACK, WHITE = [f"black-{x}" for x in "abcdef"], [f"white-{x}" for x in "abcdef"]


def checkerboard() -> list[dict[str, Any]]:
    """Two kinds of orders, three of six items each, that never mix; black is sold more."""
    rounds = [order(n, (BLACK if n % 3 else WHITE)[n % 4 : n % 4 + 3], n) for n in range(120)]
    return [*rounds, order(900, ["lonely"], 200)]


@pytest.fixture(scope="module")
def board(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelRecommender]:
    data = tmp_path_factory.mktemp("board")
    with closing(opened(data, checkerboard())) as db:
        train(db, data / "models/recommend.db", 7)
    recommender = ModelRecommender(data / "models/recommend.db")
    yield recommender
    recommender.close()


def ids(recommender: Any, seeds: list[str], count: int = 3, exclude: Any = ()) -> list[str]:
    return [one.item_id for one in recommender.recommend(seeds, exclude, count)]


def test_white_goes_with_white_and_black_with_black(board: ModelRecommender) -> None:
    assert all(item.startswith("white") for item in ids(board, ["white-c"]))
    assert all(item.startswith("black") for item in ids(board, ["black-c", "black-d"]))


def test_the_reason_counts_real_orders(board: ModelRecommender) -> None:
    orders = [{p["product_id"] for p in body["properties"]["products"]} for body in checkerboard()]
    first = board.recommend(["white-c"], (), 1)[0]
    together = sum({"white-c", first.item_id} <= one for one in orders)
    assert first.reason == f"bought with white-c in {together} of {sum('white-c' in one for one in orders)} orders"
    assert (first.name, first.price, first.url) == (f"Thing {first.item_id}", 2.5, "")


def test_an_item_bought_alone_falls_back_to_what_is_popular(board: ModelRecommender) -> None:
    found = board.recommend(["lonely"], (), 2)
    assert [one.item_id for one in found] == ["black-c", "black-d"]
    assert re.fullmatch(r"popular: \d+ orders in 30 days", found[0].reason)
    assert found == board.recommend([], ["lonely"], 2)


def test_what_is_excluded_or_in_the_cart_never_comes(board: ModelRecommender) -> None:
    found = ids(board, ["white-c"], 50, {"white-d", "black-c"})
    assert not {"white-c", "white-d", "black-c"} & set(found)
    assert len(found) == len(set(found)) == 10
    assert board.recommend(["white-c"], (), 0) == []


def test_the_same_question_gets_the_same_answer(board: ModelRecommender) -> None:
    assert board.recommend(["white-c", "black-d"], (), 9) == board.recommend(["white-c", "black-d"], (), 9)


def test_a_model_says_what_it_was_made_from(board: ModelRecommender) -> None:
    assert board.about() == {"events": 121, "baskets": 121, "lines": 361, "items": 13, "pairs": 18, "trained_us": 7}


def test_hidden_items_come_back_far_more_often_than_popular_ones(board: ModelRecommender) -> None:
    orders = {f"x{n}": (BLACK if n % 3 else WHITE)[n % 4 : n % 4 + 3] for n in range(60)}
    found = evaluate(board, orders, k=3, max_seeds=2)
    assert found.model.cases == 60
    assert found.model.hit_rate > 0.9
    assert found.model.hit_rate > found.popular.hit_rate


def test_without_a_model_there_is_nothing_to_recommend(tmp_path: Path) -> None:
    recommender = open_recommender(tmp_path / "models/recommend.db")
    assert recommender.recommend(["a"], (), 3) == []


def test_a_new_model_is_noticed_and_an_old_one_serves_until_then(tmp_path: Path) -> None:
    path = tmp_path / "models/recommend.db"
    recommender = open_recommender(path)
    for name in ("first", "second"):
        data = tmp_path / name
        with closing(opened(data, [order(n, [name, f"{name}-more"]) for n in range(3)])) as db:
            train(db, path, 1)
        assert ids(recommender, [name]) == [f"{name}-more"]
    assert [one.name for one in path.parent.iterdir()] == ["recommend.db"]


def test_nothing_bought_gives_a_model_that_recommends_nothing(tmp_path: Path) -> None:
    with closing(opened(tmp_path, [{"event": "Seen", "userId": "u1"}])) as db:
        trained = train(db, tmp_path / "recommend.db", 1)
    assert trained == Trained(events=1, baskets=0, lines=0, items=0, pairs=0)
    assert open_recommender(tmp_path / "recommend.db").recommend(["a"], (), 3) == []


def line(order_id: Any, item: Any, **more: Any) -> dict[str, Any]:
    return {
        "event": "Product Purchased", "userId": "u1", "timestamp": more.pop("at", "2023-01-01T00:00:00Z"),
        "properties": {"order_id": order_id, "product_id": item, **more},
    }  # fmt: skip


def rows(path: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(path)) as model:
        return model.execute(sql).fetchall()


def test_lines_and_orders_meet_by_order_id(tmp_path: Path) -> None:
    events = [line("o1", "a"), line("o1", "b"), line("o2", "a"), order(2, ["b"]), line("o2", "a"), line("o1", "b")]
    with closing(opened(tmp_path, events)) as db:
        assert train(db, tmp_path / "m.db", 1).baskets == 2
    assert rows(tmp_path / "m.db", "SELECT item_id, other_id, together FROM neighbours") == [
        ("a", "b", 2),
        ("b", "a", 2),
    ]


def test_odd_orders_are_left_out_and_never_stop_training(tmp_path: Path) -> None:
    events = [
        line("good", "a"), line("good", "b"), line("fine", "a"), line("fine", "b"),
        line(None, None), line("", ""), line(7, 8), line("o", {"x": 1}), line("o", ["a"]), line("o", "x" * 500),
        line("o", "a", products="none"), line("o", "a", price="much"), line("o", "b\u0000", price=-5),
        order(5, [f"i{n}" for n in range(201)]),
        {"event": "Order Completed", "userId": "u1", "properties": {"products": [None, 3, "a", [], {"product_id": 5}]}},
        {"event": "Order Completed", "userId": "u1"},
    ]  # fmt: skip
    with closing(opened(tmp_path, events)) as db:
        trained = train(db, tmp_path / "m.db", 1)
    assert trained.pairs == 1
    items = dict(rows(tmp_path / "m.db", "SELECT item_id, price FROM items"))
    assert not any(item.startswith("i") for item in items)
    assert items["a"] == 0


def test_an_items_facts_are_the_latest_that_any_event_told(tmp_path: Path) -> None:
    events = [
        line("o1", "a", at="2023-01-02T00:00:00Z", name="Old name", price=1, url="https://s.example/a"),
        {"event": "Product Viewed", "userId": "u1", "timestamp": "2023-03-02T00:00:00Z",
         "properties": {"product_id": "a", "name": "New name", "price": "3.50", "image_url": "https://s.example/a.png"}},
        line("o3", "a", at="2023-01-03T00:00:00Z", name="", price=2),
    ]  # fmt: skip
    with closing(opened(tmp_path, events)) as db:
        train(db, tmp_path / "m.db", 1)
    found = rows(tmp_path / "m.db", "SELECT name, price, url, image, orders FROM items")
    assert found == [("New name", 3.5, "https://s.example/a", "https://s.example/a.png", 2)]


def shared(name: str) -> Path:
    repository = Path(__file__).resolve().parents[3]
    path = Path(os.environ.get("TIDINGS_SHARED_DATA") or repository.parent / "shared" / "data") / name
    assert path.exists(), f"{path} is missing: set TIDINGS_SHARED_DATA to the folder with the real data"
    return path


def sales(limit: int) -> Iterator[dict[str, Any]]:
    """The first `limit` lines of Online Retail that say who bought what, as events."""
    with lzma.open(shared("online_retail/online_retail.csv.xz"), "rt", encoding="utf-8") as file:
        count = 0
        for row in csv.DictReader(file):
            product = re.fullmatch(r"\d{5}[A-Za-z]{0,3}", row["StockCode"])
            if not (row["CustomerID"] and product and row["InvoiceNo"].isdigit() and float(row["UnitPrice"]) > 0):
                continue
            count += 1
            yield {
                "event": "Product Purchased", "userId": row["CustomerID"],
                "timestamp": datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=UTC).isoformat(),
                "properties": {"order_id": row["InvoiceNo"], "product_id": row["StockCode"],
                               "name": row["Description"].strip(), "price": float(row["UnitPrice"])},
            }  # fmt: skip
            if count == limit:
                return


def test_real_orders_give_sensible_company(tmp_path: Path) -> None:
    assert fill_lake(tmp_path, sales(50_000)) == 50_000
    with closing(connect(tmp_path)) as db:
        trained = train(db, tmp_path / "m.db", 1)
    assert trained.baskets > 2_000
    recommender = open_recommender(tmp_path / "m.db")
    teacup = [one.name for one in recommender.recommend(["22697"], (), 3)]  # green regency teacup and saucer
    assert teacup[0] == "ROSES REGENCY TEACUP AND SAUCER"
    assert all("REGENCY" in name for name in teacup)
    warmers = recommender.recommend(["22632"], (), 4)  # hand warmer, red retrospot
    assert all("HAND WARMER" in one.name for one in warmers)
    assert all(re.fullmatch(r"bought with 22632 in \d+ of \d+ orders", one.reason) for one in warmers)
    assert recommender.recommend(["22632"], [one.item_id for one in warmers], 4)[0] not in warmers
