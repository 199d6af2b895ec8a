"""Returned mail by SMTP: what proves to be about a message becomes its event, once; the rest is kept and shuts nobody out."""

from __future__ import annotations

import smtplib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.collect.collector import Collector
from tidings.clock import SystemClock
from tidings.config import MailConfig, ReturnsConfig
from tidings.deliver.ledger import Ledger
from tidings.deliver.records import Frozen
from tidings.domain.event import Event
from tidings.domain.message import SendIntent
from tidings.domain.record import REFUSED, LogRecord
from tidings.domain.wire import normalise
from tidings.feedback import verp
from tidings.feedback.tokens import Tokens, load_tokens

MESSAGE = "0" * 31 + "7"
DOUBTED = "0" * 31 + "8"
ANN = "ann@x.example"
DOMAIN = "bounce.shop.example"

DSN = """From: MAILER-DAEMON@mx.example (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B"

--B
Content-Type: text/plain

<{recipient}>: host mx.x.example[192.0.2.1] said: {reply} (in reply to RCPT TO command)

--B
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; {recipient}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; {reply}

--B--
"""


def dsn(*, to: str = "", recipient: str = ANN, reply: str = "550 5.1.1 User unknown", action: str = "failed") -> bytes:
    status = reply.split()[1]
    return DSN.format(to=to, recipient=recipient, reply=reply, status=status, action=action).encode()


@pytest.fixture(scope="module")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    sections = {"returns": ReturnsConfig(enabled=True, port=0), "mail": MailConfig(bounce_domain=DOMAIN)}
    running = Collector(tmp_path_factory.mktemp("returns"), sections=sections)
    yield running
    assert running.end() == 0
    assert running.errors() == ""


@pytest.fixture(scope="module")
def ledger(collector: Collector) -> Iterator[Ledger]:
    opened = Ledger(collector.data / "ledger.db")
    frozen = Frozen(template_version="t", sender_version="s", subject="Hi", items=[], links=[], digest="d")
    for message_id in (MESSAGE, DOUBTED):
        opened.add([_intent(message_id)], [])
        assert opened.begin_attempt(message_id, SystemClock().now_us(), frozen) is None
    opened.finish(MESSAGE, "accepted", now_us=5)
    opened.finish(DOUBTED, "in_doubt", now_us=5, reason="no answer after the data")
    yield opened
    opened.close()


def _intent(message_id: str) -> SendIntent:
    about = {"journey": "abandoned_cart", "journey_version": "v1", "run_id": "r7", "step": "send", "template": "cart"}
    given = {"category": "marketing", "mode": "at_most_once", "occurred_us": 1, "decided_us": 2}
    return SendIntent(message_id=message_id, profile_id="p7", address=ANN, **about, **given)


@pytest.fixture(scope="module")
def tokens(collector: Collector, ledger: Ledger) -> Tokens:
    return load_tokens(collector.data / "secrets")


def bring(collector: Collector, mail: bytes, to: str) -> list[LogRecord]:
    """What one mail adds to the log."""
    before = collector.head()
    with smtplib.SMTP("127.0.0.1", collector.returns_port, timeout=10) as client:
        client.sendmail("", [to], mail)
    return collector.records(before)


def event_of(record: LogRecord) -> Event:
    event = normalise(record, 0, SystemClock().now_us())
    assert isinstance(event, Event), "what the collector itself makes must be a good event"
    return event


def test_a_bounce_to_the_envelope_sender_of_a_message_is_its_event(collector: Collector, tokens: Tokens) -> None:
    to = verp.make(tokens, MESSAGE, DOMAIN)
    [record] = bring(collector, dsn(to=to), to.upper().replace("@BOUNCE", "@bounce"))
    event = event_of(record)
    assert (event.name, event.profile_id, event.event_id) == ("Email Bounced", "p7", f"bounced-{MESSAGE}-hard")
    assert event.properties["kind"] == "hard"
    assert event.properties["reason"] == "no_such_user"
    assert (event.properties["address"], event.properties["status"], event.properties["reply"]) == (ANN, "5.1.1", "550")
    [again] = bring(collector, dsn(), to)
    assert event_of(again).event_id == event.event_id


@pytest.mark.parametrize(
    ("reply", "action", "name", "reason"),
    [
        ("552 5.2.2 Mailbox full", "failed", "Email Bounced", "mailbox_full"),
        ("450 4.2.1 Greylisted, please try again", "delayed", "Email Deferred", "greylisted"),
        ("554 5.7.1 Blocked by spamhaus", "failed", "Email Bounced", "blocked"),
        ("250 2.1.5 delivered", "delivered", "Email Delivered", "delivered"),
    ],
)
def test_other_news_is_told_apart(
    collector: Collector, tokens: Tokens, reply: str, action: str, name: str, reason: str
) -> None:
    [record] = bring(collector, dsn(reply=reply, action=action), verp.make(tokens, MESSAGE, DOMAIN))
    event = event_of(record)
    assert (event.name, event.properties["reason"]) == (name, reason)
    assert event.properties["kind"] != "hard"


def test_a_dead_address_behind_a_forward_of_hers_is_not_hers(collector: Collector, tokens: Tokens) -> None:
    [record] = bring(collector, dsn(recipient="old@y.example"), verp.make(tokens, MESSAGE, DOMAIN))
    properties = event_of(record).properties
    assert (properties["kind"], properties["reason"]) == ("soft", "forward_failed")


def test_a_forged_or_unknown_one_is_kept_with_its_reason(collector: Collector, tokens: Tokens) -> None:
    genuine = verp.make(tokens, MESSAGE, DOMAIN)
    changed = genuine.replace(genuine[10], "a" if genuine[10] != "a" else "b", 1)
    unknown = verp.make(tokens, "f" * 32, DOMAIN)
    others = verp.make(Tokens(b"x" * 32), MESSAGE, DOMAIN)
    for to in (changed, unknown, others, f"b+@{DOMAIN}", f"anybody@{DOMAIN}"):
        [record] = bring(collector, dsn(to=to), to)
        assert (record.source, record.flags) == ("returns", REFUSED)
        assert record.reason.startswith("unproven_return: ")
        assert b"550 5.1.1 User unknown" in record.body


def test_mail_for_others_is_not_relayed(collector: Collector) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused, match=r"5\.7\.1"):
        bring(collector, dsn(), "somebody@elsewhere.example")


def test_a_bounce_settles_a_message_that_was_in_doubt(collector: Collector, tokens: Tokens, ledger: Ledger) -> None:
    bring(collector, dsn(reply="552 5.2.2 Mailbox full"), verp.make(tokens, DOUBTED, DOMAIN))
    row = ledger.message(DOUBTED)
    assert row is not None
    assert (row.state, row.reason) == ("accepted", "settled by Email Bounced")
    assert [one.message_id for one in ledger.unreported(10) if one.state == "accepted" and one.reason] == [DOUBTED]


def test_forged_mails_are_put_off_when_they_are_too_many(tmp_path: Path) -> None:
    returns = ReturnsConfig(enabled=True, port=0, max_unproven_per_hour=3)
    running = Collector(tmp_path, sections={"returns": returns, "mail": MailConfig(bounce_domain=DOMAIN)})
    answers: Counter[str] = Counter()
    for _ in range(5):
        try:
            bring(running, dsn(), f"b+x@{DOMAIN}")
            answers["taken"] += 1
        except smtplib.SMTPDataError as error:
            answers[str(error.smtp_code)] += 1
    assert answers["taken"] in (3, 4)  # the hour may turn
    assert answers["452"] == 5 - answers["taken"]
    assert running.end() == 0
