"""The shop's catalogue, from its own sales; and the slice of real data that ships."""

from __future__ import annotations

import hashlib
import importlib.util
import lzma
from pathlib import Path

import pytest

from tests.oracles import run as oracle
from tidings.demo.data import SLICE
from tidings.sources.catalogue import RETAIL_MAP, catalogue, load_catalogue
from tidings.sources.mapping import load_map
from tidings.sources.row import RefusedRow, Row
from tidings.sources.words import title

ROOT = Path(__file__).resolve().parents[3]
MAP = load_map(RETAIL_MAP)


def _row(line: int, **changes: str) -> Row:
    values = {
        "InvoiceNo": "536365",
        "StockCode": "22720",
        "Description": "SET OF 3 CAKE TINS",
        "Quantity": "1",
        "InvoiceDate": "2011-09-01 08:00:00",
        "UnitPrice": "4.95",
        "CustomerID": "17850",
        "Country": "EIRE",
    }
    return Row(line, "raw", values | changes)


def test_a_product_has_its_latest_name_its_median_price_and_its_number_of_orders():
    rows = [
        _row(2, InvoiceDate="2011-09-03 08:00:00", Description="SET OF 3 TINS PANTRY"),
        _row(3, UnitPrice="5.95"),
        _row(4, InvoiceNo="536366", UnitPrice="99.0", Description="OLD NAME"),
        _row(5, InvoiceNo="C536367", Quantity="-1", UnitPrice="0.01"),
        _row(6, InvoiceNo="536368", Description="", InvoiceDate="2011-09-04 08:00:00"),
    ]
    (item,) = catalogue([RefusedRow(1, "x: y", ""), *[MAP.map_row(row) for row in rows]]).items
    assert (item.item_id, item.name, item.price, item.orders) == ("22720", "Set of 3 Tins Pantry", 4.95, 3)


def test_the_most_sold_come_first_and_the_count_is_bounded():
    rows = [_row(2, StockCode="10001"), _row(3, StockCode="10002"), _row(4, StockCode="10002", InvoiceNo="536366")]
    mapped = [MAP.map_row(row) for row in rows]
    assert [item.item_id for item in catalogue(mapped).items] == ["10002", "10001"]
    assert [item.item_id for item in catalogue(mapped, limit=1).items] == ["10002"]


@pytest.mark.parametrize(
    ("description", "name"),
    [
        ("WHITE HANGING HEART T-LIGHT HOLDER", "White Hanging Heart T-Light Holder"),
        ("LUNCH BAG  BLACK SKULL.", "Lunch Bag Black Skull"),
        ("PAPER CHAIN KIT 50'S CHRISTMAS ", "Paper Chain Kit 50's Christmas"),
        ("TEA AND SYMPATHY, 60CM LED", "Tea and Sympathy, 60cm LED"),
        ("I'M ON HOLIDAY METAL SIGN", "I'm on Holiday Metal Sign"),
        ("THE END", "The End"),
        ("Dotcomgiftshop Mug ", "Dotcomgiftshop Mug"),
    ],
)
def test_names_read_as_in_a_shop_window(description, name):
    assert title(description) == name


def test_the_shipped_slice_gives_a_catalogue_of_a_real_shop():
    items = load_catalogue(SLICE).items
    assert len(items) == 1_000
    assert (items[0].item_id, items[0].name, items[0].orders) == ("22086", "Paper Chain Kit 50's Christmas", 688)
    assert all(item.price > 0 and item.name.strip() and item.orders >= 1 for item in items)
    assert [item.orders for item in items] == sorted((item.orders for item in items), reverse=True)


def _builder():
    spec = importlib.util.spec_from_file_location("build_slice", ROOT / "tools/build_slice.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_shipped_slice_is_small_and_is_what_its_builder_takes_from_the_whole_file():
    builder = _builder()
    packed = SLICE.read_bytes()
    assert len(packed) < 3_000_000
    assert lzma.decompress(packed) == builder.slice_text(oracle.online_retail())
    assert hashlib.sha256(packed).hexdigest() == "f814f2189c01fc48f383a88fa4394e854aa75aed7d126e0bb042af429d681e8f"


def test_packing_gives_the_same_bytes_each_time():
    builder = _builder()
    assert builder.pack(b"a,b\n1,2\n") == builder.pack(b"a,b\n1,2\n")


def test_the_attribution_ships_next_to_the_data_and_says_what_the_licence_asks():
    text = " ".join(SLICE.with_name("ATTRIBUTION.md").read_text("utf-8").split())
    for part in ("Chen, D. (2015)", "https://doi.org/10.24432/C5BW33", "CC BY 4.0", "What was changed", "195,679"):
        assert part in text
