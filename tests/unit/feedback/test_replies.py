"""What servers' replies mean: kind, reason, whether to try again, to suppress, to slow down."""

from __future__ import annotations

from importlib.resources import files

import pytest

from tidings.feedback.reasons import HARD, KINDS, REASONS
from tidings.feedback.replies import _GROUP, RCPT, classify
from tidings.feedback.reply_table import ENHANCED, PINNED

# reply, reason; then r: tried again, s: suppresses, t: slows down
PROVIDERS = """
421-4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address | rate_limited | rt
421-4.7.28 Gmail has detected an unusual rate of unsolicited mail containing one of your URL domains | rate_limited | rt
550-5.7.28 There is an unusual rate of unsolicited mail originating from your IP address | rate_limited | t
421-4.7.0 This message is suspicious due to the very low reputation of the sending IP address | bad_reputation | rt
550-5.7.1 Our system has detected that this message is likely unsolicited mail | bad_reputation | t
421-4.7.26 Your email has been rate limited because it is unauthenticated. Gmail requires SPF or DKIM | auth_failed | r
550-5.7.26 This mail has been blocked because the sender is unauthenticated. Gmail requires SPF or DKIM | auth_failed |
550-5.7.26 Unauthenticated email from shop.example is not accepted due to domain's DMARC policy | auth_failed |
421-4.7.27 Your email has been rate limited because SPF authentication didn't pass | auth_failed | r
550-5.7.27 Your email has been blocked because SPF authentication didn't pass | auth_failed |
421-4.7.30 Your email has been rate limited because DKIM authentication didn't pass | auth_failed | r
550-5.7.30 Your email has been blocked because DKIM authentication didn't pass | auth_failed |
421-4.7.32 Your email has been rate limited because the From: header isn't aligned with SPF or DKIM | auth_failed | r
550-5.7.40 Your email has been blocked because the sending domain has no DMARC record | auth_failed |
550-5.7.24 The SPF record of the sending domain has one or more suspicious entries | auth_failed |
421-4.7.23 The IP address sending this message does not have a PTR record | no_reverse_dns | r
550-5.7.25 The IP address sending this message does not have a PTR record setup | no_reverse_dns |
421-4.7.29 Your email has been rate limited because this message wasn't sent over a TLS connection | security | r
550-5.7.29 This message wasn't sent over a TLS connection. Gmail requires TLS | security |
550-5.1.1 The email account that you tried to reach does not exist. Please try double-checking | no_such_user | s
550-5.2.1 The email account that you tried to reach is inactive | disabled |
450-4.2.1 The user you are trying to contact is receiving mail too quickly | rate_limited | rt
550-5.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages | rate_limited | t
452-4.2.2 The recipient's inbox is out of storage space | mailbox_full | r
552-5.2.2 The recipient's inbox is out of storage space and inactive | mailbox_full |
552-5.7.0 This message was blocked because its content presents a potential security issue | blocked | t
552-5.3.4 Your message exceeded Google's message size limits | too_large |
451-4.3.0 Mail server temporarily rejected message | server_error | r
550-5.7.1 Messages missing a valid Message-ID header are not accepted. RFC 5322 | not_standard |
550 5.7.515 Access denied, sending domain SHOP.EXAMPLE does not meet the required authentication level | auth_failed |
550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. part of their network is on our block list (S3150) | blocked | t
550 5.7.606 Access denied, banned sending IP [192.0.2.1] | blocked | t
451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation (S3113) | bad_reputation | rt
451 4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719) | blocked | rt
550 5.7.509 Access denied, sending domain shop.example does not pass DMARC verification | auth_failed |
550 5.7.512 Access denied, message must be RFC 5322 section 3.6.2 compliant | not_standard |
550 5.7.511 Access denied, banned sender[192.0.2.1] | blocked | t
550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302) | no_such_user | s
550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup | no_such_user | s
550 5.4.1 Recipient address rejected: Access denied. [AM0EUR02FT012.eop-EUR02.prod.protection.outlook.com] | no_such_user | s
550 5.4.310 DNS domain shop.example does not exist [Message=InfoDomainNonexistent] | no_such_domain | s
552 5.2.2 STOREDRV.Deliver; mailbox full. The following information should help | mailbox_full |
421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints | bad_reputation | rt
421 4.7.1 [TS03] All messages from 192.0.2.1 will be permanently deferred; Retrying will NOT succeed | blocked | rt
553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list | blocked | t
554 5.7.9 Message not accepted for policy reasons. See https://senders.yahooinc.com/smtp-error-codes | policy |
554 delivery error: dd This user doesn't have a yahoo.com account (ann@yahoo.com) [0] | no_such_user | s
554 delivery error: dd Sorry, your message cannot be delivered. This mailbox is disabled (554.30) | disabled |
552 1 Requested mail action aborted, mailbox not found | no_such_user | s
554 5.7.1 [CS01] Message rejected due to local policy | policy |
550 5.7.1 [HM08] Message rejected due to local policy | policy |
552 5.2.2 <ann@icloud.com>: user is over quota | mailbox_full |
550 5.1.1 <ann@icloud.com>: inactive email address | no_such_user | s
"""

OTHERS = """
550 5.1.1 <ann@x.example>: Recipient address rejected: User unknown in virtual mailbox table | no_such_user | s
550 5.1.2 <ann@nowhere.example>... Host unknown (Name server: nowhere.example: host not found) | no_such_domain | s
556 5.1.10 Recipient address has null MX | no_mail_accepted | s
551 5.1.6 User has moved to ann@y.example | moved | s
550 5.1.1 User unknown; rejected by Spamhaus block list | blocked | t
550 5.7.1 Sender address rejected: user unknown | sender_rejected |
550 5.1.8 <a@shop.example>: Sender address rejected: Domain not found | sender_rejected |
450 4.1.1 <ann@x.example>: Recipient address rejected: unverified address: user unknown | no_such_user | r
450 4.2.0 <ann@x.example>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch | greylisted | r
550 5.7.1 Unable to relay | relay_denied |
530 5.7.0 Must issue a STARTTLS command first | security |
554 5.6.0 Message contains bare LF and is violating 822.bis section 2.3 | not_standard |
550 5.2.3 Message size exceeds fixed maximum message size | too_large |
451 4.4.1 timed out | network | r
550 5.7.1 Your message was identified as spam | spam |
554 5.7.1 message contains a virus | virus |
503 5.5.1 bad sequence of commands | syntax |
"""


def rows(text: str) -> list[tuple[str, str, str]]:
    cut = [line.rsplit("|", 2) for line in text.splitlines() if line]
    return [(reply.strip(), reason.strip(), marks.strip()) for reply, reason, marks in cut]


@pytest.mark.parametrize(("reply", "reason", "marks"), rows(PROVIDERS + OTHERS))
def test_a_reply_means(reply: str, reason: str, marks: str) -> None:
    found = classify(reply[:3], "", reply[4:], phase=RCPT)
    got = "".join(mark for mark, is_so in (("r", found.retry), ("s", found.suppress), ("t", found.throttle)) if is_so)
    assert (found.reason, got) == (reason, marks)


def test_no_reply_about_us_suppresses_anybody() -> None:
    suppressing = {reason for reply, reason, marks in rows(PROVIDERS + OTHERS) if "s" in marks}
    assert {REASONS[reason].kind for reason in suppressing} == {HARD}
    assert len(rows(PROVIDERS)) >= 40


def test_user_unknown_proves_less_after_data_and_when_nobody_says_what_was_answered() -> None:
    for phase in ("data", "mail", "connect", ""):
        found = classify(550, "", "User unknown", phase=phase)
        assert (found.kind, found.reason, found.suppress) == ("soft", "recipient_refused", False)
    assert classify(550, "", "User unknown", phase="rcpt").suppress
    assert classify(550, "5.1.1", "User unknown", phase="data").suppress
    assert not classify(550, "5.7.1", "User unknown", phase="rcpt").suppress


def test_a_reply_that_may_pass_never_suppresses() -> None:
    for code, enhanced in (("450", "4.1.1"), ("421", ""), ("450", "5.1.1")):
        found = classify(code, enhanced, "User unknown", phase="rcpt")
        assert (found.suppress, found.retry) == (False, True)


LOOKS_LIKE_PROOF = """this server does not accept mail for that user|Mailbox not accepting mail|we no longer accept mail from your network|
Sorry, that domain isn't in my list of allowed rcpthosts (#5.7.1)|domain lookup failed|message has moved to quarantine|Recipient's domain does not accept mail with attachments|
Address not found in allowed senders list|Your address does not exist in our whitelist|User unknown, or mailbox over quota|Recipient address rejected: Policy rejection: user not found|
account not found: blocked using blocklist|client host rejected: cannot find your hostname|user unknown (rate limit exceeded)|unknown command|Unknown sender|invalid MAIL FROM|not found|does not exist|
the alias file does not exist|certificate not found|no address associated with your hostname|No such file or directory|no one may send to this list|cannot verify user|HELO host unknown|
Your host is unknown|Invalid domain name in MAIL FROM|temporary lookup failure for user|sender address verification failed: user unknown|too many unknown users (directory harvest)|
You have no permission to send to unknown recipient|sorry, your envelope recipient has been denied|your envelope recipient is in my badrcptto list"""
"""Sayings that hold words such as "unknown" or "does not exist", of something else or beside something else."""


@pytest.mark.parametrize("text", [one.strip() for one in LOOKS_LIKE_PROOF.split("|")])
def test_what_only_looks_like_proof_is_none(text: str) -> None:
    assert not classify(550, "", text, phase="rcpt").suppress


def test_nobody_is_taken_for_dead_before_anybody_was_asked_for() -> None:
    for text in (
        "5.1.1 user unknown",
        "5.1.2 domain does not exist",
        "user has moved to @",
        "domain does not accept mail",
    ):
        assert not classify(550, "", text, phase="mail").suppress
        assert not classify(550, "", text, phase="connect").suppress


@pytest.mark.parametrize(
    "text", ["", " ", "\x00", "ß" * 10_000, "a@b " * 5_000, "((((" * 500, "\n" * 9_999, "550" * 900]
)
def test_any_text_has_a_class(text: str) -> None:
    for code in ("", "5", "550", "abc", 0, 999_999):
        assert classify(code, text[:40], text).kind in KINDS


def test_every_reason_that_is_given_is_known() -> None:
    words = files("tidings.feedback").joinpath("reply_words.txt").read_text("utf-8")
    groups = {group.group(1) for group in _GROUP.finditer(words)}
    assert {*groups, *ENHANCED.values(), *(reason for _, reason in PINNED)} <= REASONS.keys()
    assert len(groups) > 20
