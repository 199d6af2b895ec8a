"""The unmodified Python SDKs of Segment and RudderStack against our collector."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

from tests.sdk import story
from tests.sdk.door import WRITE_KEY, Door
from tests.sdk.flaky import SLOW_DOWN

KINDS = {"identify", "track", "page", "screen", "group", "alias"}


def segment(url: str, gzip: bool) -> Any:
    return SegmentClient(WRITE_KEY, host=url, gzip=gzip, upload_interval=0.1)


def rudder(url: str, gzip: bool) -> Any:
    return RudderClient(WRITE_KEY, host=url, gzip=gzip, upload_interval=0.1)


@pytest.fixture(params=[segment, rudder], ids=["segment-analytics-python", "rudder-sdk-python"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[[str, bool], Any]]:
    clients = []

    def make(url: str, gzip: bool) -> Any:
        clients.append(request.param(url, gzip))
        return clients[-1]

    yield make
    for client in clients:
        client.join()


def tell(client: Any) -> None:
    client.identify(story.USER_ID, dict(story.TRAITS))
    client.track(story.USER_ID, story.EVENT, dict(story.PROPERTIES))
    client.page(story.USER_ID, "Shop", "Lamps", dict(story.PAGE))
    client.screen(story.USER_ID, "Shop", "Lamp", {})
    client.group(story.USER_ID, story.TEAM_ID, dict(story.TEAM))
    client.alias(story.OLD_ID, story.USER_ID)


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
def test_every_call_is_read_back_from_the_log(connect: Callable[[str, bool], Any], door: Door, gzip: bool) -> None:
    told_from_s = time.time()
    tell(connect(door.url, gzip))
    story.check_story(door.wait_for(6), told_from_s, KINDS)
    assert {post.headers.get("content-encoding") for post in door.proxy.posts()} == {"gzip" if gzip else None}


def test_failures_lose_nothing_and_count_nothing_twice(connect: Callable[[str, bool], Any], door: Door) -> None:
    door.proxy.faults.extend(story.FAULTS)
    told_from_s = time.time()
    client = connect(door.url, True)
    tell(client)
    client.flush()

    events = door.wait_for(6)

    story.check_story(events, told_from_s, KINDS)
    story.check_failures_were_real(door, events)


def test_segment_waits_as_long_as_it_is_told(door: Door) -> None:
    door.proxy.faults.append(SLOW_DOWN)
    client = segment(door.url, True)
    client.track(story.USER_ID, story.EVENT)
    door.wait_for(1)
    client.flush()
    assert story.pause_after(door, SLOW_DOWN) >= SLOW_DOWN.retry_after_s
    client.join()


def test_the_callers_own_message_id_and_time_are_kept(connect: Callable[[str, bool], Any], door: Door) -> None:
    client = connect(door.url, True)
    at = datetime(2026, 1, 31, 12, 0, 0, 250_000, tzinfo=UTC)
    client.track(story.USER_ID, "Order Completed", {"total": 7}, timestamp=at, message_id="order-7")
    (event,) = door.wait_for(1)
    assert event.event_id == "order-7"
    assert abs(event.occurred_us / 1e6 - at.timestamp()) < 2  # corrected by the (small) skew of the two clocks
