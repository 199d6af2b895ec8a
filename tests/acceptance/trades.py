"""Real people's clicks and purchases, told as the events of three trades, for the workspace templates.

Retail is told as it is: Online Retail through the map that ships with the template, RetailRocket through the map of the tests.
There is no free data set of software by subscription or of a newspaper in which people can be followed for months. So
visitors of a shop stand in for them: *when* and *how often* people come, look, and decide is real (RetailRocket), *what* it is called
is made up here, by fixed rules and without chance. A view is a use of a feature, or an article; a purchase is a subscription,
and the next one its end.
"""

from __future__ import annotations

import csv
import lzma
from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tests.oracles import run as oracle
from tidings import workspace
from tidings.clock import DAY_US, SECOND_US, iso
from tidings.domain.record import LogRecord
from tidings.hosts.replay import read
from tidings.sources.mapping import load_map
from tidings.testing.histories import call

WORKSPACES = Path(workspace.__file__).parent / "workspaces"
MAPS = Path(__file__).resolve().parents[1] / "data/maps"
FEATURES = ("boards", "search", "export", "comments", "reports", "calendar")
TOPICS = ("politics", "business", "science", "sport", "culture", "travel", "food", "law")
FREE_ARTICLES = 3
"""Articles within 30 days that the newspaper gives away; before each further one stands the paywall."""
MOST = 100
"""Lines of each visitor that are told: a few have thousands, and are programs."""
MONDAY_US = 1_430_719_200 * SECOND_US
"""A Monday, 2015-05-04, at 06:00 UTC: the newsletter goes out."""

Told = tuple[int, list[LogRecord]]
"""What the log takes at an instant."""


class Row(NamedTuple):
    """A line of RetailRocket."""

    at_us: int
    visitor: str
    kind: str
    item: int


class Deed(NamedTuple):
    """One event in the making."""

    at_us: int
    name: str
    properties: dict[str, Any]


def _together(deeds: Sequence[tuple[int, LogRecord]]) -> list[Told]:
    """In the order of time; what happened at one instant is taken at once."""
    ordered = sorted(deeds, key=itemgetter(0))
    return [(at_us, [record for _, record in group]) for at_us, group in groupby(ordered, key=itemgetter(0))]


# Retail


def shop_of_lines(folder: Path) -> list[Told]:
    """Online Retail through its map, every sixteenth customer, with what `shop_acts_online_retail.sql` says the file lacks."""
    part = folder / "part.csv"
    with (
        lzma.open(oracle.online_retail(), "rt", encoding="utf-8", newline="") as whole,
        part.open("w", newline="") as file,
    ):
        rows = csv.reader(whole)
        writer = csv.writer(file)
        header = next(rows)
        writer.writerow(header)
        customer = header.index("CustomerID")
        writer.writerows(row for row in rows if row[customer] and int(row[customer]) % 16 == 3)
    events, _ = read(part, load_map(WORKSPACES / "retail/sources/online_retail.yml"))
    bodies = [msgspec.json.decode(event.body) for event in events]
    highest: dict[str, float] = {}
    for one in bodies:
        if one["event"] == "Product Purchased":
            product, price = one["properties"]["product_id"], one["properties"]["price"]
            highest[product] = max(price, highest.get(product, 0))
    for one in bodies:
        properties = one["properties"]
        properties["category"] = properties["product_id"][:2]
        if one["event"] == "Product Purchased" and properties["price"] < highest[properties["product_id"]]:
            properties["discount"] = highest[properties["product_id"]] - properties["price"]
    return _together([(event.occurred_us, _record(one)) for event, one in zip(events, bodies, strict=True)])


def shop_of_clicks(_: Path) -> list[Told]:
    """RetailRocket through its map, every fourth visitor; a category for each item as `shop_acts_retailrocket.sql` says."""
    events, _refused = read(oracle.retailrocket(), load_map(MAPS / "retailrocket.yml"))
    taken = []
    for event in events:
        body = msgspec.json.decode(event.body)
        if int(body["anonymousId"]) % 4 == 1:
            body["userId"] = body.pop("anonymousId")
            if body["event"] == "Product Viewed":
                body["properties"]["category"] = str(int(body["properties"]["product_id"]) % 4)
            taken.append((event.occurred_us, _record(body)))
    return _together(taken)


def _record(body: dict[str, Any]) -> LogRecord:
    return LogRecord("shop", "", 0, msgspec.json.encode(body))


# Software and newspaper


def software(_: Path) -> list[Told]:
    """Visitors as people who try software and use it."""
    return _told(_software)


def newspaper(_: Path) -> list[Told]:
    """Visitors as readers."""
    return _told(_newspaper)


def _told(trade: Any) -> list[Told]:
    with lzma.open(oracle.retailrocket(), "rt", encoding="utf-8", newline="") as file:
        rows = [
            Row(int(one["timestamp"]) * SECOND_US, one["visitorid"], one["event"], int(one["itemid"]))
            for one in csv.DictReader(file)
            if int(one["visitorid"]) % 4 == 2
        ]
    found = []
    for visitor, group in groupby(sorted(rows, key=itemgetter(1, 0)), key=itemgetter(1)):
        for number, deed in enumerate(trade(list(group)[:MOST], rows[-1].at_us)):
            told = call(
                "track", f"{visitor}-{number}", deed.at_us, user=visitor, event=deed.name, properties=deed.properties
            )
            found.append((deed.at_us, told))
    return _together(found)


def _software(rows: Sequence[Row], end_us: int) -> Iterator[Deed]:
    first_us = rows[0].at_us
    over_us = first_us + 14 * DAY_US
    yield Deed(first_us, "Signed Up", {"type": "organic"})
    yield Deed(first_us, "Trial Started", {"trial_end_date": iso(over_us), "trial_plan_name": "Team"})
    if over_us <= end_us:
        yield Deed(over_us, "Trial Ended", {"trial_plan_name": "Team"})
    for at_us in _first_of_days(rows)[1:]:
        yield Deed(at_us, "Signed In", {})
    for row in rows:
        if row.kind == "view":
            yield Deed(row.at_us, "Feature Used", {"feature": FEATURES[row.item % 6], "actions": 1 + row.item % 3})
        elif row.kind == "addtocart" and row.item % 2:
            yield Deed(row.at_us, "Invite Sent", {"invitee_email": f"{row.item}@team.example"})
        elif row.kind == "addtocart":
            yield Deed(row.at_us, "Limit Reached", {"limit": "seats"})
    yield from _subscriptions(rows, ("team", "business", "solo"))


def _newspaper(rows: Sequence[Row], end_us: int) -> Iterator[Deed]:
    subscriptions = list(_subscriptions(rows, ("digital",)))
    yield from subscriptions
    read_us: list[int] = []
    for row in rows:
        if row.kind != "view":
            continue
        article = {"article_id": str(row.item), "topic": TOPICS[row.item % 8]}
        yield Deed(row.at_us, "Article Viewed", {**article, "edition": iso(row.at_us)[:10]})
        if row.item % 3 == 0:
            yield Deed(row.at_us + 60 * SECOND_US, "Article Completed", article)
        if sum(one > row.at_us - 30 * DAY_US for one in read_us) >= FREE_ARTICLES and not _subscribes(
            subscriptions, row.at_us
        ):
            yield Deed(row.at_us, "Paywall Shown", {"article_id": str(row.item)})
        read_us.append(row.at_us)
    asked_us = next((row.at_us for row in rows if row.kind == "addtocart"), 0)
    if asked_us:
        yield Deed(asked_us, "Signed Up", {})
        yield Deed(asked_us, "Consent Given", {"purpose": "newsletter", "method": "checkbox"})
        yield from _newsletters(rows, asked_us, end_us)


def _newsletters(rows: Sequence[Row], asked_us: int, end_us: int) -> Iterator[Deed]:
    """One each Monday; opened when she next came within two days. Some of those openings are a machine's."""
    mail = {"journey": "weekly", "template": "weekly", "category": "newsletter"}
    for sent_us in range(MONDAY_US, end_us, 7 * DAY_US):
        if sent_us > asked_us:
            yield Deed(sent_us, "Email Sent", mail)
            came = next((row for row in rows if sent_us < row.at_us < sent_us + 2 * DAY_US), None)
            if came is not None:
                yield Deed(came.at_us, "Email Opened", {**mail, "machine": came.item % 5 == 0})


def _subscriptions(rows: Sequence[Row], plans: Sequence[str]) -> Iterator[Deed]:
    """The first purchase begins one, the next ends it, and so on."""
    bought = {row.at_us: row.item for row in rows if row.kind == "transaction"}
    for number, (at_us, item) in enumerate(sorted(bought.items())):
        if number % 2:
            yield Deed(at_us, "Subscription Cancelled", {})
        else:
            yield Deed(at_us, "Subscription Started", {"plan": plans[item % len(plans)]})


def _subscribes(subscriptions: Sequence[Deed], at_us: int) -> bool:
    before = [deed.name for deed in subscriptions if deed.at_us < at_us]
    return before[-1:] == ["Subscription Started"]


def _first_of_days(rows: Sequence[Row]) -> list[int]:
    return [next(days).at_us for _, days in groupby(rows, key=lambda row: row.at_us // DAY_US)]
