"""Our tracker in a real browser: what a visit tells the collector, and what survives failures and blocked storage."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Iterator
from itertools import pairwise
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.sdk.door import WRITE_KEY, Door, open_door, wait_until
from tests.sdk.flaky import BROKEN, REFUSED, STORED_BUT_CUT, UNAVAILABLE
from tests.sdk.pages import Site
from tests.sdk.tools import open_chromium
from tests.sdk.visit import BLOCK_STORAGE, CALLS, SILENCE, STUB, UNSENT, Visit
from tidings.domain.event import Event

UUID4 = r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"


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
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that has never been here."""
    context = chromium.new_context(locale="de-AT", timezone_id="Europe/Vienna", viewport={"width": 800, "height": 600})
    context.set_default_timeout(10_000)
    yield context
    for frame in [frame for page in context.pages for frame in page.frames]:
        frame.evaluate(SILENCE)
    context.close()


@pytest.fixture
def visit(visitor: BrowserContext, door: Door, site: Site) -> Visit:
    return Visit(visitor.new_page(), door, site)


def named(events: list[Event], name: str) -> Event:
    """The one event of that name."""
    (found,) = [event for event in events if event.name == name]
    return found


# ---- what a visit tells ----


def test_page_view_tells_where_the_visitor_is_and_came_from(visit: Visit, door: Door, site: Site) -> None:
    visit.go(
        "/first", attributes='data-auto-page="false"', body='<a href="/lamps?utm_source=mail&utm_campaign=may&q=x">'
    )
    site.pages["/lamps"] = site.pages["/first"].replace('data-auto-page="false"', "").replace("/first", "Lamps")
    before_s = time.time()
    visit.tab.evaluate("document.querySelector('a').click()")

    (event,) = door.wait_for(1)

    url = f"{site.url}/lamps?utm_source=mail&utm_campaign=may&q=x"
    page = {
        "url": url,
        "path": "/lamps",
        "search": "?utm_source=mail&utm_campaign=may&q=x",
        "title": "Shop Lamps",
        "referrer": f"{site.url}/first",
    }
    assert (event.kind, event.name, event.user_id) == ("page", "Page", "")
    assert event.context["page"] == page
    assert event.properties == page
    assert event.context["campaign"] == {"source": "mail", "name": "may"}
    assert (event.context["locale"], event.context["timezone"]) == ("de-AT", "Europe/Vienna")
    assert "Chrome" in event.context["userAgent"]
    assert event.context["library"] == {"name": "tidings.js", "version": "0.1.0"}
    assert "gpc" not in event.context
    assert before_s - 1 < event.occurred_us / 1e6 < time.time() + 1
    assert visit.complaints == []


def test_calls_made_before_the_tracker_has_loaded_are_kept_in_order(visit: Visit, door: Door) -> None:
    calls = (
        "<script>tidings.identify('u1', {plan: 'gold'}); tidings.track('Early', {n: 1}); tidings.ready(() => ready = 1)"
    )
    visit.go("/", before=STUB + calls + "</script>")

    events = door.wait_for(3)

    assert [event.name for event in events] == ["Identify", "Early", "Page"]
    assert {event.user_id for event in events} == {"u1"}
    assert events[0].traits == {"plan": "gold"}
    assert events[1].properties == {"n": 1}
    assert visit.run("ready") == 1
    assert visit.complaints == []


def test_the_documented_calls_arrive(visit: Visit, door: Door) -> None:
    visit.go("/", attributes='data-auto-page="false"', before=STUB + CALLS)
    identify, added, consent = door.wait_for(3)
    assert identify.traits == {"email": "ann@shop.example"}
    assert (added.name, added.properties["product_id"]) == ("Product Added", "lamp-1")
    assert (consent.name, consent.user_id) == ("Consent Given", "17850")


def test_a_kept_stub_still_works_after_loading(visit: Visit, door: Door) -> None:
    visit.go("/", before=STUB + "<script>kept = tidings</script>")
    visit.run("kept.push(['track', 'Late'])")
    assert {event.name for event in door.wait_for(2)} == {"Page", "Late"}


def test_a_failing_early_call_does_not_take_the_others_along(visit: Visit, door: Door) -> None:
    visit.go("/", before=STUB + "<script>tidings.ready(() => nothing.here); tidings.track('Next')</script>")
    assert {event.name for event in door.wait_for(2)} == {"Page", "Next"}


def test_every_method_sends_its_call(visit: Visit, door: Door) -> None:
    visit.go("/", attributes='data-auto-page="false"')
    visit.run("""
        tidings.identify('u7', {email: 'ann@shop.example'});
        tidings.track('Product Viewed', {sku: 'a1'}, {context: {shop: 'at'}, timestamp: '2026-01-31T12:00:00Z'});
        tidings.page('Shoes', 'Sandals', {size: 3});
        tidings.screen('Basket', {items: 2});
        tidings.group('g1', {name: 'Acme'});
        tidings.alias('u8');
    """)

    events = {event.kind: event for event in door.wait_for(6)}

    assert events["identify"].traits == {"email": "ann@shop.example"}
    assert events["track"].name == "Product Viewed"
    assert events["track"].properties == {"sku": "a1"}
    assert events["track"].context["shop"] == "at"
    assert abs(events["track"].occurred_us - 1_769_860_800_000_000) < 1_000_000
    assert events["page"].properties.items() >= {"category": "Shoes", "name": "Sandals", "size": 3}.items()
    assert events["screen"].properties == {"name": "Basket", "items": 2}
    assert events["group"].traits == {"name": "Acme"}
    assert (events["alias"].user_id, events["alias"].previous_id) == ("u8", "u7")
    assert {event.anonymous_id for event in events.values()} == {visit.run("tidings.anonymousId()")}
    assert {event.user_id for event in events.values()} == {"u7", "u8"}


def test_consent_is_an_event_with_its_wording(visit: Visit, door: Door) -> None:
    visit.go("/", attributes='data-auto-page="false"')
    visit.run("tidings.consent('marketing', true, 'Send me offers'); tidings.consent('marketing', false, 'Stop')")

    given, withdrawn = door.wait_for(2)

    assert (given.kind, given.name) == ("track", "Consent Given")
    assert given.properties == {"purpose": "marketing", "method": "checkbox", "wording": "Send me offers"}
    assert withdrawn.name == "Consent Withdrawn"
    assert withdrawn.properties == {"purpose": "marketing", "method": "checkbox", "wording": "Stop"}


def test_global_privacy_control_is_passed_on(visit: Visit, visitor: BrowserContext, door: Door) -> None:
    visitor.add_init_script("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})")
    visit.go("/")
    assert door.wait_for(1)[0].context["gpc"] is True


def test_data_api_host_says_where_to_send(visit: Visit, door: Door) -> None:
    visit.go("/", attributes='data-api-host="http://127.0.0.1:9/"')
    visit.tab.wait_for_function("localStorage.tidings_wait_until")
    assert [event["type"] for event in visit.unsent()] == ["page"]
    assert door.proxy.posts() == []


# ---- who the visitor is ----


def test_ids_are_kept_from_page_to_page(visit: Visit, door: Door) -> None:
    visit.go("/a")
    visit.run("tidings.identify(42)")
    door.wait_for(2)
    visit.go("/b")

    first, last = door.wait_for(4)[0], named(door.counted()[2:], "Page")

    assert (last.user_id, last.anonymous_id) == ("42", first.anonymous_id)
    assert visit.run("[tidings.user().id(), tidings.user().anonymousId()]") == ["42", first.anonymous_id]


def test_reset_and_another_user_each_get_a_new_anonymous_id(visit: Visit, door: Door) -> None:
    visit.go("/", attributes='data-auto-page="false"')
    visit.run("""
        tidings.identify('ann'); tidings.track('A');
        tidings.identify('bob'); tidings.track('B');
        tidings.reset(); tidings.track('C');
    """)

    events = [event for event in door.wait_for(5) if event.kind == "track"]

    assert [event.user_id for event in events] == ["ann", "bob", ""]
    assert len({event.anonymous_id for event in events}) == 3
    assert visit.run("tidings.user().id()") is None


def test_without_local_storage_the_ids_live_in_a_first_party_cookie(
    visit: Visit, visitor: BrowserContext, door: Door
) -> None:
    visitor.add_init_script(BLOCK_STORAGE)
    visit.go("/a", before=STUB + "<script>tidings.identify('u1')</script>")
    visit.go("/b")

    pages = [event for event in door.wait_for(4) if event.name == "Page"]

    assert {event.user_id for event in pages} == {"u1"}
    assert len({event.anonymous_id for event in pages}) == 1
    assert {cookie["name"]: cookie.get("sameSite") for cookie in visitor.cookies()} == {
        "tidings_anonymous_id": "Lax",
        "tidings_user_id": "Lax",
    }
    assert visit.complaints == []


def test_with_storage_and_cookies_blocked_the_page_is_still_counted(visit: Visit, door: Door, site: Site) -> None:
    """A sandboxed frame has neither; Chromium throws at the touch of them."""
    visit.go("/framed", attributes='data-auto-page="false"')
    site.pages["/framed"] = site.pages["/framed"].replace('data-auto-page="false"', "")
    site.pages["/frame"] = '<iframe sandbox="allow-scripts" src="/framed"></iframe>'
    visit.tab.goto(site.url + "/frame")

    (event,) = door.wait_for(1)

    assert event.anonymous_id
    assert visit.complaints == []


# ---- leaving ----


def test_leaving_tells_time_on_page_and_scroll_depth_by_beacon(visit: Visit, door: Door) -> None:
    visit.go("/long", body='<div style="height: 2384px"></div>')  # and 8 px of margin at both ends: 2400
    visit.run("scrollTo(0, 1200)")
    visit.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")  # it is seen
    visit.run("scrollTo(0, 0)")
    door.wait_for(1)
    visit.tab.wait_for_timeout(300)
    seen_at_s = time.monotonic()
    visit.leave()

    left = named(door.wait_for(2), "Page Left")

    assert left.kind == "track"
    assert left.properties["scroll_depth"] == 75  # 1200 + a window of 600, of 2400
    assert 300 <= left.properties["time_on_page_ms"] < 10_000 + (time.monotonic() - seen_at_s) * 1000
    assert left.context["page"]["path"] == "/long"
    sent = door.proxy.posts()[-1]
    assert sent.headers["content-type"].startswith("text/plain")
    assert sent.headers["sec-fetch-mode"] == "no-cors"  # what a beacon is, and a fetch of ours is not
    assert sent.payload()["writeKey"] == WRITE_KEY
    assert visit.complaints == []


def test_closing_the_tab_counts_as_leaving(visit: Visit, door: Door) -> None:
    visit.go("/")
    door.wait_for(1)
    with visit.tab.expect_event("close"):
        visit.tab.close(run_before_unload=True)
    assert named(door.wait_for(2), "Page Left").properties["scroll_depth"] == 100


def test_only_visible_time_counts_and_a_view_is_left_once(visit: Visit, visitor: BrowserContext, door: Door) -> None:
    visitor.add_init_script("""
        let visible = false;
        Object.defineProperty(document, 'visibilityState', {get: () => visible ? 'visible' : 'hidden'});
        show = now => { visible = now; document.dispatchEvent(new Event('visibilitychange')); };
    """)
    visit.go("/")
    visit.tab.wait_for_timeout(1000)  # opened in a background tab
    visit.run("show(true)")
    visit.tab.wait_for_timeout(200)
    visit.run("show(false); show(true); show(false)")
    visit.leave()

    left = named(door.wait_for(2), "Page Left")

    assert 200 <= left.properties["time_on_page_ms"] < 1000


def test_an_event_made_while_leaving_arrives(visit: Visit, door: Door) -> None:
    visit.go("/")
    visit.run("addEventListener('pagehide', () => tidings.track('Goodbye'))")
    visit.run("tidings.track('Add to Cart'); location.href = '/elsewhere'")
    assert {event.name for event in door.wait_for(4)} == {"Page", "Add to Cart", "Page Left", "Goodbye"}


def test_single_page_application_gets_a_view_per_address(visit: Visit, door: Door, site: Site) -> None:
    visit.go("/one#top", attributes="data-spa")
    door.wait_for(1)
    visit.run("history.pushState({}, '', '/two'); document.title = 'Two'")
    door.wait_for(3)
    visit.run("history.pushState({}, '', '/two#part')")  # the same page
    visit.run("history.go(-2)")

    events = door.wait_for(5)

    views = [event.properties for event in events if event.name == "Page"]
    assert [view["path"] for view in views] == ["/one", "/two", "/one"]
    assert [view["referrer"] for view in views] == ["", f"{site.url}/one", f"{site.url}/two"]
    assert views[1]["title"] == "Two"
    assert views[2]["url"] == f"{site.url}/one"
    left = [event.context["page"]["path"] for event in events if event.name == "Page Left"]
    assert left == ["/one", "/two"]


# ---- failures ----


def test_a_503_is_retried_after_the_time_that_the_server_asks_for(visit: Visit, door: Door) -> None:
    door.proxy.faults.append(UNAVAILABLE)
    visit.go("/")

    (event,) = door.wait_for(1)

    first, second = door.proxy.posts()
    assert first.event_ids() == second.event_ids() == [event.event_id]
    assert 1.0 <= second.at_s - first.at_s < 5
    assert first.payload()["sentAt"] < second.payload()["sentAt"]


def test_the_wait_holds_for_the_next_page_too(visit: Visit, door: Door) -> None:
    door.proxy.faults.append(UNAVAILABLE)
    visit.go("/a")
    wait_until(lambda: len(door.proxy.posts()) == 1, 5, lambda: "the first request")
    visit.go("/b")

    door.wait_for(3)

    first, second, *_ = door.proxy.posts()
    assert second.at_s - first.at_s >= 1.0


def test_without_retry_after_the_pauses_grow(visit: Visit, door: Door) -> None:
    door.proxy.faults.extend([BROKEN, BROKEN, BROKEN])
    visit.go("/")
    door.wait_for(1)
    at_s = [post.at_s for post in door.proxy.posts()]
    pauses = [later - earlier for earlier, later in pairwise(at_s)]
    assert len(pauses) == 3
    assert pauses[0] >= 0.25  # half of each is chance
    assert pauses[1] >= 0.5
    assert pauses[2] >= 1


def test_an_unanswered_event_is_sent_again_under_its_id_and_counts_once(visit: Visit, door: Door) -> None:
    door.proxy.faults.append(STORED_BUT_CUT)
    visit.go("/")
    wait_until(lambda: len(door.stored()) == 2, 10, lambda: "the event to be stored twice")
    (event,) = door.counted()
    assert door.proxy.times_delivered() == {event.event_id: 2}


def test_events_made_offline_are_sent_from_the_next_page(visit: Visit, visitor: BrowserContext, door: Door) -> None:
    visit.go("/a", attributes='data-auto-page="false"')
    visitor.set_offline(True)
    visit.run("tidings.track('In the tunnel')")
    visit.tab.wait_for_function("localStorage.tidings_wait_until")
    (kept,) = visit.unsent()
    visitor.set_offline(False)
    visit.go("/b", attributes='data-auto-page="false"')

    (event,) = door.wait_for(1)

    assert (event.name, event.event_id) == ("In the tunnel", kept["messageId"])
    assert event.context["page"]["path"] == "/a"
    visit.wait_until_all_is_sent()


def test_a_refused_event_is_not_sent_again(visit: Visit, door: Door) -> None:
    door.proxy.faults.append(REFUSED)
    visit.go("/a", attributes='data-auto-page="false"')
    visit.run("tidings.track('Bad')")
    wait_until(lambda: len(door.proxy.posts()) == 1, 5, lambda: "the refusal")
    visit.wait_until_all_is_sent()
    visit.run("tidings.track('Good')")
    assert [event.name for event in door.wait_for(1)] == ["Good"]


def test_twenty_events_go_at_once_and_no_batch_is_larger(visit: Visit, door: Door) -> None:
    visit.go("/", attributes='data-auto-page="false"')
    visit.run("for (let n = 0; n < 45; n++) tidings.track('N', {n})")
    events = door.wait_for(45)
    assert [event.properties["n"] for event in events] == list(range(45))
    assert [len(post.event_ids()) for post in door.proxy.posts()] == [20, 20, 5]


def test_what_happens_in_a_moment_goes_together_soon_after_it(visit: Visit, door: Door) -> None:
    """Long before the half second that a steady stream may wait: a click that leaves the page finds little to send again."""
    visit.go("/", attributes='data-auto-page="false"')
    visit.run(
        "window.asked = 0; const real = fetch; window.fetch = (...words) => { asked++; return real(...words); }; 0"
    )
    told = "tidings.track('A'); setTimeout(() => tidings.track('B'), 5);"
    asked = visit.run(f"() => {{ {told} return new Promise(done => setTimeout(() => done(asked), 300)) }}")
    door.wait_for(2)
    assert asked >= 1, "on its way when the page's own clock says 300 ms"
    assert sum(len(post.event_ids()) for post in door.proxy.posts()) == 2, "and each once"


def test_big_events_share_no_request_that_the_browser_would_refuse(visit: Visit, door: Door) -> None:
    visit.go("/", attributes='data-auto-page="false"')
    visit.run("for (let n = 0; n < 6; n++) tidings.track('Big', {n, text: 'é'.repeat(12000)})")
    assert len(door.wait_for(6)) == 6
    assert max(len(post.body) for post in door.proxy.posts()) < 64 * 1024


def test_what_cannot_be_sent_is_dropped_alone(visit: Visit, door: Door) -> None:
    visit.go("/", attributes='data-auto-page="false"')
    visit.run(
        "tidings.track('Huge', {text: 'x'.repeat(40000)}); loop = {}; loop.self = loop; tidings.track('Loop', loop)"
    )
    visit.run("tidings.track('Fine')")
    assert [event.name for event in door.wait_for(1)] == ["Fine"]
    assert visit.unsent() == []


def test_at_most_200_events_wait_the_newest_ones(visit: Visit, visitor: BrowserContext, door: Door) -> None:
    visit.go("/", attributes='data-auto-page="false"')
    visitor.set_offline(True)
    visit.run("for (let n = 0; n < 230; n++) tidings.track('N', {n})")
    assert [event["properties"]["n"] for event in visit.unsent()] == list(range(30, 230))


def test_two_tabs_do_not_lose_each_others_unsent_events(
    visit: Visit, visitor: BrowserContext, door: Door, site: Site
) -> None:
    visit.go("/a", attributes='data-auto-page="false"')
    other = Visit(visitor.new_page(), door, site)
    other.go("/b", attributes='data-auto-page="false"')
    visitor.set_offline(True)
    visit.run("tidings.track('Here')")
    other.run("tidings.track('There')")
    both = {"Here", "There"}  # a tab sees a little later what another one has written
    wait_until(lambda: {event["event"] for event in visit.unsent()} == both, 5, lambda: "both to be kept")
    visitor.set_offline(False)
    assert {event.name for event in door.wait_for(2)} == {"Here", "There"}
    visit.wait_until_all_is_sent()


def test_damaged_storage_does_no_harm(visit: Visit, visitor: BrowserContext, door: Door) -> None:
    visitor.add_init_script(f"localStorage['{UNSENT}1'] = '{{not json'; localStorage.tidings_wait_until = 'x'")
    visit.go("/")
    assert [event.name for event in door.wait_for(1)] == ["Page"]
    assert visit.complaints == []


def test_a_wait_left_by_a_clock_that_was_set_back_is_ignored(visit: Visit, visitor: BrowserContext, door: Door) -> None:
    visitor.add_init_script("localStorage.tidings_wait_until = Date.now() + 86400000")
    visit.go("/")
    door.wait_for(1)


def test_event_ids_are_version_4_uuids(visit: Visit, door: Door) -> None:
    visit.go("/")
    (event,) = door.wait_for(1)
    assert re.match(UUID4, event.event_id)


def test_the_collector_serves_it_in_at_most_5_kb(door: Door) -> None:
    with urlopen(Request(f"{door.url}/tidings.js", headers={"Accept-Encoding": "gzip"})) as answer:
        body = answer.read()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(body) <= 5 * 1024
    assert b"data-write-key" in gzip.decompress(body)
