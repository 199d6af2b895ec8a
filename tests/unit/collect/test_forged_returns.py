"""Who may say that an address is dead: a thousand forgeries, and what a genuine mail must hold."""

from __future__ import annotations

import random

import msgspec

from tests.unit.collect.test_collect_returns import DOMAIN, MESSAGE, dsn
from tidings.collect.returned import read
from tidings.deliver.records import Row
from tidings.domain.record import REFUSED
from tidings.feedback import verp
from tidings.feedback.tokens import LINK, UNSUBSCRIBE, Tokens

TOKENS = Tokens(b"k" * 32)
ARF = """From: feedback@provider.example
Subject: complaint
Content-Type: multipart/report; report-type=feedback-report; boundary="B"

--B
Content-Type: text/plain

This is an abuse report.
--B
Content-Type: message/feedback-report

Feedback-Type: abuse
Version: 1
Original-Rcpt-To: <redacted@x.example>

--B
Content-Type: text/rfc822-headers

From: news@shop.example
List-Unsubscribe: <https://t.shop.example/u/{token}>
--B--
"""


class Sent:
    """A ledger with one message, for anybody who knows its id."""

    def message(self, message_id: str) -> Row | None:
        if message_id != MESSAGE:
            return None
        texts = dict.fromkeys(Row.__struct_fields__, "")
        return msgspec.structs.replace(
            Row(**{**texts, "message_id": MESSAGE, "profile_id": "p7", "address": "ann@x.example"})
        )  # type: ignore[arg-type]


def forged(chance: random.Random) -> str:
    """An address that looks like the envelope sender of the message: its code guessed, copied, changed or made with another key."""
    genuine = verp.make(TOKENS, MESSAGE, DOMAIN)
    kind = chance.randrange(4)
    if kind == 0:
        return verp.make(Tokens(chance.randbytes(32)), MESSAGE, DOMAIN)
    if kind == 1:
        return "b+" + "".join(chance.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(50)) + f"@{DOMAIN}"
    if kind == 2:
        at = chance.randrange(2, 52)
        other = chance.choice([one for one in "abcdefghijklmnopqrstuvwxyz234567" if one != genuine[at]])
        return genuine[:at] + other + genuine[at + 1 :]
    return genuine[: chance.randrange(3, 51)] + f"@{DOMAIN}"


def test_a_thousand_forged_ones_suppress_nobody() -> None:
    chance = random.Random(7)
    for number in range(1_000):
        to = forged(chance)
        raw = (
            dsn(to=to)
            if number % 2
            else ARF.format(token=TOKENS.make(UNSUBSCRIBE, MESSAGE)[:-1] + "A" * (number % 3)).encode()
        )
        found = read(raw, (to,), TOKENS, Sent())
        if found.message is not None:
            assert number % 2 == 0, "a whole genuine token that only looks changed"
            continue
        assert found.record.flags == REFUSED
        assert found.record.reason.startswith("unproven_return")


def test_a_complaint_is_known_by_what_it_brings_back() -> None:
    found = read(ARF.format(token=TOKENS.make(UNSUBSCRIBE, MESSAGE)).encode(), (), TOKENS, Sent())
    event = msgspec.json.decode(found.record.body)
    assert (event["event"], event["messageId"]) == ("Email Marked As Spam", f"complained-{MESSAGE}")
    assert event["properties"]["address"] == "ann@x.example"


def test_a_link_of_the_message_proves_as_much_as_its_sender() -> None:
    raw = dsn() + f"\n\n--- Original message ---\nhttps://t.shop.example/l/{TOKENS.make(LINK, MESSAGE, 3)}\n".encode()
    assert read(raw, (), TOKENS, Sent()).name == "Email Bounced"
    assert read(dsn(), (), TOKENS, Sent()).message is None


def test_a_mail_about_ours_that_says_nothing_is_kept_too() -> None:
    found = read(b"From: a@b.example\n\nHello?", (verp.make(TOKENS, MESSAGE, DOMAIN),), TOKENS, Sent())
    assert found.message is not None
    assert found.record.reason.startswith("unclear_return")
