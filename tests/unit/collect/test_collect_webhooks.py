"""The door for providers' webhooks: what is proven is stored once, copies and forgeries count for nothing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.collect.collector import Collector
from tests.unit.collect.test_collect_returns import _intent, event_of
from tests.unit.feedback.test_webhooks import CERTIFICATE, NOW_US, SECRETS, cases, genuine
from tidings.clock import ManualClock, SystemClock
from tidings.collect.committer import Committer
from tidings.collect.evidence import Evidence
from tidings.collect.http import Request
from tidings.collect.pressure import Pressure
from tidings.collect.webhooks import Webhooks
from tidings.config import CollectConfig
from tidings.deliver.ledger import Ledger
from tidings.deliver.post import Posted
from tidings.deliver.records import Frozen
from tidings.domain.record import REFUSED, LogRecord
from tidings.feedback.webhooks.base import Hook
from tidings.log.sqlite import SqliteLog

MESSAGE = "0123456789abcdef0123456789abcdef"


def ledger_with_one(data: Path) -> Ledger:
    ledger = Ledger(data / "ledger.db")
    ledger.add([_intent(MESSAGE)], [])
    frozen = Frozen(template_version="t", sender_version="s", subject="Hi", items=[], links=[], digest="d")
    assert ledger.begin_attempt(MESSAGE, SystemClock().now_us(), frozen) is None
    return ledger


def set_up(data: Path, *names: str) -> None:
    folder = data / "secrets" / "incoming"
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_text(f"old\n{SECRETS[name]}\n")


@pytest.fixture(scope="module")
def ledger(collector: Collector) -> Iterator[Ledger]:
    set_up(collector.data, "sendgrid", "mailgun", "postmark", "resend", "brevo", "sparkpost")
    opened = ledger_with_one(collector.data)
    yield opened
    opened.close()


def send(collector: Collector, name: str, hook: Hook) -> tuple[int, dict[str, Any], list[LogRecord]]:
    """Status, answer, and what was added to the log."""
    before = collector.head()
    answer = collector.ask("POST", f"/webhooks/{name}", hook.body, {"Content-Type": "application/json", **hook.headers})
    return answer.status, answer.json, collector.records(before)


def now_s() -> int:
    return int(time.time())


@pytest.mark.parametrize("name", ["sendgrid", "mailgun", "postmark", "resend", "brevo", "sparkpost"])
def test_what_a_provider_tells_is_stored_once(collector: Collector, ledger: Ledger, name: str) -> None:
    bounce = next(case["body"] for case in cases(name) if case["expect"][0]["kind"] == "hard")
    hook = genuine(name, bounce, now_s())
    status, answer, [record] = send(collector, name, hook)
    assert (status, answer["taken"]) == (200, 1)
    event = event_of(record)
    assert (event.name, event.event_id, event.profile_id) == ("Email Bounced", f"bounced-{MESSAGE}-hard", "p7")
    assert (event.properties["provider"], event.properties["kind"]) == (name, "hard")
    for _ in range(20):
        status, answer, added = send(collector, name, hook)
        assert (status, answer["taken"], answer["duplicate"], added) == (200, 0, True, [])


@pytest.mark.parametrize("name", ["sendgrid", "mailgun", "resend"])
def test_an_old_or_forged_request_changes_nothing(collector: Collector, ledger: Ledger, name: str) -> None:
    body = cases(name)[0]["body"]
    for hook in (genuine(name, body, now_s() - 400), Hook(headers={}, body=json.dumps(body).encode())):
        status, answer, added = send(collector, name, hook)
        assert (status, added) == (401, [])
        assert answer["code"] in ("stale", "bad_signature")


def test_a_provider_that_is_not_set_up_has_no_door(collector: Collector, ledger: Ledger) -> None:
    for name in ("ses", "nobody", "../internal.key", "", "sendgrid/x"):
        assert collector.ask("POST", f"/webhooks/{name}", b"{}").status == 404
    assert collector.ask("GET", "/webhooks/postmark").status == 405


def test_what_is_not_ours_is_left_alone_and_what_nobody_knows_is_kept(collector: Collector, ledger: Ledger) -> None:
    sent = cases("sendgrid")[1]["body"]
    others = [
        {**sent[0], "tidings_message_id": "f" * 32},
        {**sent[0], "tidings_message_id": "x"},
        {**sent[0], "event": "teleported"},
    ]
    status, answer, [record] = send(collector, "sendgrid", genuine("sendgrid", others, now_s()))
    assert (status, answer["taken"], answer["not_ours"], answer["unknown"]) == (200, 0, 2, 1)
    assert (record.source, record.flags) == ("webhooks", REFUSED)
    assert record.reason == "unknown_news: sendgrid says 'teleported', which is no delivery event that is known"
    assert json.loads(record.body)["event"] == "teleported"


def test_an_open_settles_a_message_in_doubt(collector: Collector, ledger: Ledger) -> None:
    ledger.finish(MESSAGE, "in_doubt", now_us=5, reason="no answer after the data")
    opened = next(case["body"] for case in cases("postmark") if case["about"] == "open")
    _, _, [record] = send(collector, "postmark", genuine("postmark", opened, now_s()))
    assert event_of(record).name == "Email Opened"
    row = ledger.message(MESSAGE)
    assert row is not None
    assert (row.state, row.reason) == ("accepted", "settled by Email Opened")


class Amazon:
    """Answers for Amazon, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def get(self, url: str, timeout_s: float) -> Posted:
        self.asked.append(url)
        return Posted(status=200, body=CERTIFICATE)


async def post(door: Webhooks, hook: Hook) -> tuple[bytes, dict[str, Any]]:
    answered = asyncio.Event()
    headers = {name.encode(): value.encode() for name, value in hook.headers.items()}
    request = Request(b"POST", b"/webhooks/ses", headers, hook.body, answered.set)
    door.take(request)
    await asyncio.wait_for(answered.wait(), 10)
    await asyncio.sleep(0)
    assert request.response is not None
    return request.response.line, json.loads(request.response.body)


def test_amazons_certificate_is_fetched_once_and_its_subscription_confirmed(tmp_path: Path) -> None:
    set_up(tmp_path, "ses")
    ledger, log, amazon, clock = (
        ledger_with_one(tmp_path),
        SqliteLog(tmp_path / "log.db", SystemClock(), writer=True),
        Amazon(),
        ManualClock(NOW_US),
    )
    note = cases("ses")[1]["body"]
    subscribe = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336"
    asks = {**note, "Type": "SubscriptionConfirmation", "MessageId": "s1", "Token": "2336", "SubscribeURL": subscribe}

    async def play() -> list[tuple[bytes, dict[str, Any]]]:
        committer = Committer(log, asyncio.get_running_loop(), lambda: None)
        committer.start()
        pressure = Pressure(CollectConfig(), log, committer)
        door = Webhooks(tmp_path / "secrets", ledger, committer, pressure, Evidence(ledger, clock), clock, amazon)
        answers = [
            await post(door, genuine("ses", one)) for one in (asks, note, note, {**note, "TopicArn": "arn:other"})
        ]
        await committer.stop()
        return answers

    answers = asyncio.run(play())
    assert [answer.get("taken", answer.get("code")) for _, answer in answers] == [0, 1, 0, "unknown_topic"]
    assert amazon.asked == [note["SigningCertURL"], subscribe]
    assert [event_of(record).name for block in log.read(0, 10) for record in block.records] == ["Email Delivered"]
    log.close()
    ledger.close()
