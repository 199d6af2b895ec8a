"""The local receiver: what it said 250 to is in the inbox, as it came."""

from __future__ import annotations

import smtplib
import sqlite3

import pytest

from tidings.hosts.receiver import MAX_MAIL_BYTES, Inbox, receiving

RAW = (
    b"From: Shop <hello@shop.example>\r\nTo: <ann@x.example>\r\nMessage-ID: <m1@shop.example>\r\n"
    b"Subject: =?utf-8?q?Caf=C3=A9?=\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\nSMOp\r\n"
    b"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hi</p>\r\n--b--\r\n"
)


@pytest.fixture
def inbox(tmp_path):
    box = Inbox(tmp_path / "data" / "inbox.db")
    yield box
    box.close()


def hand_over(port, raw, to="ann@x.example"):
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.sendmail("hello@shop.example", [to], raw)


def test_a_message_is_kept_byte_for_byte_with_its_envelope_and_both_parts(inbox):
    with receiving(inbox) as port:
        hand_over(port, RAW)
    (mail,) = inbox.list(10)
    assert (mail.sender, mail.recipients) == ("hello@shop.example", ["ann@x.example"])
    assert (mail.subject, mail.message_id, mail.size_bytes) == ("Café", "<m1@shop.example>", len(RAW))
    assert inbox.get(mail.id) == (mail, RAW)
    assert inbox.text(mail.id) == "Hé"
    assert inbox.html(mail.id).strip() == "<p>Hi</p>"


def test_a_second_copy_is_a_second_message(inbox):
    with receiving(inbox) as port:
        hand_over(port, RAW)
        hand_over(port, RAW)
    assert inbox.count() == 2


def test_it_is_on_disk_before_the_client_hears_250(inbox, tmp_path):
    with receiving(inbox) as port:
        hand_over(port, RAW)
        with sqlite3.connect(tmp_path / "data" / "inbox.db") as other:
            assert other.execute("SELECT count(*) FROM mails").fetchone() == (1,)
        other.close()


def test_a_message_that_is_too_large_is_refused_and_not_kept(inbox):
    with receiving(inbox) as port, pytest.raises(smtplib.SMTPException):
        hand_over(
            port, b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 78 + b"\r\n") * (MAX_MAIL_BYTES // 80 + 1)
        )
    assert inbox.count() == 0


def test_lists_are_newest_first_and_page_backwards(inbox):
    ids = [inbox.add(sender="a@x", recipients=["b@x"], raw=b"Subject: %d\r\n\r\n" % n, received_us=n) for n in range(5)]
    assert [m.subject for m in inbox.list(2)] == ["4", "3"]
    assert [m.id for m in inbox.list(10, before=ids[2])] == [ids[1], ids[0]]


@pytest.mark.parametrize(
    "raw",
    [b"", b"\r\n\r\n", b"\xff\xfe\x00", b"Subject: =?nope?q?x?=\r\n\r\n", b"Subject: =?utf-8?b?!!!?=\r\n\r\nx",
     b"Content-Type: text/plain; charset=nope\r\n\r\n\xff"],
)  # fmt: skip
def test_broken_messages_are_kept_and_can_be_looked_at(inbox, raw):
    number = inbox.add(sender="", recipients=[], raw=raw, received_us=1)
    assert inbox.get(number)[1] == raw
    assert inbox.html(number) is None
    inbox.text(number)


def test_an_unknown_id_is_none(inbox):
    assert (inbox.get(7), inbox.html(7), inbox.text(7)) == (None, None, None)


def test_no_log_line_names_a_person(inbox, caplog):
    caplog.set_level("DEBUG")
    with receiving(inbox) as port:
        hand_over(port, RAW, to="canary@x.example")
    assert inbox.count() == 1
    assert "canary" not in caplog.text
