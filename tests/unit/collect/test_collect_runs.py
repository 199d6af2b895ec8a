"""The door through which a shop's own system begins runs: its secret key, what it takes, and that no public key can do so."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.unit.collect.collector import BASIC, Answer, Collector
from tests.unit.core import World, definitions
from tidings.config import CollectConfig, Config
from tidings.domain import feedback
from tidings.domain.called import Call
from tidings.domain.record import LogRecord
from tidings.errors import InputError
from tidings.hosts.begin import check
from tidings.hosts.door import Door

STEPS = "steps: [{id: greet, send: {template: welcome, category: marketing}}]"


def bearer(collector: Collector, name: str = "runs.key") -> dict[str, str]:
    return {"Authorization": f"Bearer {(collector.data / 'secrets' / name).read_text().strip()}"}


def begin(collector: Collector, value: Any, path: str = "/v1/journeys/hello/runs") -> tuple[Answer, list[LogRecord]]:
    before = collector.head()
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    answer = collector.ask("POST", path, body, bearer(collector))
    return answer, collector.records(before)


def world(folder: Path, entry: str = "{call: {}}") -> World:
    return World(definitions(folder, hello=f"entry: {entry}\n{STEPS}", other=f"entry: {{call: {{}}}}\n{STEPS}"))


def begun(one: World) -> list[str]:
    return [fact.subject for fact in one.facts("run_started")]


def test_what_is_stored_begins_a_run_of_that_journey_alone(collector: Collector, tmp_path: Path) -> None:
    answer, kept = begin(collector, {"userId": "ann", "properties": {"code": "X1"}, "messageId": "m1"})
    assert (answer.status, answer.json) == (202, {"success": True, "offset": collector.head() - 1})
    again, copy = begin(collector, {"userId": "ann", "properties": {"code": "X1"}, "messageId": "m1"})
    assert again.status == 202
    one = world(tmp_path)
    one.take([*kept, *copy], 1)
    assert begun(one) == ["hello"]
    assert [intent.values["event"] for intent in one.sends()] == [{"code": "X1"}]


def test_without_an_id_each_call_is_one_of_its_own(collector: Collector, tmp_path: Path) -> None:
    one = world(tmp_path)
    for at_s in (1, 2):
        one.take(begin(collector, {"anonymousId": "device-1"})[1], at_s)
    assert begun(one) == ["hello", "hello"]


def test_a_name_of_any_characters_is_one(collector: Collector) -> None:
    _, kept = begin(collector, {"userId": "ann"}, "/v1/journeys/gr%C3%BC%C3%9Fe%2F2/runs")
    assert json.loads(kept[0].body)["context"] == {"journey": "grüße/2"}


@pytest.mark.parametrize("key", ["public", "internal.key", "items.key", "none"])
def test_no_other_key_opens_it(key: str, collector: Collector) -> None:
    headers = BASIC if key == "public" else bearer(collector, key) if key != "none" else {}
    before = collector.head()
    answer = collector.ask("POST", "/v1/journeys/hello/runs", b'{"userId": "ann"}', headers)
    assert (answer.status, answer.json["code"]) == (401, "unauthorised")
    assert collector.head() == before


def test_an_event_of_that_name_with_a_public_key_begins_nothing(collector: Collector, tmp_path: Path) -> None:
    forged = {
        "event": feedback.JOURNEY_CALLED,
        "userId": "ann",
        "context": {"journey": "hello"},
        "properties": {"journey": "hello"},
    }
    before = collector.head()
    assert collector.post("/v1/track", forged).status == 200
    one = world(tmp_path)
    one.take(collector.records(before), 1)
    assert begun(one) == []


def test_the_key_opens_no_other_door_and_is_ours_alone(collector: Collector) -> None:
    path = collector.data / "secrets" / "runs.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for door in ("/v1/track", "/v1/items", "/internal/events"):
        assert collector.ask("POST", door, b"{}", bearer(collector)).status == 401


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"[]", "body: Expected `object`, got `array`"),
        (b'{"userId": "ann", "email": "a@b.c"}', "unknown field `email`"),
        ({}, "missing_identifier: wanted userId or anonymousId"),
        ({"userId": "null"}, "missing_identifier"),
        ({"userId": "ann", "properties": {"pad": "x" * 4_000}}, "properties: got 4010 bytes, wanted at most 4000"),
        ({"userId": "ann", "messageId": "m" * 201}, "messageId: got 201 characters, wanted at most 200"),
        (b'{"userId": "ann", "properties": {"n": 99999999999999999999}}', "number_out_of_range"),
    ],
)
def test_what_cannot_be_taken_is_said_and_not_kept(body: Any, says: str, collector: Collector) -> None:
    answer, kept = begin(collector, body)
    assert (answer.status, answer.json["code"], kept) == (400, "bad_body", [])
    assert says in answer.json["message"]


def test_it_wants_post_and_a_name(collector: Collector) -> None:
    answer = collector.ask("GET", "/v1/journeys/hello/runs", None, bearer(collector))
    assert (answer.status, answer.headers["allow"]) == (405, "POST")
    assert begin(collector, {"userId": "a"}, "/v1/journeys//runs")[0].status == 404
    assert begin(collector, {"userId": "a"}, f"/v1/journeys/{'n' * 201}/runs")[0].json["code"] == "bad_body"


def test_other_entries_of_the_journey_and_its_filter_are_as_they_were(tmp_path: Path) -> None:
    one = world(tmp_path, "[{call: null}, {event: Bought}]")
    one.track(1, "Bought")
    assert begun(one) == ["hello"]


def test_the_command_goes_through_the_same_door(collector: Collector, tmp_path: Path) -> None:
    config = Config(data=collector.data, collect=CollectConfig(port=collector.port))
    before = collector.head()
    assert Door(config).begin("a/b", Call(userId="ann", properties={"n": 1})) == before
    called = json.loads(collector.records(before)[0].body)
    assert (called["context"], called["properties"]) == ({"journey": "a/b"}, {"n": 1})


@pytest.mark.parametrize(
    ("journey", "says"),
    [
        ("helo", "journey 'helo': it is not among the definitions that run; did you mean hello?"),
        ("deaf", "journey 'deaf': no call begins it (its entry: did Bought); add `call: {}` to its `entry`"),
    ],
)
def test_the_command_says_when_no_call_begins_it(journey: str, says: str, tmp_path: Path) -> None:
    what = definitions(tmp_path, hello=f"entry: {{call: {{}}}}\n{STEPS}", deaf=f"entry: {{event: Bought}}\n{STEPS}")
    check(what, "hello")
    with pytest.raises(InputError) as problem:
        check(what, journey)
    assert str(problem.value) == says
