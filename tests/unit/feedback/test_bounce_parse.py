"""Mails that came back, as servers of many kinds write them. These are written for the tests, in the style of those servers."""

from __future__ import annotations

import time

import pytest

from tidings.feedback.bounce.parse import parse
from tidings.feedback.bounce.verdict import Verdict

ANN = "ann@x.example"
VERP = "b+" + "ab2c3" * 10
ORIGINAL = "Return-Path: <news@shop.example>\nFrom: news@shop.example\nTo: ann@x.example\nMessage-ID: <0123@shop.example>\nSubject: Hi\n\nText"


def mail(head: str, body: str) -> bytes:
    return f"From: {head}\nTo: news@shop.example\nSubject: notice\n\n{body}".encode()


def report(fields: str, words: str = "It could not be delivered.", subtype: str = "delivery-status") -> bytes:
    kind = "feedback-report" if subtype == "feedback-report" else "delivery-status"
    return (
        f"From: MAILER-DAEMON@mx.example\nTo: {VERP}@bounce.shop.example\nSubject: notice\nMIME-Version: 1.0\n"
        f'Content-Type: multipart/report; report-type={subtype}; boundary="=_b"\n\n'
        f"--=_b\nContent-Type: text/plain; charset=utf-8\n\n{words}\n"
        f"--=_b\nContent-Type: message/{kind}\n\n{fields}\n"
        f"--=_b\nContent-Type: message/rfc822\n\n{ORIGINAL}\n--=_b--\n"
    ).encode()


def one(raw: bytes) -> Verdict:
    (verdict,) = parse(raw).verdicts
    return verdict


def dsn(reply: str, *, action: str = "failed", words: str = "It could not be delivered.") -> Verdict:
    status = next((word for word in reply.split() if word.count(".") == 2), "5.0.0")
    fields = f"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; {ANN}\nAction: {action}\nStatus: {status}\n"
    return one(report(f"{fields}Remote-MTA: dns; mx.x.example\nDiagnostic-Code: smtp; {reply}\n", words))


@pytest.mark.parametrize(
    ("reply", "kind", "reason"),
    [
        ("550 5.1.1 <ann@x.example>: Recipient address rejected: User unknown", "hard", "no_such_user"),
        ("550 <ann@x.example>: No such user here", "soft", "recipient_refused"),
        ("550 No such user here", "soft", "recipient_refused"),
        ("550 5.1.2 Domain does not exist", "hard", "no_such_domain"),
        ("556 5.1.10 null MX", "hard", "no_mail_accepted"),
        ("550 5.2.1 The account is disabled", "soft", "disabled"),
        ("552 5.2.2 Over quota", "soft", "mailbox_full"),
        ("550 5.7.1 Blocked, see https://www.spamhaus.org/query/ip/192.0.2.1", "block", "blocked"),
        ("550 5.7.26 DMARC check failed", "policy", "auth_failed"),
        ("554 5.4.7 delivery time expired", "soft", "expired"),
        ("550 completely unheard of", "soft", "recipient_refused"),
    ],
)
def test_a_report_by_fields(reply: str, kind: str, reason: str) -> None:
    verdict = dsn(reply)
    assert (verdict.kind, verdict.reason, verdict.recipient, verdict.code) == (kind, reason, ANN, reply[:3])


def test_what_is_still_tried_is_never_hard() -> None:
    verdict = dsn("450 4.1.1 User unknown", action="delayed")
    assert (verdict.kind, verdict.reason, verdict.delayed) == ("soft", "delayed", True)
    assert dsn("250 2.1.5 ok", action="delivered").kind == "delivered"


def test_words_that_speak_of_another_trouble_raise_doubt() -> None:
    said = dsn("550 5.1.1 User unknown", words="Your mail was refused: not enough disk space")
    assert (said.kind, said.reason) == ("soft", "mailbox_full")


def test_a_status_that_the_mailer_made_up_proves_nothing() -> None:
    fields = f"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; {ANN}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; "
    transcript = ">>> RCPT To:<ann@x.example>\n<<< {0}\n550 5.1.1 <ann@x.example>... User unknown"
    for reply in ("553 http://www.spamhaus.org/query/bl?ip=192.0.2.1", "550 we do not like you", "550 5.7.1 no"):
        assert one(report(fields + reply, transcript.format(reply))).kind != "hard"


def test_a_program_that_fails_for_the_mailbox_is_no_proof() -> None:
    fields = f"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; {ANN}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: x-unix; "
    assert one(report(fields + "procmail: cannot open home of no such user")).reason == "mailer_error"
    assert one(report(fields + "67")).kind == "hard"


QMAIL = """Hi. This is the qmail-send program at mx.example.
I'm afraid I wasn't able to deliver your message to the following addresses.

<ann@x.example>:
192.0.2.1 does not like recipient.
Remote host said: 550 5.1.1 User unknown
Giving up on 192.0.2.1.

<bob@y.example>:
192.0.2.2 does not like recipient.
Remote host said: 552 5.2.2 Mailbox full

--- Below this line is a copy of the message.

"""
EXIM = """This message was created automatically by mail delivery software.

  ann@x.example
    host mx.x.example [192.0.2.1]
    SMTP error from remote mail server after {phase}:
    550 No such user

------ This is a copy of the message, including all the headers. ------
"""
LOCAL = """The following recipient(s) could not be reached:

      ann@x.example on 1/2/2026 3:04 PM
            The recipient name is not recognized
            MSEXCH:IMS:SHOP:MAIL 0 (000C05A6) Unknown Recipient
"""


def test_free_texts_name_each_recipient_with_its_own_cause() -> None:
    found = parse(mail("MAILER-DAEMON@mx.example", QMAIL + ORIGINAL))
    assert [(one.recipient, one.kind, one.reason) for one in found.verdicts] == [
        (ANN, "hard", "no_such_user"),
        ("bob@y.example", "soft", "mailbox_full"),
    ]
    assert found.message_id == "0123"


@pytest.mark.parametrize(
    ("phase", "kind"), [("RCPT TO:<ann@x.example>", "hard"), ("end of data", "soft"), ("MAIL FROM:<a@b>", "soft")]
)
def test_no_such_user_counts_when_the_recipient_was_asked_for(phase: str, kind: str) -> None:
    assert (
        one(mail("Mail Delivery System <Mailer-Daemon@mx.example>", EXIM.format(phase=phase) + ORIGINAL)).kind == kind
    )


def test_the_server_that_keeps_the_mailbox_is_believed() -> None:
    verdict = one(mail("System Administrator <postmaster@x.example>", LOCAL))
    assert (verdict.kind, verdict.recipient) == ("hard", ANN)


@pytest.mark.parametrize(
    "head",
    [
        "Auto-Submitted: auto-replied",
        "X-Autoreply: yes",
        "Precedence: auto_reply",
        "Subject: Out of Office: back in May",
        "Subject: Abwesenheitsnotiz",
    ],
)
def test_an_answer_from_the_beach_is_no_bounce(head: str) -> None:
    raw = f"From: Ann <ann@x.example>\nTo: news@shop.example\n{head}\n\nI am away. The old address bob@x.example does not exist.".encode()
    assert (one(raw).kind, one(raw).reason) == ("auto_reply", "away")


@pytest.mark.parametrize(
    ("feedback", "kind", "reason"),
    [
        ("abuse", "complaint", "spam_report"),
        ("opt-out", "complaint", "opt_out"),
        ("not-spam", "unknown", "not_spam"),
        ("auth-failure", "policy", "auth_failed"),
        ("", "complaint", "spam_report"),
    ],
)
def test_a_complaint(feedback: str, kind: str, reason: str) -> None:
    fields = f"Feedback-Type: {feedback}\nUser-Agent: X/1\nVersion: 1\nOriginal-Rcpt-To: <redacted@x.example>"
    verdict = one(report(fields, subtype="feedback-report"))
    assert (verdict.kind, verdict.reason, verdict.recipient) == (kind, reason, "redacted@x.example")


def test_addresses_and_links_of_ours_are_found_wherever_they_stand() -> None:
    token = "T" * 42
    found = parse(mail("x@y.example", f"list-unsubscribe: <https://t.shop.example/u/{token}>\n{VERP.upper()}@Bounce"))
    assert (found.addresses, found.tokens) == ([f"{VERP}@"], [token])


def test_a_report_that_somebody_forwards_is_read() -> None:
    inner = report(
        f"Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; {ANN}\nAction: failed\nDiagnostic-Code: smtp; 550 5.1.1 <{ANN}> unknown user"
    )
    outer = (
        b'From: bob@y.example\nContent-Type: multipart/mixed; boundary="o"\n\n--o\nContent-Type: message/rfc822\n\n'
        + inner
        + b"\n--o--\n"
    )
    assert (one(outer).kind, one(outer).recipient) == ("hard", ANN)


def test_the_message_that_is_brought_back_is_not_what_is_said() -> None:
    raw = mail(
        "MAILER-DAEMON@mx.example",
        "Your mail could not be delivered.\n\n----- Original message -----\nSubject: x\n\n550 5.1.1 <ann@x.example> user unknown",
    )
    assert one(raw).kind != "hard"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n",
        b"\x00" * 5_000,
        b"From: a\n" * 9_999,
        b"Content-Type: multipart/mixed; boundary=a\n\n" + b"--a\n" * 9_999,
    ],
)
def test_nothing_is_something_too(raw: bytes) -> None:
    assert one(raw).kind == "unknown"


def test_depth_and_number_of_parts_have_bounds() -> None:
    deep = b"text"
    for number in range(500):
        deep = b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n%s\n--b%d--\n" % (number, number, deep, number)
    wide = b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\nContent-Type: text/plain\n\nx\n" * 20_000
    for raw in (deep, wide):
        assert parse(raw).verdicts


@pytest.mark.parametrize(
    "piece",
    [
        "-",
        "=",
        "* ",
        "# ",
        " ",
        "\t",
        "<",
        ">",
        ".",
        ":",
        "_",
        "@",
        "a@",
        "550 ",
        "--\n",
        "<style ",
        "user ",
        "- - ",
        '"',
        "\\",
        "=3D",
        "message ",
    ],
)
def test_endless_repetitions_take_no_endless_time(piece: str) -> None:
    run = piece * (60_000 // len(piece))
    for raw in (
        mail("MAILER-DAEMON@mx.example", run),
        mail("a@b.example", f"<ann@x.example>: {run} said: 550 {run}"),
        report(f"Final-Recipient: rfc822; {run}\nDiagnostic-Code: {run}", run),
    ):
        began = time.process_time()
        parse(raw)
        assert time.process_time() - began < 1.0
