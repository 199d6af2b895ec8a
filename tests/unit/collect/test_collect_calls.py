"""The check at the door: the quick way takes nothing that `normalise` refuses, and splits bodies byte for byte."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidings.collect import calls
from tidings.domain.event import KINDS, Event
from tidings.domain.record import LogRecord
from tidings.domain.wire import normalise
from tidings.errors import InputError
from tidings.log import packed

NOW_US = 1_790_000_000_000_000

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=4), v, max_size=3), max_leaves=8
)
TIMES = st.one_of(
    st.datetimes().map(lambda t: t.isoformat()),
    st.datetimes().map(lambda t: t.isoformat() + "Z"),
    st.sampled_from(
        ["", "2026-06-01T12:00:00.123456789Z", "2026-06-01", "2026-06-01T12:00+05", "2026-02-30T00:00:00Z"]
    ),
    st.sampled_from(["1979-12-31T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+23:59", "x"]),
    st.integers(-(10**15), 10**15),
    VALUES,
)
NOBODY = st.sampled_from(
    ["null", " NULL ", "undefined", "0", "anonymous", "\u00a0nil\u2003", "guest" + " " * 30, 0, -1]
)
IDS = st.one_of(NOBODY, st.uuids().map(str), st.text(max_size=3), st.text(min_size=199, max_size=202), VALUES)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.one_of(st.sampled_from([*KINDS, "Track", ""]), VALUES),
    "event": IDS,
    "messageId": IDS,
    "userId": IDS,
    "anonymousId": IDS,
    "previousId": IDS,
    "name": IDS,
    "category": IDS,
    "groupId": IDS,
    "timestamp": TIMES,
    "originalTimestamp": TIMES,
    "sentAt": TIMES,
    "properties": VALUES,
    "traits": VALUES,
    "context": VALUES,
    "integrations": VALUES,
    "unheard_of": VALUES,
}
OPTIONAL = {name: values for name, values in FIELDS.items() if name not in ("type", "userId")}
EVENTS = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(KINDS), "userId": st.just("7")}, optional=OPTIONAL),
    st.fixed_dictionaries({"type": st.sampled_from(KINDS), "userId": NOBODY}, optional=OPTIONAL),
    st.fixed_dictionaries({}, optional=FIELDS),
    VALUES,
)
GOOD = {"type": "track", "event": "Viewed", "userId": "7", "timestamp": "2026-06-01T12:00:00Z"}


def kept(parsed: calls.Parsed) -> list[LogRecord]:
    """What a reader of the log gets."""
    form, count, data = packed.encode(parsed.records)
    records = packed.decode(form, data)
    assert len(records) == count == parsed.accepted + parsed.refused
    return records


def verdicts(records: list[LogRecord]) -> list[bool]:
    plain = [LogRecord(r.source, r.kind, r.sent_us, r.body) for r in records]
    return [isinstance(normalise(record, 0, NOW_US), Event) for record in plain]


@given(events=st.lists(EVENTS, max_size=4), sent=TIMES)
@settings(max_examples=600, deadline=None)
def test_a_batch_is_judged_as_normalise_judges_each_event(events: list[Any], sent: Any) -> None:
    body = json.dumps({"batch": events, "sentAt": sent}).encode()
    try:
        parsed = calls.batch(body, "web", NOW_US)
    except InputError:
        assert b"NaN" in body or b"Infinity" in body, "JSON that Python writes and nobody else reads"
        return
    records = kept(parsed)
    assert [not r.flags for r in records] == verdicts(records)
    assert parsed.refused == sum(bool(r.flags) for r in records)
    assert b'{"batch": [' + b", ".join(r.body for r in records) + b"]" == body[: body.rindex(b', "sentAt"')]


@given(event=EVENTS, kind=st.sampled_from(KINDS))
@settings(max_examples=600, deadline=None)
def test_a_single_call_is_judged_as_normalise_judges_it(event: Any, kind: str) -> None:
    body = json.dumps(event).encode()
    try:
        parsed = calls.single(body, kind, "web", NOW_US)
    except InputError:
        return
    records = kept(parsed)
    assert [not r.flags for r in records] == verdicts(records)
    assert records[0].body == body


@given(position=st.integers(0, 10_000), byte=st.integers(0, 255), event=st.just(GOOD))
@settings(max_examples=500, deadline=None)
def test_a_broken_byte_is_judged_as_normalise_judges_it(position: int, byte: int, event: dict[str, Any]) -> None:
    body = bytearray(json.dumps({"batch": [{**event, "properties": {"a": "é\u20ac", "n": 1.5e3}}]}).encode())
    body[position % len(body)] = byte
    try:
        parsed = calls.batch(bytes(body), "web", NOW_US)
    except InputError:
        return
    assert [not r.flags for r in kept(parsed)] == verdicts(kept(parsed))


@pytest.mark.parametrize("number", ["1e999", "-1e400", "9" * 400, "1" + "0" * 30])
def test_numbers_that_do_not_fit_are_judged_alike(number: str) -> None:
    body = json.dumps({"batch": [{**GOOD, "properties": {"n": 0}}]}).replace('"n": 0', f'"n": {number}').encode()
    parsed = calls.batch(body, "web", NOW_US)
    assert [not r.flags for r in kept(parsed)] == verdicts(kept(parsed))


@pytest.mark.parametrize("text", [b"\xff", b"\\ud800", b"\\x", b"\x01", b"\\u12"])
def test_text_that_is_not_text_is_judged_alike(text: bytes) -> None:
    body = json.dumps({"batch": [{**GOOD, "properties": {"t": "HERE"}}, GOOD]}).encode().replace(b"HERE", text)
    try:
        parsed = calls.batch(body, "web", NOW_US)
    except InputError:
        return
    assert [not r.flags for r in kept(parsed)] == verdicts(kept(parsed))


def test_the_usual_event_takes_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the throughput of the door would fall to a third without any other test noticing."""
    monkeypatch.delattr(calls, "normalise")
    usual = {
        **GOOD,
        "messageId": "ajs-next-1",
        "properties": {"price": 1.5, "tags": ["a"], "address": {"city": "x", "geo": {"lat": 1}}},
        "context": {"page": {"url": "https://x"}, "campaign": {"name": "c"}, "traits": {"email": "a@b.c"}},
        "integrations": {"All": True},
        "_metadata": {"bundled": ["Segment.io"], "unbundled": []},
        "channel": "client",
        "writeKey": "wk",
        "sentAt": "2026-06-01T12:00:01Z",
    }
    assert calls.batch(json.dumps({"batch": [usual]}).encode(), "web", NOW_US).refused == 0
    assert calls.single(json.dumps(usual).encode(), "track", "web", NOW_US).refused == 0


def test_a_large_event_in_a_large_batch_is_found() -> None:
    large = {**GOOD, "properties": {"pad": "x" * 33_000}}
    parsed = calls.batch(json.dumps({"batch": [GOOD, large, GOOD]}).encode(), "web", NOW_US)
    assert [r.reason.partition(":")[0] for r in kept(parsed)] == ["", "too_large", ""]
    parsed = calls.batch(json.dumps({"batch": [GOOD] * 400}).encode(), "web", NOW_US)
    assert (parsed.accepted, len(parsed.records)) == (400, 1), "a large batch of small events stays in one piece"


@pytest.mark.parametrize("sent", ["garbage", 10**18, -5, "0001-01-01T00:00:00Z", 1e300, None, True, [5], {}])
def test_a_sent_time_that_cannot_be_used_costs_no_event(sent: Any) -> None:
    parsed = calls.batch(json.dumps({"batch": [GOOD], "sentAt": sent}).encode(), "web", NOW_US)
    assert (kept(parsed)[0].sent_us, parsed.refused) == (0, 0)
