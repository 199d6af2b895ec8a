"""The ingest paths as SDKs use them: what goes in is in the log when the answer is 200, and nothing else is 200."""

from __future__ import annotations

import gzip
import json
from base64 import b64encode
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.unit.collect.collector import BASIC, EVENT, KEY, Answer, Collector
from tidings.domain.record import REFUSED, LogRecord

GIF = b"GIF89a"


def added(collector: Collector, send: Any) -> tuple[Answer, list[LogRecord]]:
    before = collector.head()
    answer = send()
    return answer, collector.records(before)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        *[(f"/v1/{kind}", kind) for kind in ("track", "identify", "page", "screen", "group", "alias")],
        *[(f"/v1/{kind[0]}", kind) for kind in ("track", "identify", "page", "screen", "group", "alias")],
        ("/v1/track/", "track"),
    ],
)
def test_a_single_call_is_kept_byte_for_byte_under_the_kind_of_its_path(
    collector: Collector, path: str, kind: str
) -> None:
    body = b'{"event":"X", "userId" : 7,\n "properties":{"price": 1.50}}'
    answer, kept = added(collector, lambda: collector.post(path, body))
    assert (answer.status, answer.json) == (200, {"success": True, "accepted": 1, "refused": 0})
    assert kept == [LogRecord("web", kind, 0, body)]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/b", "/v1/import"])
def test_a_batch_becomes_one_record_an_event_with_the_time_it_was_sent(collector: Collector, path: str) -> None:
    batch = {"batch": [EVENT, {**EVENT, "messageId": "m-2"}], "sentAt": "2026-01-01T00:00:01.5Z"}
    answer, kept = added(collector, lambda: collector.post(path, batch))
    assert answer.json == {"success": True, "accepted": 2, "refused": 0}
    assert [(r.source, r.kind, r.sent_us, r.flags) for r in kept] == [("web", "", 1_767_225_601_500_000, 0)] * 2
    assert [json.loads(r.body)["messageId"] for r in kept] == ["m-1", "m-2"]


def test_a_bad_event_in_a_batch_is_kept_with_its_reason_and_its_bytes(collector: Collector) -> None:
    bad = [b"5", b'{"type":"track"}', b'{"type":"dance","userId":"1"}', b'{"type":"page"}']
    body = b'{"batch":[' + b",".join([json.dumps(EVENT).encode(), *bad]) + b"]}"
    answer, kept = added(collector, lambda: collector.post("/v1/batch", body))
    assert (answer.status, answer.json) == (200, {"success": True, "accepted": 1, "refused": 4})
    assert [r.body for r in kept[1:]] == bad
    assert [r.reason.partition(": ")[0] for r in kept] == [
        *("", "bad_json", "missing_event_name", "unknown_type", "missing_identifier")
    ]
    assert [bool(r.flags & REFUSED) for r in kept] == [False, True, True, True, True]


def test_a_bad_single_call_is_kept_too(collector: Collector) -> None:
    answer, kept = added(collector, lambda: collector.post("/v1/track", {"userId": "1"}))
    assert answer.json == {"success": True, "accepted": 0, "refused": 1}
    assert kept[0].reason.startswith("missing_event_name: ")


@pytest.mark.parametrize(
    ("event", "word"),
    [
        ({"properties": {"text": "x" * 33_000}}, "too_large"),
        ({"properties": {"a": json.loads("[" * 40 + "]" * 40)}}, "too_deep"),
        ({"integrations": json.loads("[" * 40 + "]" * 40)}, "too_deep"),
        ({"properties": {"n": 10**30}}, "number_out_of_range"),
        ({"userId": "null"}, "missing_identifier"),
        ({"timestamp": "yesterday"}, "bad_timestamp"),
        ({"timestamp": "1975-01-01T00:00:00Z"}, "bad_timestamp"),
        ({"event": "x" * 201}, "name_too_long"),
        ({"userId": "x" * 201}, "id_too_long"),
        ({"properties": "none"}, "bad_json"),
    ],
)
def test_bounds_of_one_event(collector: Collector, event: dict[str, Any], word: str) -> None:
    answer, kept = added(collector, lambda: collector.post("/v1/batch", {"batch": [{**EVENT, **event}, EVENT]}))
    assert answer.json == {"success": True, "accepted": 1, "refused": 1}
    assert kept[0].reason.startswith(word + ": ")


def test_an_empty_batch_and_the_sdks_metrics_are_answered_and_not_kept(collector: Collector) -> None:
    for path, body in (("/v1/batch", {"batch": []}), ("/v1/m", {"series": []})):
        answer, kept = added(collector, lambda p=path, b=body: collector.post(p, b))
        assert (answer.status, kept) == (200, [])


# Who may write.


def test_the_write_key_may_be_in_the_header_the_body_or_the_query(collector: Collector) -> None:
    ways = [
        lambda: collector.ask("POST", "/v1/track", json.dumps(EVENT), BASIC),
        lambda: collector.ask("POST", "/v1/track", json.dumps({**EVENT, "writeKey": KEY})),
        lambda: collector.ask("POST", "/v1/batch", json.dumps({"batch": [EVENT], "writeKey": KEY})),
        lambda: collector.ask("POST", f"/v1/track?writeKey={KEY}", json.dumps(EVENT)),
        lambda: collector.ask("POST", "/v1/track", json.dumps(EVENT), {"Authorization": _basic(f"{KEY}:secret")}),
        lambda: collector.ask("POST", "/v1/track", json.dumps(EVENT), {"authorization": _basic(f"{KEY}").lower()[:6] + _basic(KEY)[6:]}),
    ]  # fmt: skip
    for way in ways:
        answer, kept = added(collector, way)
        assert (answer.status, len(kept)) == (200, 1)


@pytest.mark.parametrize(
    ("headers", "extra"),
    [
        ({}, {}),
        ({"Authorization": "Basic d3Jvbmc6"}, {}),
        ({"Authorization": "Basic d3Jvbmc6"}, {"writeKey": KEY}),
        ({"Authorization": "Basic ***"}, {}),
        ({"Authorization": "Bearer x"}, {}),
        ({}, {"writeKey": "unknown"}),
    ],
)
def test_without_a_known_write_key_nothing_is_taken(
    collector: Collector, headers: dict[str, str], extra: dict[str, str]
) -> None:
    answer, kept = added(collector, lambda: collector.ask("POST", "/v1/track", json.dumps({**EVENT, **extra}), headers))
    assert (answer.status, answer.json["code"], kept) == (401, "unauthorised", [])
    assert "Basic" not in answer.headers["www-authenticate"], "a browser would ask the shop's visitor for a password"


def _basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


# Bodies as SDKs mislabel them.


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", "", "nonsense"]
)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("labelled", [False, True])
def test_the_bytes_decide_and_not_the_headers(collector: Collector, kind: str, packed: bool, labelled: bool) -> None:
    body = json.dumps({"batch": [EVENT]}).encode()
    headers = {"Content-Type": kind} | ({"Content-Encoding": "gzip"} if packed and labelled else {})
    answer, kept = added(
        collector, lambda: collector.post("/v1/batch", gzip.compress(body) if packed else body, headers)
    )
    assert (answer.status, len(kept)) == (200, 1)


def test_a_form_field_may_hold_the_json_or_its_base64(collector: Collector) -> None:
    text = json.dumps(EVENT)
    for value in (text, b64encode(text.encode()).decode()):
        answer, kept = added(collector, lambda v=value: collector.post("/v1/track", urlencode({"data": v}).encode()))
        assert (answer.status, kept[0].body) == (200, text.encode())


@pytest.mark.parametrize(
    ("body", "headers", "status", "code", "says"),
    [
        (b"{", {}, 400, "bad_body", "truncated"),
        (b"", {}, 400, "bad_body", "truncated"),
        (b"hello", {}, 400, "bad_body", "JSON"),
        (b"[]", {}, 400, "bad_body", "wanted a JSON object"),
        (b"{}", {}, 400, "bad_body", "batch"),
        (b'{"batch": 5}', {}, 400, "bad_body", "batch"),
        (b'{"batch": [' + b"[" * 100_000, {}, 400, "bad_body", "JSON"),
        (b"\x1f\x8b\x08\x00garbage", {}, 400, "bad_body", "gzip"),
        (gzip.compress(b'{"batch":[]}')[:-9], {}, 400, "bad_body", "ends too early"),
        (b'{"batch":[]}', {"Content-Encoding": "br"}, 400, "bad_body", "Content-Encoding"),
        (gzip.compress(bytes(50_000_000)), {}, 413, "body_too_large", "decompresses"),
        (b'{"batch":[]}' + b" " * 600_000, {}, 413, "body_too_large", "512000"),
        (b"x" * 1_100_000, {}, 413, "body_too_large", "1048576"),
    ],
)
def test_a_body_that_cannot_be_taken_is_refused_with_the_reason(
    collector: Collector, body: bytes, headers: dict[str, str], status: int, code: str, says: str
) -> None:
    answer, kept = added(collector, lambda: collector.post("/v1/batch", body, headers))
    assert (answer.status, answer.json["code"], kept) == (status, code, [])
    assert says in answer.json["message"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/track", 405, "method"),
        ("PUT", "/v1/batch", 405, "method"),
        ("POST", "/v1/pixel.gif", 405, "method"),
        ("POST", "/tidings.js", 405, "method"),
        ("POST", "/v1/projects/wk_web/settings", 405, "method"),
        ("GET", "/internal/events", 401, "unauthorised"),
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/../etc/passwd", 404, "not_found"),
        ("GET", "/v1/projects/unknown/settings", 401, "unauthorised"),
        ("GET", "/sourceConfig/?writeKey=unknown", 401, "unauthorised"),
    ],
)
def test_every_other_error_is_json_as_well(
    collector: Collector, method: str, path: str, status: int, code: str
) -> None:
    answer = collector.ask(method, path, None, BASIC if path == "/v1/x" else {})
    assert (answer.status, set(answer.json), answer.json["code"]) == (status, {"code", "message"}, code)
    assert answer.headers["content-type"] == "application/json"
    assert ("allow" in answer.headers) == (status == 405)


# Browsers.


def test_a_preflight_grants_what_the_sdks_ask_for(collector: Collector) -> None:
    asked = "authorization,content-type,x-retry-count,anonymousid"
    answer = collector.ask(
        "OPTIONS",
        "/v1/t",
        headers={
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": asked,
        },
    )
    assert answer.status == 204
    assert "content-length" not in answer.headers
    assert answer.headers["access-control-allow-origin"] == "https://shop.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["access-control-allow-headers"] == asked
    assert "POST" in answer.headers["access-control-allow-methods"]


def test_answers_to_pages_echo_the_origin_also_when_they_are_errors(collector: Collector) -> None:
    for origin in ("https://shop.example", "http://localhost:3000", "null", "capacitor://localhost"):
        for headers, status in ((BASIC, 200), ({}, 401)):
            answer = collector.ask("POST", "/v1/t", json.dumps(EVENT), {**headers, "Origin": origin})
            assert answer.status == status
            assert answer.headers["access-control-allow-origin"] == origin
            assert answer.headers["access-control-expose-headers"] == "Retry-After"
            assert answer.headers["vary"] == "Origin"


def test_no_other_path_answers_pages_of_other_origins(collector: Collector) -> None:
    for path in ("/health", "/internal/events", "/o/x.gif", "/u/x", "/l/x", "/nothing"):
        for method in ("GET", "OPTIONS", "POST"):
            answer = collector.ask(method, path, headers={"Origin": "https://evil.example"})
            assert not [name for name in answer.headers if name.startswith("access-control")]


def test_a_strange_origin_or_header_list_is_not_echoed(collector: Collector) -> None:
    answer = collector.ask("POST", "/v1/t", json.dumps(EVENT), {**BASIC, "Origin": "https://a b<script>"})
    assert "access-control-allow-origin" not in answer.headers
    answer = collector.ask("OPTIONS", "/v1/t", headers={"Origin": "null", "Access-Control-Request-Headers": "a;b<c>"})
    assert "<" not in answer.headers["access-control-allow-headers"]


def test_a_beacon_needs_no_preflight(collector: Collector) -> None:
    body = json.dumps({"batch": [EVENT], "writeKey": KEY})
    headers = {"Content-Type": "text/plain;charset=UTF-8", "Origin": "https://shop.example"}
    answer, kept = added(collector, lambda: collector.ask("POST", "/v1/b", body, headers))
    assert (answer.status, len(kept)) == (200, 1)


# The pixel.


def pixel(collector: Collector, tail: str, **fields: str) -> tuple[Answer, list[LogRecord]]:
    return added(collector, lambda: collector.ask("GET", f"/v1/pixel{tail}?{urlencode(fields)}"))


def test_a_pixel_is_a_picture_and_an_event(collector: Collector) -> None:
    fields = {"properties.sku": "A1", "context.campaign.name": "spring", "userId": "7", "messageId": "p-1"}
    answer, kept = pixel(collector, ".gif", writeKey=KEY, event="Mail Seen", **fields)
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/gif"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.body.startswith(GIF)
    assert kept[0].kind == "track"
    assert json.loads(kept[0].body) == {
        "event": "Mail Seen",
        "userId": "7",
        "messageId": "p-1",
        "properties": {"sku": "A1"},
        "context": {"campaign": {"name": "spring"}},
    }


def test_a_pixel_may_carry_json_in_base64(collector: Collector) -> None:
    data = b64encode(json.dumps({**EVENT, "writeKey": KEY, "n": "ü>?"}).encode()).decode()
    for tail in (".gif", "/track"):
        answer, kept = pixel(collector, tail, data=data)
        assert answer.body.startswith(GIF)
        assert json.loads(kept[0].body)["messageId"] == "m-1"
        assert not kept[0].flags


def test_a_pixel_without_an_event_name_is_a_page_view(collector: Collector) -> None:
    _, kept = pixel(collector, ".gif", writeKey=KEY, anonymousId="a-1")
    assert (kept[0].kind, kept[0].flags) == ("page", 0)


def test_a_bad_pixel_is_still_a_picture_but_is_kept_as_refused(collector: Collector) -> None:
    answer, kept = pixel(collector, ".gif", writeKey=KEY, event="Nobody")
    assert answer.body.startswith(GIF)
    assert kept[0].reason.startswith("missing_identifier")


@pytest.mark.parametrize("fields", [{}, {"writeKey": "unknown"}])
def test_a_pixel_needs_a_write_key(collector: Collector, fields: dict[str, str]) -> None:
    answer, kept = pixel(collector, ".gif", event="X", userId="1", **fields)
    assert (answer.status, answer.json["code"], kept) == (401, "unauthorised", [])


@pytest.mark.parametrize("tail", [f"?writeKey={KEY}&data=%%%", f"?writeKey={KEY}" + "&a=1" * 200])
def test_a_pixel_that_cannot_be_read_is_refused(collector: Collector, tail: str) -> None:
    answer = collector.ask("GET", "/v1/pixel.gif" + tail)
    assert (answer.status, answer.json["code"]) == (400, "bad_body")


# What SDKs fetch first.


def test_segments_settings_point_back_at_this_collector(collector: Collector) -> None:
    for path in (f"/v1/projects/{KEY}/settings", f"/projects/{KEY}/settings"):
        answer = collector.ask("GET", path, headers={"Origin": "https://shop.example"})
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        ours = answer.json["integrations"]["Segment.io"]
        assert (ours["apiHost"], ours["protocol"]) == (f"127.0.0.1:{collector.port}/v1", "http")


def test_rudderstacks_settings_name_an_enabled_source(collector: Collector) -> None:
    for path, headers in ((f"/sourceConfig/?p=npm&writeKey={KEY}", {}), ("/sourceConfig/?p=npm", BASIC)):
        source = collector.ask("GET", path, headers=headers).json["source"]
        assert (source["writeKey"], source["enabled"], source["destinations"]) == (KEY, True, [])


def test_the_script_comes_packed_and_only_once(collector: Collector) -> None:
    plain = collector.ask("GET", "/tidings.js")
    packed = collector.ask("GET", "/tidings.js", headers={"Accept-Encoding": "gzip, br"})
    assert plain.status == packed.status == 200
    assert gzip.decompress(packed.body) == plain.body
    assert packed.headers["content-encoding"] == "gzip"
    assert "max-age" in packed.headers["cache-control"]
    again = collector.ask("GET", "/tidings.js", headers={"If-None-Match": packed.headers["etag"]})
    assert (again.status, again.body) == (304, b"")


def test_health_tells_head_progress_and_state(collector: Collector) -> None:
    answer = collector.ask("GET", "/health")
    assert answer.status == 200
    assert set(answer.json) == {"state", "head", "processed", "waiting_bytes", "connections"}
    assert answer.json["state"] == "ok"
