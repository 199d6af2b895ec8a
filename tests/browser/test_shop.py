"""The demo shop in a real browser, with our tracker and a real collector: what a visit leaves in the log."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.sdk.door import WRITE_KEY, Door, open_door, wait_until
from tests.sdk.tools import open_chromium
from tests.unit.console.web import serving
from tests.unit.demo_shop.shop import CATALOGUE
from tidings.demo.shop import events
from tidings.demo.shop.app import create_app
from tidings.domain.event import Event

PAYLOAD = "<img src=x onerror=window.pwned=1><script>window.pwned=1</script>\"'"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with open_door(tmp_path_factory.mktemp("collector")) as door:
        yield door


@pytest.fixture
def door(collector: Door) -> Door:
    collector.begin()
    return collector


@pytest.fixture
def shop(door: Door) -> Iterator[str]:
    with serving(create_app(CATALOGUE, collector_url=door.url, write_key=WRITE_KEY)) as url:
        yield url


@pytest.fixture
def page(chromium: Browser, shop: str) -> Iterator[Page]:  # the shop must outlive its visitors
    """A visitor's tab; whatever the browser complains of fails the test."""
    context = chromium.new_context(viewport={"width": 1280, "height": 860})
    context.set_default_timeout(10_000)
    tab = context.new_page()
    complaints: list[str] = []
    tab.on("console", lambda message: complaints.append(message.text) if message.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    yield tab
    tab.goto("about:blank")
    context.close()
    assert not complaints


def stored(door: Door, name: str, count: int = 1) -> list[Event]:
    """Track events of this name in the log, as soon as there are `count` of them."""
    found: list[Event] = []

    def look() -> bool:
        found[:] = [event for event in door.counted() if event.name == name]
        return len(found) >= count

    wait_until(look, 15, lambda: f"{count} x {name!r} in {[event.name for event in door.counted()]}")
    return found


def test_a_visit_from_search_to_order_is_in_the_log_and_belongs_to_one_person(
    page: Page, shop: str, door: Door
) -> None:
    page.goto(shop)
    page.fill("input[type=search]", "cakestand")
    page.press("input[type=search]", "Enter")
    page.click("text=Regency Cakestand 3 Tier")
    page.fill("input[name=quantity]", "2")
    page.click("text=Add to basket")
    page.wait_for_selector("#toast:visible")
    assert page.inner_text("#ribbon-event") == "Product Added"
    assert page.inner_text("#basket-count") == "2"
    page.goto(f"{shop}/sign-in")
    page.fill("input[name=first_name]", "Anna")
    page.fill("input[name=email]", "anna@example.com")
    page.check("input[name=marketing]")
    page.click("main button")
    page.click("text=Go to checkout")
    page.click("text=Place order")
    page.wait_for_selector("text=Thank you, Anna!")

    order = stored(door, "Order Completed")[0]
    assert order.properties["revenue"] == 25.50
    assert order.user_id == "demo-anna@example.com"
    added = stored(door, "Product Added")[0]
    assert added.anonymous_id == order.anonymous_id
    assert added.properties == events.product(CATALOGUE.items[2], shop, 2)
    identified = stored(door, "Identify")[0]
    assert identified.traits == {"first_name": "Anna", "email": "anna@example.com"}
    consent = stored(door, "Consent Given")[0]
    assert consent.properties["purpose"] == "marketing"
    assert consent.properties["wording"] == events.WORDING
    seen = [event.name for event in door.counted()]
    for name in ("Products Searched", "Product Viewed", "Cart Viewed", "Checkout Started", "Signed In", "Page"):
        assert name in seen, name


def test_adding_stays_on_the_page_and_quick_clicks_all_count(page: Page, shop: str, door: Door) -> None:
    page.goto(shop)
    for _ in range(3):
        page.click("[aria-label='Add Party Bunting to basket']")
    page.wait_for_selector("#basket-count[data-count='3']")

    assert page.url == f"{shop}/"
    assert [event.properties["quantity"] for event in stored(door, "Product Added", 3)] == [1, 1, 1]


def test_the_shop_works_without_script_and_tells_the_next_page_that_has_it(chromium: Browser, shop: str) -> None:
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{shop}/product/47566")
    page.click("text=Add to basket")

    assert page.url == f"{shop}/cart"
    assert page.inner_text(".line-words a") == "Party Bunting"
    context.close()


def test_markup_in_names_and_searches_is_never_run(page: Page, shop: str) -> None:
    page.goto(f"{shop}/sign-in")
    page.fill("input[name=first_name]", PAYLOAD)
    page.fill("input[name=email]", "x@example.com")
    page.click("main button")
    page.wait_for_selector(".hello")
    for path in ("/", "/cart", "/thank-you", "/product/47566"):
        page.goto(f"{shop}{path}")
        assert page.evaluate("window.pwned") is None, path
    page.fill("input[type=search]", PAYLOAD)
    page.press("input[type=search]", "Enter")

    assert page.inner_text("h1") == f"“{PAYLOAD}”"
    assert page.evaluate("window.pwned") is None


def test_no_page_is_wider_than_a_phone(chromium: Browser, shop: str) -> None:
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    page = context.new_page()
    page.goto(f"{shop}/product/85123A")
    page.click("text=Add to basket")
    for path in ("/", "/category/bags", "/product/85123A", "/cart", "/sign-in", "/checkout", "/search?q=nothing"):
        page.goto(f"{shop}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    page.goto("about:blank")
    context.close()


def test_a_dead_collector_leaves_the_shop_usable_and_the_ribbon_says_so(chromium: Browser) -> None:
    with serving(create_app(CATALOGUE, collector_url="http://127.0.0.1:9", write_key=WRITE_KEY)) as url:
        page = chromium.new_page()
        page.goto(url)
        page.wait_for_selector(".deaf")
        page.click("[aria-label='Add Party Bunting to basket']")
        page.wait_for_selector("#basket-count[data-count='1']")
        page.close()
