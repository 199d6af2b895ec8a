"""The shipped map of Online Retail: its events byte by byte, and the whole file against independent SQL."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.oracles import run as oracle
from tidings.domain.event import Event
from tidings.domain.record import LogRecord
from tidings.domain.wire import normalise
from tidings.sources.catalogue import RETAIL_MAP
from tidings.sources.mapping import load_map, map_rows
from tidings.sources.row import Mapped, MappedEvent, RefusedRow, Row

GOLDEN = Path(__file__).resolve().parents[2] / "golden"
MAP = load_map(RETAIL_MAP)
SALE = {
    "InvoiceNo": "536365",
    "StockCode": "85123A",
    "Description": " MUG ",
    "Quantity": "6",
    "InvoiceDate": "2010-12-01 08:26:00",
    "UnitPrice": "2.55",
    "CustomerID": "17850",
    "Country": "EIRE",
}


def _told(row: Mapped) -> str:
    if isinstance(row, MappedEvent):
        return f'{{"line":{row.line},"event":{row.body.decode()}}}'
    return json.dumps({"line": row.line, "refused": row.reason, "raw": row.raw}, ensure_ascii=False)


def test_lines_of_every_kind_become_the_recorded_events_and_refusals():
    with MAP.open(GOLDEN / "online_retail_lines.csv") as rows:
        told = [_told(row) for row in map_rows(MAP, rows)]
    assert told == (GOLDEN / "online_retail_events.jsonl").read_text("utf-8").splitlines()


def test_the_core_takes_the_events_as_they_are():
    mapped = MAP.map_row(Row(2, "", SALE))
    event = normalise(LogRecord("online_retail", "", 0, mapped.body), offset=0, taken_us=mapped.occurred_us + 1)
    assert isinstance(event, Event)
    assert (event.kind, event.name, event.user_id) == ("track", "Product Purchased", "17850")
    assert event.occurred_us == mapped.occurred_us
    assert event.properties["revenue"] == 15.3


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"CustomerID": ""}, "missing_customer"),
        ({"InvoiceNo": "A563185"}, "not_a_sale"),
        ({"InvoiceNo": "5363650"}, "not_a_sale"),
        *[
            ({"StockCode": code}, "not_a_product")
            for code in ("POST", "M", "m", "gift_0001_20", "BANK CHARGES", "1234")
        ],
        ({"UnitPrice": "0.0"}, "price_not_positive"),
        ({"UnitPrice": "-11062.06"}, "price_not_positive"),
        ({"Quantity": "-6"}, "quantity_has_wrong_sign"),
        ({"Quantity": "0"}, "quantity_has_wrong_sign"),
        ({"InvoiceNo": "C536365"}, "quantity_has_wrong_sign"),
        ({"InvoiceNo": "C536365", "Quantity": "0"}, "quantity_has_wrong_sign"),
        ({"Quantity": "6.5"}, "not_a_number"),
        ({"InvoiceDate": "2010-13-01 08:26:00"}, "bad_timestamp"),
    ],
)
def test_a_line_that_is_no_sale_of_a_product_is_refused_with_its_reason(changes, word):
    mapped = MAP.map_row(Row(2, "raw", SALE | changes))
    assert isinstance(mapped, RefusedRow)
    assert mapped.reason.startswith(f"{word}: ")


@pytest.mark.parametrize("code", ["10002", "85123A", "15056BL", "35809a", "DCGSSGIRL", "DCGS0066P", "SP1002"])
def test_stock_codes_of_things_on_a_shelf_are_products(code):
    assert isinstance(MAP.map_row(Row(2, "raw", SALE | {"StockCode": code})), MappedEvent)


def test_a_cancellation_is_a_return_with_negative_quantity_and_revenue():
    mapped = MAP.map_row(Row(2, "raw", SALE | {"InvoiceNo": "C536391", "Quantity": "-12", "UnitPrice": "0.001"}))
    event = json.loads(mapped.body)
    assert event["event"] == "Product Returned"
    assert b'"quantity":-12,"price":0.001,"revenue":-0.012,' in mapped.body


def test_every_line_of_the_whole_file_ends_as_independent_sql_says():
    ends: Counter[str] = Counter()
    seen: set[str] = set()
    revenue_micro: Counter[str] = Counter()
    with MAP.open(oracle.online_retail()) as rows:
        for row in map_rows(MAP, rows):
            if isinstance(row, RefusedRow):
                ends[row.reason.partition(":")[0]] += 1
                continue
            event = json.loads(row.body)
            ends["duplicate" if event["messageId"] in seen else "applied"] += 1
            if event["messageId"] not in seen:
                revenue_micro[event["userId"]] += round(event["properties"]["revenue"] * 1_000_000)
            seen.add(event["messageId"])
    assert ends == oracle.online_retail_lines(oracle.online_retail())
    assert ends.total() == 541_909
    people = oracle.online_retail_people(oracle.online_retail(), 2**60)
    assert revenue_micro == {person.customer: person.revenue_micro for person in people}
