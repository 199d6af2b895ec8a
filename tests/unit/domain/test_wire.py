"""From the wire to an event: what the core could not store or would misread is refused, with its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.unit.core import World, definitions
from tidings.clock import HOUR_US, SECOND_US, iso
from tidings.collect import calls
from tidings.domain import profile as profiles
from tidings.domain.event import Event, Rejected
from tidings.domain.record import REFUSED, LogRecord
from tidings.domain.wire import normalise

NOW_US = 1_800_000_000_000_000


def read(body: bytes | dict[str, Any], kind: str = "", sent_us: int = 0) -> Event | Rejected:
    data = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return normalise(LogRecord("web", kind, sent_us, data), 7, NOW_US)


def event(**fields: Any) -> Event:
    found = read({"type": "track", "event": "X", "userId": "u", **fields})
    assert isinstance(found, Event)
    return found


def refusal(body: bytes | dict[str, Any], kind: str = "") -> str:
    found = read(body, kind)
    assert isinstance(found, Rejected)
    return found.reason


def test_an_instant_is_what_the_client_says() -> None:
    at_us = NOW_US - HOUR_US
    assert event(timestamp=iso(at_us)).occurred_us == at_us
    assert event(timestamp=at_us // 1000).occurred_us == at_us
    assert event(originalTimestamp=iso(at_us)).occurred_us == at_us
    assert event(timestamp="2027-01-15T09:00:00+02:00").occurred_us == event(timestamp="2027-01-15T07:00").occurred_us


def test_without_an_instant_it_happened_when_the_log_took_it() -> None:
    for nothing in (None, "", 0):
        assert event(timestamp=nothing).occurred_us == NOW_US


def test_a_wrong_clock_is_corrected_by_when_it_says_it_sent() -> None:
    wrong_us = NOW_US + 5 * HOUR_US
    found = event(timestamp=iso(wrong_us - 60 * SECOND_US), sentAt=iso(wrong_us))
    assert found.occurred_us == NOW_US - 60 * SECOND_US


def test_the_batchs_own_instant_of_sending_serves_when_the_event_has_none() -> None:
    body = {"type": "track", "event": "X", "userId": "u", "timestamp": iso(NOW_US - 2 * HOUR_US)}
    found = read(body, sent_us=NOW_US - HOUR_US)
    assert isinstance(found, Event)
    assert found.occurred_us == NOW_US - HOUR_US


def test_nothing_happens_in_the_future() -> None:
    assert event(timestamp=iso(NOW_US + HOUR_US)).occurred_us == NOW_US
    assert event(timestamp="9999-12-31T23:59:59-14:00").occurred_us == NOW_US


@pytest.mark.parametrize(
    "when", ["yesterday", "2026-13-01", -5, 1e308, "1979-12-31", "0001-01-01T00:00:00+14:00", -1e300]
)
def test_an_instant_that_cannot_be_is_refused(when: Any) -> None:
    assert refusal({"type": "track", "event": "X", "userId": "u", "timestamp": when}) == "bad_timestamp"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "bad_json"),
        (b"[]", "bad_json"),
        (b'{"type":"track"', "bad_json"),
        (b'{"type":"track","event":5,"userId":"u"}', "bad_json"),
        (b'{"type":"track","event":"X","userId":"u","timestamp":true}', "bad_json"),
        (b'{"type":"track","event":"X","userId":"u","properties":{"a":1e999}}', "bad_json"),
        (b'{"type":"track","event":"X","userId":"u","properties":{"a":NaN}}', "bad_json"),
        (b'{"type":"track","event":"X","userId":"u","properties":{"a":"\xff"}}', "bad_json"),
        (b'{"type":"track","event":"X","userId":"\\ud800x"}', "bad_json"),
        (b'{"type":"track","event":"X","userId":"u","properties":[1]}', "bad_json"),
        (b'{"type":"dance","userId":"u"}', "unknown_type"),
        (b'{"userId":"u"}', "unknown_type"),
        (b'{"type":"track","userId":"u"}', "missing_event_name"),
        (b'{"type":"track","event":"","userId":"u"}', "missing_event_name"),
        (b'{"type":"track","event":"%s","userId":"u"}' % (b"X" * 201), "name_too_long"),
        (b'{"type":"track","event":"X"}', "missing_identifier"),
        (b'{"type":"track","event":"X","userId":null,"anonymousId":""}', "missing_identifier"),
        (b'{"type":"track","event":"X","userId":"%s"}' % (b"u" * 201), "id_too_long"),
        (b'{"type":"track","event":"X","userId":"u","messageId":"%s"}' % (b"u" * 201), "id_too_long"),
        (b'{"type":"track","event":"X","userId":"u","properties":{"a":"%s"}}' % (b"x" * 33_000), "too_large"),
        (b'{"type":"track","event":"X","userId":"u","properties":%s1%s}' % (b'{"a":' * 40, b"}" * 40), "too_deep"),
        (b'{"type":"group","userId":"u","groupId":%s}' % (b"9" * 30), "number_out_of_range"),
    ],
)
def test_a_bad_event_is_a_value_with_its_reason(body: bytes, reason: str) -> None:
    assert refusal(body) == reason


@pytest.mark.parametrize("field", ["userId", "anonymousId", "previousId", "groupId"])
@pytest.mark.parametrize("value", [b"9" * 19, b"9" * 30, b"9" * 250, b'"%s"' % (b"9" * 250), b"true", b"{}"])
def test_the_doors_quick_look_and_the_core_agree_on_ids(field: str, value: bytes) -> None:
    fields = {"userId": b'"u"', "anonymousId": b'"a"', field: value}
    body = b'{"type":"group",%s}' % b",".join(b'"%s":%s' % (name.encode(), raw) for name, raw in fields.items())
    assert calls.single(body, "group", "web", NOW_US).accepted == isinstance(read(body), Event)


def test_what_the_door_refused_keeps_its_reason() -> None:
    found = normalise(LogRecord("file", "", 0, b"a;b", REFUSED, "bad_line: 2 columns: wanted 3"), 0, NOW_US)
    assert found == Rejected(reason="bad_line", detail="2 columns: wanted 3")


def test_only_our_own_source_may_name_a_profile() -> None:
    body = msgspec.json.encode({"type": "track", "event": "X", "userId": "u", "context": {"profile_id": "p"}})
    assert read(body).profile_id == ""  # type: ignore[union-attr]
    assert normalise(LogRecord("tidings", "", 0, body), 0, NOW_US).profile_id == "p"  # type: ignore[union-attr]


def test_an_event_without_an_id_has_its_place_in_the_log_for_one() -> None:
    assert event().event_id == event(messageId="").event_id == "offset-7"
    assert event(messageId="m").event_id == "m"


def test_numbers_at_the_edge_of_64_bits_are_stored(tmp_path: Path) -> None:
    world = World(definitions(tmp_path, traits="a: {last: {event: X, property: a}}"))
    for number in (2**63 - 1, -(2**63), 1e308, -5e-324):
        world.track(0, "X", {"a": number})
        assert profiles.decode(profiles.encode(world.person())) == world.person()
