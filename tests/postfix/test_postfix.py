"""A real Postfix takes our mail, over TLS; what it stores is what we signed, and its bounces say which message they are about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import uvloop

from tests.postfix.server import Postfix, running
from tests.unit.deliver.dkim_judge import verdicts
from tests.unit.render.samples import TOKENS, decision, template
from tidings.config import Config, MailConfig
from tidings.deliver import dkim_keys
from tidings.deliver.base import Handover, Outcome, Result
from tidings.deliver.sender import sender_of
from tidings.deliver.smtp_relay import smtp_transport
from tidings.feedback import verp
from tidings.feedback.bounce.parse import parse
from tidings.render.mail import Rendered, render_message

MADE = template(
    "<mj-text>Dear {{ person.first_name }}</mj-text><mj-text>.</mj-text><mj-text>{{ person.first_name }}猫</mj-text>"
    '<mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>',
    'subject: "Für {{ person.first_name }}"',
)


@pytest.fixture(scope="module")
def postfix() -> Iterator[Postfix]:
    with running() as server:
        yield server


@pytest.fixture
def config(postfix: Postfix, tmp_path: Path) -> Config:
    dkim_keys.make(tmp_path / "secrets", "shop.example", "t1")
    mail = MailConfig(
        smtp_host="localhost",
        smtp_port=postfix.port,
        smtp_tls="always",
        smtp_tls_ca=str(postfix.certificates),
        from_address="news@shop.example",
        dkim_selector="t1",
        bounce_domain="bounce.shop.example",
    )
    return Config(data=tmp_path, workspace=tmp_path, mail=mail)


def rendered(config: Config, number: int, address: str, name: str = "Zoë") -> Rendered:
    intent = decision({"person": {"first_name": name}}, message_id=f"{number:032x}", address=address)
    return render_message(MADE, intent, [], tokens=TOKENS, sender=sender_of(config))


def send(config: Config, *mails: Rendered) -> list[Outcome]:
    async def whole() -> list[Outcome]:
        transport = smtp_transport(config)
        try:
            return [await transport.hand_over(_handover(mail), lambda: True) for mail in mails]
        finally:
            await transport.close()

    return uvloop.run(whole())


def _handover(mail: Rendered) -> Handover:
    return Handover(message_id=mail.message_id, sender=mail.sender, recipient=mail.recipient, data=mail.mime)


def test_it_takes_our_mail_over_tls_and_stores_what_we_signed(postfix: Postfix, config: Config) -> None:
    mails = [rendered(config, number, "ann@x.example") for number in range(1, 4)]
    outcomes = send(config, *mails)
    assert {(outcome.result, outcome.code, outcome.enhanced) for outcome in outcomes} == {
        (Result.ACCEPTED, 250, "2.0.0")
    }
    records = dkim_keys.published(config.data / "secrets", "shop.example", "t1")
    stored = postfix.mails("ann@x.example", 3)
    assert len(stored) == 3
    for mail in stored:
        assert re.search(rb"using TLSv1\.[23] with cipher", mail)
        assert verdicts(mail, records) == [True, True]
        assert any(mail.rstrip().endswith(sent.mime.rstrip()) for sent in mails)


def test_what_it_cannot_deliver_comes_back_and_says_which_message_it_was(postfix: Postfix, config: Config) -> None:
    mail = rendered(config, 17, "nobody@x.example")
    assert send(config, mail)[0].result is Result.ACCEPTED
    (bounce,) = postfix.mails("b@bounce.shop.example", 1)
    returned = parse(bounce)
    assert [verp.read(TOKENS, address) for address in returned.addresses] == [mail.message_id]
    (verdict,) = returned.verdicts
    assert (verdict.kind, verdict.recipient, verdict.status) == ("hard", "nobody@x.example", "5.1.1")


def test_too_large_a_message_is_refused_before_it_is_sent(postfix: Postfix, config: Config) -> None:
    mail = Handover(message_id="1", sender="b@shop.example", recipient="ann@x.example", data=b"x" * 1_200_000)

    async def whole() -> Outcome:
        transport = smtp_transport(config)
        outcome = await transport.hand_over(mail, lambda: True)
        await transport.close()
        return outcome

    assert uvloop.run(whole()).enhanced == "5.3.4"


def test_without_its_certificate_authority_nothing_is_said_to_it(postfix: Postfix, config: Config) -> None:
    strict = msgspec.structs.replace(config, mail=msgspec.structs.replace(config.mail, smtp_tls_ca=""))
    (outcome,) = send(strict, rendered(config, 99, "ann@x.example"))
    assert outcome.result is Result.UNREACHABLE
    assert "certificate" in outcome.reply
