"""The story that every SDK tells in these tests, and what the log must say of it afterwards.

Ann visits anonymously, signs up, looks at a lamp, joins a team, and her old id is tied to the new one. Each SDK tells
it with the calls that it has; the events are the same.
"""

from __future__ import annotations

import time

from tests.sdk.door import Door
from tests.sdk.flaky import BROKEN, SLOW_DOWN, STORED_BUT_CUT, Fault
from tidings.domain.event import Event

USER_ID = "ann-17"
TRAITS = {"email": "ann@shop.example", "plan": "gold"}
EVENT = "Product Viewed"
PROPERTIES = {"sku": "lamp-1", "price": 49.5, "tags": ["new", "brass"], "note": "Grüße ☕"}
PAGE = {"path": "/lamps", "title": "Lamps"}
TEAM_ID = "team-3"
TEAM = {"name": "Acme"}
OLD_ID = "old-ann"

FAULTS = (BROKEN, SLOW_DOWN, STORED_BUT_CUT)
"""Not stored; stored, but told to slow down; stored, but never answered. Then the collector answers itself."""


def check_story(events: list[Event], told_from_s: float, kinds: set[str]) -> None:
    """Every call of the story arrived once, with its names, ids, contents and time."""
    by_kind = {event.kind: event for event in events}
    assert len(by_kind) == len(events), [event.kind for event in events]
    assert set(by_kind) == kinds
    for event in events:
        assert event.user_id == USER_ID
        assert event.event_id
        assert event.source == "web"
        assert told_from_s - 1 <= event.occurred_us / 1e6 <= time.time() + 1
        assert event.occurred_us <= event.received_us
    assert by_kind["identify"].traits == TRAITS
    track = by_kind["track"]
    assert (track.name, track.properties) == (EVENT, PROPERTIES)
    assert by_kind["page"].properties.items() >= PAGE.items()
    if "group" in kinds:
        assert by_kind["group"].traits == TEAM
    if "alias" in kinds:
        assert by_kind["alias"].previous_id == OLD_ID


def check_failures_were_real(door: Door, events: list[Event]) -> None:
    """The faults were met, at least one event was really sent and stored twice, and none counts twice."""
    assert not door.proxy.faults, "not every fault was met"
    ids = {event.event_id for event in events}
    delivered = door.proxy.times_delivered()
    assert set(delivered) == ids, "an event changed its id between two attempts, or was never delivered"
    assert max(delivered.values()) >= 2
    assert len(door.stored()) == delivered.total() > len(events)
    applied, duplicates, rejected = door.applied_duplicate_rejected()
    assert (applied, duplicates, rejected) == (len(events), delivered.total() - len(events), 0)


def pause_after(door: Door, fault: Fault) -> float:
    """Seconds from the request that met `fault` to the next one with its first event."""
    posts = door.proxy.posts()
    (met,) = [post for post in posts if post.fault is fault]
    event_id = met.event_ids()[0]
    return min(post.at_s for post in posts if post.at_s > met.at_s and event_id in post.event_ids()) - met.at_s
