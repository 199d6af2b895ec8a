"""The SQL oracles against a second, plain reading of the same files, so that we may trust them to judge the streams."""

from __future__ import annotations

import csv
import lzma
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.oracles import run

DAY_US = 86_400_000_000
BOOKKEEPING = ("POST", "DOT", "M", "m", "C2", "D", "S", "B", "BANK CHARGES", "AMAZONFEE", "CRUK", "PADS")


def _dicts(path: Path) -> Iterator[dict[str, str]]:
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _us(text: str) -> int:
    return round(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC).timestamp()) * 1_000_000


def _refusal(row: dict[str, str]) -> str:
    """Why a line is none, told by naming what is not sold instead of by the pattern of what is."""
    if not row["CustomerID"]:
        return "missing_customer"
    if row["InvoiceNo"].startswith("A"):
        return "not_a_sale"
    if row["StockCode"] in BOOKKEEPING or row["StockCode"].startswith("gift_"):
        return "not_a_product"
    if Decimal(row["UnitPrice"]) <= 0:
        return "price_not_positive"
    if row["InvoiceNo"].startswith("C") != (int(row["Quantity"]) < 0):
        return "quantity_has_wrong_sign"
    return ""


@pytest.fixture(scope="module")
def told() -> tuple[Counter[str], dict[str, list[dict[str, str]]]]:
    """Verdicts of all lines, and the applied lines of every customer."""
    verdicts: Counter[str] = Counter()
    applied: dict[str, list[dict[str, str]]] = defaultdict(list)
    seen = set()
    for row in _dicts(run.online_retail()):
        line = tuple(row.values())
        verdict = _refusal(row) or ("duplicate" if line in seen else "applied")
        seen.add(line)
        verdicts[verdict] += 1
        if verdict == "applied":
            applied[row["CustomerID"]].append(row)
    return verdicts, applied


def test_every_line_of_online_retail_gets_the_verdict_that_a_plain_reading_gives_it(told):
    counts = run.online_retail_lines(run.online_retail())
    assert counts == told[0]
    assert sum(counts.values()) == 541_909


def _person(customer: str, rows: list[dict[str, str]], as_of_us: int) -> run.Person | None:
    rows = [row for row in rows if _us(row["InvoiceDate"]) <= as_of_us]
    if not rows:
        return None
    sales = [row for row in rows if not row["InvoiceNo"].startswith("C")]
    revenue = sum(Decimal(row["UnitPrice"]) * int(row["Quantity"]) for row in rows)
    times = sorted(_us(row["InvoiceDate"]) for row in sales)
    within_90d = any(as_of_us - 90 * DAY_US < at_us <= as_of_us for at_us in times)
    new = bool(times) and as_of_us - 30 * DAY_US < times[0] <= as_of_us
    return run.Person(
        customer=customer,
        revenue_micro=int(revenue * 1_000_000),
        orders=len({row["InvoiceNo"] for row in sales}),
        first_us=times[0] if times else None,
        last_us=times[-1] if times else None,
        events=len(rows),
        high_value=revenue >= 1_000,
        lapsed_90d=bool(times) and not within_90d,
        new_buyers=new,
    )


@pytest.mark.parametrize(
    "as_of", ["2010-12-01 08:25:59", "2011-03-01 00:00:00", "2011-12-10 00:00:00", "2012-03-08 12:50:00"]
)
def test_customers_at_an_instant_are_what_a_plain_reading_makes_of_them(told, as_of):
    sample = {customer: rows for customer, rows in told[1].items() if int(customer) % 10 == 7}
    expected = [_person(customer, rows, _us(as_of)) for customer, rows in sorted(sample.items())]
    found = run.online_retail_people(run.online_retail(), _us(as_of))
    assert [person for person in found if person.customer in sample] == [person for person in expected if person]


def test_exactly_90_and_30_days_after_a_purchase_it_is_no_longer_within_them(told):
    customer = next(customer for customer, rows in told[1].items() if len({row["InvoiceNo"] for row in rows}) == 1)
    bought_us = _us(told[1][customer][0]["InvoiceDate"])

    def at(instant_us: int) -> run.Person:
        people = run.online_retail_people(run.online_retail(), instant_us)
        return next(person for person in people if person.customer == customer)

    assert at(bought_us).new_buyers
    assert at(bought_us + 30 * DAY_US - 1).new_buyers
    assert not at(bought_us + 30 * DAY_US).new_buyers
    assert not at(bought_us + 90 * DAY_US - 1).lapsed_90d
    assert at(bought_us + 90 * DAY_US).lapsed_90d


def _carts(rows: list[dict[str, str]], wait_s: int) -> tuple[list[run.Cart], list[run.CartItem]]:
    """Plays the events of one visitor in order, with one timer, as the words of the journey say it."""
    carts: list[run.Cart] = []
    items: list[run.CartItem] = []
    cart: dict[str, int] = {}
    due_s: int | None = None
    mailed_s: int | None = None
    end = {"timestamp": str(10**12), "event": "end", "itemid": ""}
    for row in [*rows, end]:
        now_s = int(row["timestamp"])
        if due_s is not None and due_s <= now_s:
            mail = mailed_s is None or due_s - mailed_s >= 86_400
            mailed_s = due_s if mail else mailed_s
            visitor = rows[0]["visitorid"]
            carts.append(run.Cart(visitor, due_s * 1_000_000, mail))
            items += [run.CartItem(visitor, due_s * 1_000_000, item, at_s * 1_000_000) for item, at_s in cart.items()]
            due_s = None
        if row["event"] == "addtocart":
            cart[row["itemid"]] = now_s
            due_s = now_s + wait_s
        elif row["event"] == "transaction":
            cart.clear()
            due_s = None
    return carts, items


@pytest.fixture(scope="module")
def visitors() -> list[list[dict[str, str]]]:
    by_visitor = defaultdict(list)
    rows = list(_dicts(run.retailrocket()))
    assert rows == sorted(rows, key=lambda row: int(row["timestamp"])), "the file is sorted by time, as the oracle says"
    for row in rows:
        by_visitor[row["visitorid"]].append(row)
    return [by_visitor[visitor] for visitor in sorted(by_visitor)]


@pytest.mark.parametrize("wait_s", [1, 60, 300, 7_200])
def test_abandoned_carts_and_their_mails_are_those_that_a_played_timer_finds(visitors, wait_s):
    expected = [cart for rows in visitors for cart in _carts(rows, wait_s)[0]]
    assert run.retailrocket_carts(run.retailrocket(), wait_s) == expected
    assert len(expected) > 1_000


def test_the_items_of_abandoned_carts_are_those_that_a_played_cart_holds(visitors):
    expected = [item for rows in visitors for item in _carts(rows, 300)[1]]
    assert run.retailrocket_cart_items(run.retailrocket()) == expected


def _file(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "events.csv"
    path.write_text("\n".join(["timestamp,visitorid,event,itemid", *lines]) + "\n")
    return path


def test_what_happens_exactly_when_the_wait_is_over_comes_too_late(tmp_path):
    path = _file(
        tmp_path,
        "1000,a,addtocart,1",
        "1300,a,transaction,1",  # exactly at 1000 + 300: the cart was already found abandoned
        "1000,b,addtocart,1",
        "1299,b,transaction,1",  # in time
        "1000,c,addtocart,1",
        "1299,c,addtocart,2",  # begins the wait anew
        "1599,c,addtocart,3",  # exactly too late: abandoned at 1599, and a new run
    )
    found = run.retailrocket_carts(path)
    assert [(cart.visitor, cart.abandoned_us // 1_000_000, cart.mailed) for cart in found] == [
        ("a", 1300, True),
        ("c", 1599, True),
        ("c", 1899, False),  # within 24 h of the mail before
    ]
    held = [(row.visitor, row.abandoned_us // 1_000_000, row.item) for row in run.retailrocket_cart_items(path)]
    assert held == [
        ("a", 1300, "1"),
        ("c", 1599, "1"),
        ("c", 1599, "2"),
        ("c", 1899, "1"),
        ("c", 1899, "2"),
        ("c", 1899, "3"),
    ]


def test_a_mail_exactly_a_day_after_the_one_before_is_allowed(tmp_path):
    path = _file(tmp_path, "0,a,addtocart,1", "86400,a,addtocart,2", "0,b,addtocart,1", "86399,b,addtocart,2")
    assert [(cart.visitor, cart.mailed) for cart in run.retailrocket_carts(path)] == [
        ("a", True),
        ("a", True),
        ("b", True),
        ("b", False),
    ]


def test_carts_abandoned_after_the_clock_stops_are_not_found(tmp_path):
    path = _file(tmp_path, "1000,a,addtocart,1", "5000,b,addtocart,1")
    assert [cart.visitor for cart in run.retailrocket_carts(path, until_s=5299)] == ["a"]
    assert [cart.visitor for cart in run.retailrocket_carts(path, until_s=5300)] == ["a", "b"]
