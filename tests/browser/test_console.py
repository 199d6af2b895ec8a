"""The console and the inbox in a real browser: alive, safe with hostile data, and fit for a phone."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route

from tests.sdk.tools import open_chromium
from tests.unit.console import changes
from tests.unit.console.build import PAYLOADS, World, busy, hostile, product
from tests.unit.console.test_definitions import planned
from tests.unit.console.web import serving
from tidings.console.app import create_app
from tidings.versions.planned import Plan


def now_us() -> int:
    return time.time_ns() // 1000


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser without network but to this machine; pictures of the shop, which is not running, are empty."""
    context = chromium.new_context(viewport={"width": 1300, "height": 900})
    context.set_default_timeout(10_000)
    context.route(re.compile(r":8302/"), lambda route: route.fulfill(body="", content_type="image/svg+xml"))
    context.route(re.compile(r":8300/"), lambda route: route.abort())
    yield context
    context.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = busy(tmp_path, now_us())
    yield world
    world.close()


@pytest.fixture
def url(world: World) -> Iterator[str]:
    app = create_app(world.config)
    with serving(app, before_stop=app.state.hub.stop) as address:
        yield address


PER_KIND = 10
"""Pages of one kind (an event's, a person's) that the walk looks at."""


def walk(page: Page, url: str) -> Iterator[str]:
    """Every page that links lead to, open in the tab one after the other; of each kind a few."""
    seen: dict[str, None] = {}
    kinds: dict[str, int] = {}
    todo = ["/"]
    while todo:
        path = todo.pop(0)
        kind = re.sub(r"\?.*|(?<=.)/.*", "", path)
        if path in seen or re.search(r"/(raw|bytes)$", path) or kinds.get(kind, 0) >= PER_KIND:
            continue
        seen[path], kinds[kind] = None, kinds.get(kind, 0) + 1
        page.goto(url + path)
        yield path
        links = page.eval_on_selector_all("a[href^='/'], a[href^='?']", "all => all.map(a => a.pathname + a.search)")
        todo += [link for link in links if link not in seen]


def test_figures_change_in_place_while_the_page_is_open(context: BrowserContext, world: World, url: str) -> None:
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(".live-light.on")
    page.evaluate("document.body.dataset.same = 'page'")
    applied = int(page.inner_text(".flow [data-n=applied]"))

    world.clock.set(now_us())
    world.track({"userId": "newcomer"}, "Something New")
    world.raw(b"{}", source="a new source")
    world.run()

    page.wait_for_selector("[data-source='a new source'] [data-n='source:a new source:rejected']:text-is('1')")
    page.wait_for_selector(f".flow [data-n=applied]:text-is('{applied + 1}')")
    assert page.inner_text("[data-feed=events] li:nth-child(2) .feed-name") == "Something New"
    assert page.get_attribute("#equation", "data-ok") == "yes"
    assert page.get_attribute("body", "data-same") == "page"


def test_the_first_event_ever_takes_the_instructions_away(context: BrowserContext, tmp_path: Path) -> None:
    world = World(tmp_path, now_us())
    app = create_app(world.config)
    with serving(app, before_stop=app.state.hub.stop) as url:
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector("text=Nothing has arrived yet")
        page.wait_for_selector(".live-light.on")
        world.track({"userId": "anna"}, "Hello")
        world.run()
        page.wait_for_selector(".flow [data-n=applied]:text-is('1')")
        assert page.query_selector("text=Nothing has arrived yet") is None
        page.close()
    world.close()


def test_a_journey_counts_who_waits_now(context: BrowserContext, world: World, url: str) -> None:
    page = context.new_page()
    page.goto(f"{url}/journeys/abandoned_cart")
    page.wait_for_selector(".live-light.on")
    waiting = int(page.inner_text("[data-n='at:abandoned_cart:left_alone:active']"))

    world.clock.set(now_us())
    world.track({"userId": "newcomer"}, "Product Added", **product(1))
    world.run()

    page.wait_for_selector(f"[data-n='at:abandoned_cart:left_alone:active']:text-is('{waiting + 1}')")


def test_a_new_mail_appears_by_itself_and_leaves_the_open_one_open(
    context: BrowserContext, world: World, url: str
) -> None:
    page = context.new_page()
    page.goto(f"{url}/inbox")
    page.wait_for_selector(".live-light.on")
    opened = page.inner_text(".reader h2")
    raw = b"From: a@b.example\r\nTo: new@example.com\r\nSubject: Just arrived\r\n\r\nHello"

    number = world.inbox.add(sender="a@b.example", recipients=["new@example.com"], raw=raw, received_us=now_us())

    page.wait_for_selector(f"#mails li[data-id='{number}']")
    assert page.inner_text("#mails li:first-child .mail-subject") == "Just arrived"
    assert page.inner_text(".reader h2") == opened
    assert page.inner_text("[data-n=mails]") == str(number)
    page.click("#mails li:first-child a")
    assert "Hello" in page.inner_text(".reader-paper")


def test_the_first_mail_ever_is_shown_without_a_reload_by_hand(context: BrowserContext, tmp_path: Path) -> None:
    world = World(tmp_path, now_us())
    app = create_app(world.config)
    with serving(app, before_stop=app.state.hub.stop) as url:
        page = context.new_page()
        page.goto(f"{url}/inbox")
        page.wait_for_selector(".live-light.on")
        world.inbox.add(sender="a@b.example", recipients=["x@y.example"], raw=b"Subject: First\r\n\r\n", received_us=1)
        page.wait_for_selector(".reader h2:text-is('First')")
        page.close()
    world.close()


def test_the_paper_can_be_as_narrow_as_a_phone_and_stays_so(context: BrowserContext, url: str) -> None:
    page = context.new_page()
    page.goto(f"{url}/inbox")
    wide = page.eval_on_selector("iframe.mail", "frame => frame.clientWidth")
    page.click("[data-width=phone]")
    assert page.eval_on_selector("iframe.mail", "frame => frame.clientWidth") == 372 < wide
    page.click("#mails li:last-child a")
    page.wait_for_selector("#paper[data-width=phone]")


def test_links_in_a_mail_open_in_a_new_tab_and_those_of_the_console_s_preview_lead_nowhere(
    context: BrowserContext, world: World, url: str
) -> None:
    page = context.new_page()
    context.route(re.compile(r":8300/"), lambda route: route.fulfill(body="followed", content_type="text/plain"))
    page.goto(f"{url}/inbox/1")
    with context.expect_page() as opened:
        page.frame_locator("iframe.mail").get_by_role("link", name="Return to my basket").click()
    assert opened.value.evaluate("window.opener") is None
    assert page.url == f"{url}/inbox/1"

    page.goto(f"{url}/messages/{world.handed_over[0]}")
    before = len(context.pages)
    page.frame_locator("iframe.mail").get_by_role("link", name="Return to my basket").click()
    page.wait_for_timeout(300)
    assert len(context.pages) == before
    assert page.url == f"{url}/messages/{world.handed_over[0]}"


def test_looking_at_a_message_in_the_console_is_no_open(context: BrowserContext, world: World, url: str) -> None:
    asked: list[str] = []
    page = context.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{url}/messages/{world.handed_over[0]}")
    page.frame_locator("iframe.mail").get_by_text("your basket is still here").first.wait_for()
    page.wait_for_timeout(300)

    assert any(":8302/image/" in address for address in asked)
    assert not any(":8300/" in address for address in asked)


def test_the_effect_of_a_change_comes_by_itself_and_its_progress_too(context: BrowserContext, world: World) -> None:
    versions = changes.made(world)
    ready = threading.Event()
    app = create_app(world.config, plan=lambda: planned(world, versions) if ready.wait(20) else no_plan())
    page = context.new_page()
    with serving(app, before_stop=app.state.hub.stop) as url:
        page.goto(f"{url}/definitions")
        page.wait_for_selector("#computing")
        ready.set()
        page.wait_for_selector("#effect [data-segment=lapsed_90d] .in:text-is('+4')")
        page.click(".changes > li:first-child summary >> nth=0")
        assert page.inner_text(".changes > li:first-child .diff .plus") == "+    timeout: 10m"
        version = changes.prepared(world, versions)
        page.goto(f"{url}/definitions")
        assert page.inner_text(".stages [aria-current] b") == "Fold the past"
        changes.switched(world, versions, version)
        page.wait_for_selector(".stages [aria-current] b:text-is('Bring everybody over')")  # it looks again by itself
        assert page.get_attribute(".stages [aria-current] progress", "value") == "0.250"


def no_plan() -> Plan:
    raise AssertionError("nobody asked for it in time")


def test_a_timeline_row_opens_to_the_original_json(context: BrowserContext, world: World, url: str) -> None:
    page = context.new_page()
    page.goto(f"{url}/people?q=anna")
    page.click(".people a")
    page.click(".timeline summary:has-text('Consent Given')")

    shown = page.wait_for_selector(".timeline details[open] .json span")
    assert shown is not None
    assert '"wording": "Send me news' in page.inner_text(".timeline details[open] .json")


def test_a_row_that_is_opened_before_the_script_has_arrived_fills_too(context: BrowserContext, url: str) -> None:
    page = context.new_page()
    page.goto(f"{url}/people?q=anna")
    person = page.get_attribute(".people a", "href")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/static/timeline.js", hold)
    page.goto(f"{url}{person}", wait_until="commit")
    page.click(".timeline summary >> nth=0")
    page.wait_for_timeout(200)  # the event of its opening is over
    held.pop().continue_()
    page.wait_for_selector(".timeline details[open] .json span")


def test_why_she_is_in_a_segment_or_not_is_a_click_away(context: BrowserContext, url: str) -> None:
    page = context.new_page()
    page.goto(f"{url}/people?q=anna")
    page.click(".people a")
    assert page.get_attribute("#segments li >> nth=0", "class") == "yes"
    page.click("#segments .fold summary")
    page.click("[data-segment=lapsed_90d] summary")

    shown = page.inner_text("[data-segment=lapsed_90d] .stand-more")
    assert "did Order Completed or Product Purchased" in shown
    assert re.search(r"last at \d+ \w+ 20\d\d, \d\d:\d\d:\d\d", shown)  # by the reader's clock
    assert re.search(r"If nothing happens, she enters at \d", shown)
    page.click("[data-segment=lapsed_90d] a")
    page.wait_for_selector("#coming li a")


def test_the_chain_of_a_message_is_as_dark_as_the_page(chromium: Browser, url: str) -> None:
    page = chromium.new_page(color_scheme="dark")
    page.goto(f"{url}/messages?state=accepted")
    page.click(".messages a")
    rows = page.eval_on_selector_all(".chain li", "all => all.map(row => getComputedStyle(row).backgroundColor)")
    assert set(rows) == {"rgba(0, 0, 0, 0)"}
    page.close()


def test_hostile_data_runs_nowhere_on_any_page(context: BrowserContext, tmp_path: Path) -> None:
    world = hostile(tmp_path, now_us())
    app = create_app(world.config)
    complaints: list[str] = []
    dialogs: list[str] = []
    with serving(app, before_stop=app.state.hub.stop) as url:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"{page.url} {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"{page.url} {error}"))
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        walked = []
        for path in walk(page, url):
            walked.append(path)
            for summary in page.query_selector_all(".timeline summary")[:3]:
                summary.click()
            for frame in page.frames:
                if frame.url.startswith(url):
                    assert frame.evaluate("window.pwned") is None, path
            planted = "main script, main [onerror], main [onload], main a[href^='javascript']"
            assert page.query_selector(planted) is None, path
        _watch_it_come_in(page, world, url)
        page.close()
    world.close()
    assert len(walked) > 40
    assert dialogs == []
    # Mails tried, and their sandbox refused; on our own pages there was nothing to refuse.
    tried = [one for one in complaints if "/inbox" not in one and "/messages" not in one]
    assert not [one for one in tried if "Content Security Policy" in one or "Error:" in one]


def _watch_it_come_in(page: Page, world: World, url: str) -> None:
    """The live feeds, too, show markup as text."""
    page.goto(url)
    page.wait_for_selector(".live-light.on")
    world.clock.set(now_us())
    for payload in PAYLOADS:
        world.track({"userId": payload}, payload + " live")
    world.run()
    page.wait_for_selector("[data-feed=events] li:first-child .feed-name:has-text('live')")
    assert page.inner_text("[data-feed=events] li:first-child .feed-name") == PAYLOADS[-1] + " live"
    assert page.evaluate("window.pwned") is None


def test_no_page_is_wider_than_a_phone_or_complains(chromium: Browser, world: World, url: str) -> None:
    changes.made(world)
    context = chromium.new_context(viewport={"width": 360, "height": 740})
    context.route(re.compile(r":830[02]/"), lambda route: route.fulfill(body="", content_type="image/svg+xml"))
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    main = [
        "/",
        "/people",
        "/people?q=anna",
        "/segments",
        "/segments/open_cart",
        "/journeys",
        "/journeys/abandoned_cart",
        "/definitions",
    ]
    main += [
        "/messages",
        f"/messages/{world.handed_over[0]}",
        "/rejected?source=web&reason=bad_json",
        "/inbox",
        "/inbox/1",
    ]
    main += ["/inbox/1?view=source", "/events/3"]
    world.note_layouts()
    sent = world.ledger.message(world.handed_over[0])
    anna = sent.profile_id if sent is not None else ""
    main += [f"/people/{anna}/why-not/{journey}" for journey in ("abandoned_cart", "win_back")]
    main += ["/journeys/abandoned_cart/try?as=anna", f"/journeys/second_order/try?as={anna}"]
    for path in main:
        page.goto(url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 360, path
    context.close()
    assert complaints == []


def test_the_page_says_when_the_console_is_gone(context: BrowserContext, world: World) -> None:
    app = create_app(world.config)
    page = context.new_page()
    with serving(app, before_stop=app.state.hub.stop) as url:
        page.goto(url)
        page.wait_for_selector(".live-light.on")
    page.wait_for_selector(".live-light:not(.on):has-text('not connected')")
