"""Our own tidings.js tells the same story under the same failures; and the file that ships is what its source builds."""

from __future__ import annotations

import gzip
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.sdk import story
from tests.sdk.door import WRITE_KEY, Door, wait_until
from tests.sdk.flaky import SLOW_DOWN
from tests.sdk.pages import Site
from tests.sdk.tools import install_packages, node

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "src" / "tidings" / "collect" / "static" / "tidings.js"
KINDS = {"identify", "track", "page", "screen", "group", "alias"}
PAGE = """<!doctype html><title>Lamps</title>
<script async src="URL/tidings.js" data-write-key="KEY" data-auto-page="false"></script>"""


@pytest.fixture
def tab(chromium: Browser, site: Site, door: Door) -> Iterator[Page]:
    context = chromium.new_context()
    context.set_default_timeout(10_000)
    tab = context.new_page()
    site.pages["/lamps"] = PAGE.replace("URL", door.url).replace("KEY", WRITE_KEY)
    tab.goto(f"{site.url}/lamps")
    tab.wait_for_function("window.tidings")
    yield tab
    context.close()


def tell(tab: Page) -> None:
    tab.evaluate(
        """([userId, traits, event, properties, page, team, oldId]) => {
            tidings.identify(userId, traits);
            tidings.track(event, properties);
            tidings.page('Shop', 'Lamps', page);
            tidings.screen('Lamp');
            tidings.group('team-3', team);
            tidings.alias(userId, oldId);
        }""",
        [story.USER_ID, story.TRAITS, story.EVENT, story.PROPERTIES, story.PAGE, story.TEAM, story.OLD_ID],
    )


def test_every_call_is_read_back_from_the_log(tab: Page, door: Door) -> None:
    told_from_s = time.time()
    tell(tab)
    story.check_story(door.wait_for(6), told_from_s, KINDS)


def test_failures_lose_nothing_and_count_nothing_twice(tab: Page, door: Door) -> None:
    door.proxy.faults.extend(story.FAULTS)
    told_from_s = time.time()
    tell(tab)
    # A busy browser may put the six events into more than one batch; then only the first one meets the faults.
    wait_until(lambda: not door.proxy.faults and len(door.stored()) > 6, 30, lambda: "events stored again by a retry")
    time.sleep(4)  # the last retry, and a second batch if there was one
    events = door.wait_for(6)
    story.check_story(events, told_from_s, KINDS)
    story.check_failures_were_real(door, events)
    assert story.pause_after(door, SLOW_DOWN) >= SLOW_DOWN.retry_after_s


def test_the_shipped_file_is_what_the_source_builds() -> None:
    install_packages(ROOT / "sdk" / "js")
    command = [node(), "build.mjs", "--check"]
    done = subprocess.run(command, cwd=ROOT / "sdk" / "js", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_the_shipped_file_has_at_most_5_kb_gzipped() -> None:
    assert len(gzip.compress(SHIPPED.read_bytes())) <= 5 * 1024
