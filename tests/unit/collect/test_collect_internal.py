"""The internal door: our own roles' events and imports; nobody else gets in."""

from __future__ import annotations

import gzip
import json
import stat
from typing import Any

import pytest

from tests.unit.collect.collector import BASIC, EVENT, Answer, Collector
from tidings.domain.record import BACKFILL, REFUSED, LogRecord

OURS = {"type": "track", "event": "Email Sent", "context": {"profile_id": "p1"}, "messageId": "sent-1"}


def deliver(collector: Collector, value: Any, **headers: str) -> tuple[Answer, list[LogRecord]]:
    before = collector.head()
    key = (collector.data / "secrets" / "internal.key").read_text().strip()
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    answer = collector.ask("POST", "/internal/events", body, {"Authorization": f"Bearer {key}", **headers})
    return answer, collector.records(before)


def test_the_key_is_made_at_the_first_start_and_readable_by_us_alone(collector: Collector) -> None:
    path = collector.data / "secrets" / "internal.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert len(path.read_text().strip()) == 64
    assert [p.name for p in path.parent.iterdir() if p.name.startswith(".")] == []


def test_our_own_events_name_a_profile(collector: Collector) -> None:
    answer, kept = deliver(collector, {"source": "tidings", "records": [{"body": OURS}]})
    assert answer.json == {
        "success": True, "accepted": 1, "refused": 0, "first_offset": collector.head() - 1
    }  # fmt: skip
    assert [(r.source, r.flags, json.loads(r.body)) for r in kept] == [("tidings", 0, OURS)]


def test_the_same_event_from_another_source_names_nobody(collector: Collector) -> None:
    answer, kept = deliver(collector, {"source": "crm", "records": [{"body": OURS}]})
    assert answer.json["refused"] == 1
    assert kept[0].reason.startswith("missing_identifier")


def test_an_import_keeps_its_bytes_its_source_and_what_it_could_not_read(collector: Collector) -> None:
    body = b'{"source":"crm","backfill":true,"records":[{"body":{"type":"page" ,"userId":"1"}},{"refused":"bad_row: column 3","raw":"a;b\xc3\xbc"},{"refused":"odd"}]}'
    answer, kept = deliver(collector, body)
    assert (answer.json["accepted"], answer.json["refused"]) == (1, 2)
    assert kept == [
        LogRecord("crm", "", 0, b'{"type":"page" ,"userId":"1"}', BACKFILL),
        LogRecord("crm", "", 0, "a;bü".encode(), BACKFILL | REFUSED, "bad_row: column 3"),
        LogRecord("crm", "", 0, b"", BACKFILL | REFUSED, "refused: odd"),
    ]


def test_four_megabytes_are_taken_and_more_is_not(collector: Collector) -> None:
    records = [{"body": {**EVENT, "messageId": f"i-{n}", "properties": {"pad": "x" * 900}}} for n in range(4_000)]
    assert deliver(collector, {"source": "crm", "records": records})[0].json["accepted"] == 4_000
    answer, kept = deliver(collector, {"source": "crm", "records": records + records})
    assert (answer.status, kept) == (413, [])
    packed = gzip.compress(json.dumps({"source": "crm", "records": records}).encode())
    assert deliver(collector, packed)[0].json["accepted"] == 4_000
    answer, kept = deliver(collector, gzip.compress(bytes(40_000_000)))
    assert (answer.status, kept) == (413, [])


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer wrong", BASIC["Authorization"], "Bearer " + "0" * 64]
)
def test_without_the_key_nobody_gets_in(collector: Collector, authorization: str) -> None:
    answer, kept = deliver(collector, {"source": "tidings", "records": [{"body": OURS}]}, Authorization=authorization)
    assert (answer.status, answer.json["code"], kept) == (401, "unauthorised", [])


def test_the_internal_key_opens_no_public_path(collector: Collector) -> None:
    key = (collector.data / "secrets" / "internal.key").read_text().strip()
    assert collector.post("/v1/track", EVENT, {"Authorization": f"Bearer {key}"}).status == 401


@pytest.mark.parametrize(
    "value",
    [
        b"{",
        b"[]",
        {"records": []},
        {"source": "", "records": []},
        {"source": "x" * 101, "records": []},
        {"source": "crm"},
        {"source": "crm", "records": 5},
        b'{"source":"crm","records":' + b"[" * 5_000,
    ],
)
def test_what_cannot_be_read_is_refused_with_the_reason(collector: Collector, value: Any) -> None:
    answer, kept = deliver(collector, value)
    assert (answer.status, answer.json["code"], kept) == (400, "bad_body", [])


def test_a_record_without_a_body_is_refused_alone(collector: Collector) -> None:
    answer, kept = deliver(collector, {"source": "crm", "records": [{}, {"body": 5}, {"body": EVENT}]})
    assert (answer.json["accepted"], answer.json["refused"]) == (1, 2)
    assert len(kept) == 3
