"""Mail services: the exact request for one message, what each answer means, and how messages fare that go that way."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.conformance.test_transport import SETTINGS, Permission, mail, transport_to
from tests.unit.deliver.scripted_esps import DIALECTS, FakeEsp, serving
from tidings.clock import ManualClock
from tidings.deliver.base import Handover, Outcome, Result
from tidings.deliver.esp.base import Answered, Settings, fields
from tidings.deliver.esp.client import EspTransport
from tidings.deliver.esp.kinds import ESPS
from tidings.deliver.esp.ses import signed
from tidings.errors import InputError
from tidings.render import mime
from tidings.render.headers import mailbox_header

GOLDEN = Path("tests/golden/esp")
AT_US = 1_440_938_160_000_000  # 2015-08-30T12:36:00Z
HEAD = [
    mailbox_header("From", "Grün & Söhne", "hello@shop.example"),
    "To: <ann@x.example>",
    "Subject: Your basket is waiting",
    "Date: Sun, 30 Aug 2015 12:36:00 +0000",
    f"Message-ID: <{'ab' * 16}@shop.example>",
    "List-Unsubscribe: <https://t.shop.example/u/abc>, <mailto:u@shop.example>",
    "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
    "Feedback-ID: cart:marketing:shopexample",
]
MAIL = Handover(
    message_id="ab" * 16,
    sender="b@bounce.shop.example",
    recipient="ann@x.example",
    data=mime.build(HEAD, "Hello Ann,\nétoile", "<p>Hello <b>Ann</b>, étoile</p>", "=_x"),
    category="marketing",
)


def settings(name: str, **more: str) -> Settings:
    key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" if name == "webhook" else "id:secret"
    return Settings(
        key=key, base_url="https://mail.example" if name in ("braze", "webhook") else "", **SETTINGS, **more
    )


@pytest.mark.parametrize("name", sorted(ESPS))
def test_the_request_for_a_message_is_the_one_on_record(name: str) -> None:
    """To write them anew after a change that is meant: delete the file, run this, and read the difference."""
    asked = ESPS[name].ask(MAIL, settings(name), AT_US)
    told = {"url": asked.url, "headers": dict(asked.headers), "body": _readable(asked.body)}
    path = GOLDEN / f"{name}.json"
    if not path.exists():
        path.write_text(json.dumps(told, indent=1, ensure_ascii=False, sort_keys=True) + "\n", "utf-8")
        pytest.fail(f"{path} was missing and has been written; look at it")
    assert told == json.loads(path.read_text("utf-8"))


def _readable(body: bytes) -> Any:
    text = body.decode()
    return json.loads(text) if text.startswith("{") else text.replace("\r\n", "\n").split("\n")


@pytest.mark.parametrize("name", sorted(ESPS))
def test_our_id_travels_with_the_message_under_the_name_that_webhooks_are_read_for(name: str) -> None:
    body = ESPS[name].ask(MAIL, settings(name), AT_US).body.decode()
    assert "tidings_message_id" in body
    assert MAIL.message_id in body


ANSWERS = [
    (
        "ses",
        400,
        {"__type": "com.amazonaws#MessageRejected", "message": "Email address is not verified."},
        Result.REFUSED,
    ),
    ("ses", 400, {"__type": "SendingPausedException", "message": "paused"}, Result.UNREACHABLE),
    ("ses", 400, {"__type": "ThrottlingException", "message": "rate"}, Result.LATER),
    ("ses", 403, {"message": "The security token included in the request is invalid."}, Result.UNREACHABLE),
    ("sendgrid", 202, {}, Result.ACCEPTED),
    ("sendgrid", 413, {"errors": [{"message": "too large"}]}, Result.REFUSED),
    ("postmark", 200, {"ErrorCode": 0, "Message": "OK"}, Result.ACCEPTED),
    ("postmark", 200, {"ErrorCode": 300, "Message": "Invalid 'To'"}, Result.REFUSED),
    ("postmark", 422, {"ErrorCode": 406, "Message": "inactive"}, Result.REFUSED),
    ("postmark", 422, {"ErrorCode": 405, "Message": "not allowed to send: no credit"}, Result.UNREACHABLE),
    ("postmark", 401, {"ErrorCode": 10, "Message": "bad token"}, Result.UNREACHABLE),
    ("mailgun", 402, {"message": "pay"}, Result.UNREACHABLE),
    ("mailgun", 404, {"message": "domain not found"}, Result.UNREACHABLE),
    ("resend", 409, {"name": "concurrent_idempotent_requests", "message": "under way"}, Result.LATER),
    ("resend", 409, {"name": "invalid_idempotent_request", "message": "other body"}, Result.REFUSED),
    ("resend", 429, {"name": "rate_limit_exceeded"}, Result.LATER),
    ("brevo", 201, {"messageId": "<1>"}, Result.ACCEPTED),
    ("brevo", 402, {"code": "not_enough_credits"}, Result.UNREACHABLE),
    ("sparkpost", 200, {"results": {"total_accepted_recipients": 0, "id": "1"}}, Result.REFUSED),
    ("sparkpost", 420, {"errors": [{"message": "Exceed Sending Limit (daily)", "code": "2101"}]}, Result.LATER),
    ("iterable", 200, {"code": "BadParams", "msg": "no campaign"}, Result.REFUSED),
    ("webhook", 302, {}, Result.REFUSED),
    *[(name, 500, {}, Result.LOST) for name in ESPS],
    *[(name, 503, {}, Result.LATER) for name in ESPS],
    *[(name, 429, {}, Result.LATER) for name in ESPS],
]


@pytest.mark.parametrize(("name", "status", "body", "result"), ANSWERS)
def test_each_answer_has_its_meaning(name: str, status: int, body: dict[str, Any], result: Result) -> None:
    outcome = ESPS[name].read(Answered(status=status, body=json.dumps(body).encode()))
    assert outcome.result is result
    assert str(status) in outcome.reply or status == 302
    assert "\n" not in outcome.reply


@pytest.mark.parametrize("name", sorted(ESPS))
@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe", b"[1]", b'"x"', b"<html>oops</html>", b'{"errors": 7, "results": []}']
)
def test_an_answer_that_is_nonsense_is_read_by_its_status(name: str, body: bytes) -> None:
    esp = ESPS[name]
    assert esp.read(Answered(status=429, body=body)).result is Result.LATER
    assert esp.read(Answered(status=502, body=body)).result is Result.LOST


def test_requests_to_amazon_are_signed_as_its_own_example_is() -> None:
    """AWS's test suite for Signature Version 4, case post-x-www-form-urlencoded."""
    headers = signed(
        "https://example.amazonaws.com/",
        b"Param1=value1",
        "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        "us-east-1",
        AT_US,
        product="service",
        content="application/x-www-form-urlencoded",
    )
    assert headers["Authorization"].endswith(
        "Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"
    )


def test_a_message_is_taken_apart_into_what_people_see_and_the_headers_that_matter() -> None:
    found = fields(MAIL)
    assert (found.subject, found.from_name) == ("Your basket is waiting", "Grün & Söhne")
    assert found.from_address == "hello@shop.example"
    assert "étoile" in found.text
    assert "&#233;toile" in found.html
    assert found.headers["List-Unsubscribe"].startswith("<https://t.shop.example/u/abc>")
    assert set(found.headers) == {
        "Message-ID",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "Feedback-ID",
        "X-Tidings-Message",
    }


def hand_over(name: str, recipient: str, permission: Permission | None = None) -> tuple[Outcome, FakeEsp]:
    fake = FakeEsp(DIALECTS[name])

    async def use(url: str) -> Outcome:
        transport = transport_to(name, url)
        try:
            return await transport.hand_over(mail(recipient), permission or Permission())
        finally:
            await transport.close()

    with serving(fake) as url:
        return uvloop.run(use(url)), fake


@pytest.mark.parametrize(
    ("recipient", "result"),
    [
        ("half-taken", Result.LOST),
        ("gateway", Result.LOST),
        ("busy", Result.LATER),
        ("key", Result.UNREACHABLE),
        ("redirect", Result.LOST),
    ],
)
def test_services_that_are_in_trouble(recipient: str, result: Result) -> None:
    outcome, fake = hand_over("mailgun", recipient)
    assert outcome.result is result
    assert len(fake.requests) == 1, "asked again by itself, or followed somewhere"


def test_connections_are_kept_and_counted() -> None:
    fake = FakeEsp(DIALECTS["postmark"])

    async def use(url: str) -> None:
        transport = transport_to("postmark", url)
        for start in (0, 10):
            await asyncio.gather(*(transport.hand_over(mail("take", start + n), Permission()) for n in range(10)))
        await transport.close()

    with serving(fake) as url:
        uvloop.run(use(url))
    assert (len(fake.taken), fake.connections) == (20, 3)


def test_what_is_too_large_does_not_leave() -> None:
    outcome, fake = asyncio.run(_too_large()), None
    assert (outcome.result, fake) == (Result.REFUSED, None)


async def _too_large() -> Outcome:
    transport = transport_to("postmark", "http://127.0.0.1:9")
    return await transport.hand_over(
        Handover(message_id="1", sender="a@x.example", recipient="b@x.example", data=b"x" * 10_000_001), Permission()
    )


@pytest.mark.parametrize(
    ("name", "given", "words"),
    [
        ("mailgun", {}, "`domain` is missing"),
        ("ses", {}, "`region` is missing"),
        ("braze", {"base_url": "https://x.example"}, "`campaign` is missing"),
        ("webhook", {"base_url": "http://x.example"}, "wanted https"),
        ("webhook", {"base_url": "https://u:p@x.example"}, "wanted https"),
        ("webhook", {"base_url": "file:///etc/passwd"}, "wanted https"),
        ("webhook", {"base_url": "https://x.example"}, "no secret"),
        ("ses", {"region": "eu-west-1"}, "wanted access-key-id:secret-access-key"),
    ],
)
def test_what_is_missing_or_wrong_is_said_at_the_start(name: str, given: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        EspTransport(ESPS[name], Settings(key="k", **given), ManualClock(0))
