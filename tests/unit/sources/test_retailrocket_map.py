"""The map of RetailRocket's events, which tests and replays use; its data is not shipped."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from tests.oracles import run as oracle
from tidings.sources.mapping import load_map, map_rows
from tidings.sources.row import MappedEvent, RefusedRow, Row

MAP = load_map(Path(__file__).resolve().parents[2] / "data/maps/retailrocket.yml")


def _event(kind: str) -> dict[str, object]:
    values = {"timestamp": "1430627474", "visitorid": "42", "event": kind, "itemid": "7837"}
    mapped = MAP.map_row(Row(2, "raw", values))
    assert isinstance(mapped, MappedEvent)
    event = json.loads(mapped.body)
    assert (event["anonymousId"], event["timestamp"]) == ("42", "2015-05-03T04:31:14Z")
    assert "userId" not in event
    return {"name": event["event"], **event["properties"]}


def test_views_carts_and_transactions_become_the_events_of_a_shop():
    assert _event("view") == {"name": "Product Viewed", "product_id": "7837"}
    assert _event("addtocart") == {"name": "Product Added", "product_id": "7837", "quantity": 1}
    assert _event("transaction") == {"name": "Order Completed", "product_id": "7837", "order_id": "42-1430627474"}


def test_an_unknown_kind_of_event_is_refused():
    values = {"timestamp": "1430627474", "visitorid": "42", "event": "wishlist", "itemid": "7837"}
    mapped = MAP.map_row(Row(2, "raw", values))
    assert isinstance(mapped, RefusedRow)
    assert mapped.reason.startswith("no_case: ")


def test_every_line_of_the_whole_file_is_an_event_of_its_own_in_the_order_of_time():
    with MAP.open(oracle.retailrocket()) as rows:
        mapped = list(map_rows(MAP, rows))
    events = [json.loads(row.body) for row in mapped]
    assert Counter(event["event"] for event in events) == {
        "Product Viewed": 60_288,
        "Product Added": 9_836,
        "Order Completed": 7_484,
    }
    assert len({event["messageId"] for event in events}) == 77_608
    times = [row.occurred_us for row in mapped]
    assert times == sorted(times)
