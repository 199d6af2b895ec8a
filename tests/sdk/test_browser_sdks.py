"""The unmodified analytics.js of Segment (@segment/analytics-next) in a real Chromium against our collector."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.sdk import story
from tests.sdk.door import WRITE_KEY, Door, wait_until
from tests.sdk.flaky import SLOW_DOWN, STORED_BUT_BROKEN
from tests.sdk.pages import Site

KINDS = {"identify", "track", "page", "group", "alias"}
SNIPPET = """<!doctype html><title>Lamps</title>
<script>
  window.analytics = [];
  ["identify", "track", "page", "group", "alias", "load"].forEach(
    method => (analytics[method] = (...args) => analytics.push([method, ...args])));
  analytics._writeKey = "KEY";
  analytics._cdn = "CDN";
  analytics.load("KEY");
</script>
<script async src="/standalone.js"></script>"""
MODULE = """<!doctype html><title>Lamps</title>
<script src="/index.js"></script>
<script>window.analytics = AnalyticsNext.AnalyticsBrowser.load({writeKey: "KEY", cdnURL: "CDN"});</script>"""


@pytest.fixture
def tab(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


@pytest.fixture(params=[SNIPPET, MODULE], ids=["snippet", "module"])
def shop(request: pytest.FixtureRequest, tab: Page, site: Site, door: Door, node_modules: Path) -> Page:
    """A page with analytics.js, told nothing of us but the address that it gets its settings from."""
    scripts = node_modules / "@segment" / "analytics-next" / "dist" / "umd"
    for name in ("standalone.js", "index.js"):
        site.pages[f"/{name}"] = (scripts / name).read_text("utf-8")
    site.pages["/lamps"] = request.param.replace("KEY", WRITE_KEY).replace("CDN", door.url)
    tab.goto(f"{site.url}/lamps")
    return tab


def tell(tab: Page) -> None:
    tab.evaluate(
        """([userId, traits, event, properties, page, teamId, team, oldId]) => {
            analytics.identify(userId, traits);
            analytics.track(event, properties);
            analytics.page('Shop', 'Lamps', page);
            analytics.group(teamId, team);
            analytics.alias(userId, oldId);
        }""",
        [
            story.USER_ID,
            story.TRAITS,
            story.EVENT,
            story.PROPERTIES,
            story.PAGE,
            story.TEAM_ID,
            story.TEAM,
            story.OLD_ID,
        ],
    )


def test_every_call_is_read_back_and_only_the_settings_address_was_ours(shop: Page, door: Door, site: Site) -> None:
    """Trap 3: the settings that we serve bring the events here."""
    told_from_s = time.time()
    tell(shop)
    events = door.wait_for(5)
    story.check_story(events, told_from_s, KINDS)
    assert len({event.anonymous_id for event in events} - {""}) == 1
    page = next(event for event in events if event.kind == "page")
    assert page.context["page"]["url"] == f"{site.url}/lamps"
    settings = [one for one in door.proxy.exchanges if one.method == "GET"]
    assert settings[0].path == f"/v1/projects/{WRITE_KEY}/settings"


def test_failures_lose_nothing_and_count_nothing_twice(shop: Page, door: Door) -> None:
    door.proxy.faults.extend(story.FAULTS)
    told_from_s = time.time()
    tell(shop)
    again = sum(fault.delivered for fault in story.FAULTS)
    wait_until(lambda: len(door.stored()) == 5 + again, 20, lambda: f"5 events and {again} of them once more")
    events = door.wait_for(5)
    story.check_story(events, told_from_s, KINDS)
    story.check_failures_were_real(door, events)


def test_retries_pass_their_preflight(shop: Page, door: Door) -> None:
    """Trap 1: a retry asks for `authorization` and `x-retry-count`; if either is not allowed, it is never sent."""
    door.proxy.faults.append(STORED_BUT_BROKEN)
    shop.evaluate("analytics.identify('u1')")
    door.wait_for(1)
    wait_until_sent_twice(door)

    retry = door.proxy.posts()[-1]

    assert retry.headers["x-retry-count"] == "1"
    asked = [
        one.headers.get("access-control-request-headers", "") for one in door.proxy.exchanges if one.method == "OPTIONS"
    ]
    assert {"authorization", "x-retry-count"} <= {name for names in asked for name in names.split(",")}
    assert door.applied_duplicate_rejected() == [1, 1, 0]


def test_the_page_may_read_how_long_to_wait(shop: Page, door: Door) -> None:
    """Trap 1: `Retry-After` is hidden from the page unless the collector exposes it; here its own headers are used."""
    door.proxy.faults.append(SLOW_DOWN)
    shop.evaluate("analytics.identify('u1')")
    door.wait_for(1)
    wait_until_sent_twice(door)
    assert story.pause_after(door, SLOW_DOWN) >= SLOW_DOWN.retry_after_s


def wait_until_sent_twice(door: Door) -> None:
    wait_until(lambda: len(door.stored()) == 2, 10, lambda: "the event to be stored twice")


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/t", "/v1/track", "/v1/b"])
def test_cors_lets_any_shop_send_with_credentials(door: Door, path: str) -> None:
    """Traps 1 and 2, on the wire: what the answers to a preflight and to the call itself must say."""
    origin = "https://shop.example"
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(door.url).port)
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,x-retry-count"}
    connection.request("OPTIONS", path, headers={"Origin": origin, **asks})
    preflight = connection.getresponse()
    preflight.read()
    event = {"type": "track", "event": "Seen", "anonymousId": "a1", "messageId": f"cors-{path}"}
    body = {**event, "batch": [event], "writeKey": WRITE_KEY}
    connection.request("POST", path, json.dumps(body), {"Origin": origin, "Content-Type": "text/plain"})
    answer = connection.getresponse()
    answer.read()
    connection.close()

    assert preflight.status in (200, 204)
    allowed = {name.strip().lower() for name in (preflight.getheader("Access-Control-Allow-Headers") or "").split(",")}
    assert {"authorization", "x-retry-count"} <= allowed
    assert "POST" in (preflight.getheader("Access-Control-Allow-Methods") or "")
    assert answer.status == 200
    assert "Retry-After" in (answer.getheader("Access-Control-Expose-Headers") or "")
    for response in (preflight, answer):
        assert response.getheader("Access-Control-Allow-Origin") == origin
        assert response.getheader("Access-Control-Allow-Credentials") == "true"
