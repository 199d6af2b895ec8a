"""A person's page says why she is in each segment; a segment's page, who turns next by time alone."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.console.build import NOW_US, PEOPLE, World, customer, product
from tests.unit.console.test_console_pages import profile, rows, words
from tests.unit.console.web import Answer, Visitor
from tidings.clock import DAY_US, HOUR_US, SECOND_US, ManualClock
from tidings.config import Config
from tidings.console import show, standing
from tidings.console.app import create_app


def visitor(world: World, at_us: int = NOW_US) -> Visitor:
    return Visitor(create_app(world.config, clock=ManualClock(at_us)))


def row(page: Answer, segment: str) -> str:
    """What a person's page says of one segment, as a reader sees it."""
    found = re.search(rf'<li data-segment="{segment}".*?</details></li>', page.text, re.DOTALL)
    assert found, segment
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0])).strip()


def order(page: Answer) -> list[str]:
    return re.findall(r'<li data-segment="(\w+)"', page.text)


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[World]:
    """A shop in which nothing has happened yet."""
    world = World(tmp_path, NOW_US - HOUR_US)
    yield world
    world.close()


@pytest.fixture
def buyer(shop: World) -> World:
    """Ann bought twice, 70 and 30 days ago."""
    for days in (70, 30):
        shop.tell(
            "track",
            customer("Ann"),
            at_us=NOW_US - days * DAY_US,
            event="Order Completed",
            properties={"order_id": f"o{days}", "revenue": 600.0},
        )
    shop.run()
    return shop


def only(world: World) -> str:
    return str(rows(world, "serving.db", "SELECT profile_id FROM people")[0][0])


def test_each_segment_is_explained_with_her_own_values_and_what_comes_next(buyer: World) -> None:
    page = visitor(buyer).get(f"/people/{only(buyer)}")

    lapsed = row(page, "lapsed_90d")
    assert lapsed.startswith("Lapsed enters")
    assert "(does not hold)" in lapsed
    assert "did Order Completed or Product Purchased (holds) last at" in lapsed
    assert f"If nothing happens, she enters at {moment(NOW_US + 60 * DAY_US)} ." in lapsed
    assert "revenue is at least 1000 (holds) 1200.0" in row(page, "high_value")
    assert "Changes only when something happens." in row(page, "high_value")


def moment(at_us: int) -> str:
    return re.sub(r"<[^>]+>", "", show.moment_tag(at_us, NOW_US))


def test_those_she_is_in_come_first_then_those_that_she_enters_by_time(buyer: World) -> None:
    found = order(visitor(buyer).get(f"/people/{only(buyer)}"))

    assert found[:4] == ["high_value", "lapsing", "lapsed_90d", "winnable_back"]
    assert sorted(found) == sorted(
        [
            "browsing_now",
            "recent_viewers",
            "open_cart",
            "cart_abandoners",
            "new_buyers",
            "one_time_buyers",
            "lapsing",
            "lapsed_90d",
            "winnable_back",
            "high_value",
            "discount_buyers",
            "category_fans",
        ]
    )


def test_what_is_promised_happens_at_that_instant_and_not_before(buyer: World) -> None:
    at_us = NOW_US + 60 * DAY_US
    person = only(buyer)

    before = row(visitor(buyer, at_us - 1).get(f"/people/{person}"), "lapsed_90d")
    after = row(visitor(buyer, at_us).get(f"/people/{person}"), "lapsed_90d")

    assert before.startswith("Lapsed enters")
    assert after.startswith("Lapsed only by an event")


def test_the_live_state_is_followed_from_look_to_look(buyer: World) -> None:
    browser, person = visitor(buyer), only(buyer)
    assert "open_cart" not in order(browser.get(f"/people/{person}"))[:2]

    buyer.track(customer("Ann"), "Product Added", **product(1))
    buyer.run()

    assert order(browser.get(f"/people/{person}"))[0] == "open_cart"


def test_without_a_state_the_page_shows_what_the_serving_copy_knows(world: World, tmp_path: Path) -> None:
    shutil.copytree(world.config.data, tmp_path / "data", ignore=shutil.ignore_patterns("state"))
    browser = Visitor(create_app(Config(data=tmp_path / "data", workspace=world.config.workspace)))

    page = browser.get(f"/people/{profile(world, PEOPLE[0])}")

    assert order(page) == []
    assert "Open cart" in words(page)
    assert 'id="coming"' not in browser.get("/segments/open_cart").text


def test_somebody_who_has_not_come_over_to_the_definitions_yet_is_not_judged_by_them(buyer: World) -> None:
    person = only(buyer)
    path = buyer.config.workspace / "segments.yml"
    path.write_text(path.read_text() + "\nfresh: {rule: {did: {event: Something Else, within: 3d}}}\n")

    page = visitor(buyer).get(f"/people/{person}")

    assert order(page) == []  # her memories do not say whether she did it
    assert "High value" in words(page)
    one = words(visitor(buyer).get("/segments/lapsed_90d"))
    assert "1 person has not come over to the definitions that run yet, and is left out." in one
    assert "Nobody enters or leaves" not in one


def test_memories_that_only_earlier_journeys_need_do_not_stand_in_the_way(buyer: World) -> None:
    person = only(buyer)
    path = buyer.config.workspace / "segments.yml"
    path.write_text(path.read_text().replace("at_least: 3, within: 30m", "within: 30m"))
    assert order(visitor(buyer).get(f"/people/{person}")) == []

    buyer.note_layouts()

    assert order(visitor(buyer).get(f"/people/{person}"))[0] == "high_value"


def test_a_segment_says_who_turns_next_by_time_alone(shop: World) -> None:
    for number, name in enumerate(("Ann", "Ben", "Cleo")):
        at_us = NOW_US - (89 - number) * DAY_US
        said = {"order_id": name, "revenue": 10.0}
        shop.tell("track", customer(name), at_us=at_us, event="Order Completed", properties=said)
    shop.run()

    page = visitor(shop).get("/segments/lapsed_90d")
    text = words(page).partition("Next by time alone")[2].partition("Enters and leaves")[0]

    assert re.findall(r"demo-(\w+)@example.com enters in (\d) d", text) == [("ann", "1"), ("ben", "2"), ("cleo", "3")]
    lapsing = words(visitor(shop).get("/segments/lapsing")).partition("Next by time alone")[2]
    assert "demo-ann@example.com leaves in 1 d" in lapsing
    none = words(visitor(shop).get("/segments/high_value"))
    assert "Nobody enters or leaves before something happens." in none


def test_of_many_people_only_those_are_told_that_nobody_unseen_precedes(
    shop: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "LOOKED_AT", 3)
    for number in range(6):
        at_us = NOW_US - (80 - number) * DAY_US
        said = {"order_id": str(number), "revenue": 10.0}
        shop.tell("track", {"userId": f"u{number}"}, at_us=at_us, event="Order Completed", properties=said)
    late = {"userId": "late"}
    shop.tell(
        "track", late, at_us=NOW_US - 2 * DAY_US, event="Order Completed", properties={"order_id": "l", "revenue": 1}
    )
    shop.track(late, "Product Viewed", **product(1))  # looked at soon for another segment, but she lapses last
    shop.run()
    shop.wait(SECOND_US)  # what was due when they were loaded is behind them

    text = words(visitor(shop).get("/segments/lapsed_90d")).partition("Next by time alone")[2]

    assert re.findall(r"(\w+) enters", text.partition("Enters and leaves")[0]) == ["u0", "u1"]


def test_a_segment_shows_its_rule_as_a_line_of_text_too(console: Visitor) -> None:
    page = console.get("/segments/browsing_now")

    assert '<pre class="code" id="rule-text">did "Product Viewed" at least 3 within 30m</pre>' in page.said
