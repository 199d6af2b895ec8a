"""Reports of a provider on what a person said about a mail: abuse reports (RFC 5965), of which the recipient is often blacked out."""

from __future__ import annotations

import re

from tidings.feedback.bounce.notice import Notice
from tidings.feedback.bounce.parts import read_headers
from tidings.feedback.bounce.said import address_in
from tidings.feedback.bounce.verdict import MAX_DIAGNOSTIC_CHARS, Verdict
from tidings.feedback.reasons import REASONS

_REASONS = {
    "opt-out": "opt_out",
    "opt-out-list": "opt_out",
    "not-spam": "not_spam",
    "auth-failure": "auth_failed",
    "dmarc": "auth_failed",
    "virus": "virus",
}


_BY_SUBJECT = re.compile(r"complaint about message from", re.IGNORECASE)
"""How Outlook.com tells of complaints (JMRP), without a report part."""


def is_report(notice: Notice) -> bool:
    """Whether a notice tells what a person said about a mail."""
    return notice.is_feedback or bool(notice.original and _BY_SUBJECT.match(notice.headers.get("subject", "")))


def judge(notice: Notice) -> Verdict:
    """The verdict of a feedback report."""
    fields = read_headers(notice.feedback)
    kind = (fields.get("feedback-type", "") or "abuse").strip().lower()
    reason = _REASONS.get(kind, "spam_report")
    named = fields.get("original-rcpt-to", "") or fields.get("removal-recipient", "") or notice.original.get("to", "")
    return Verdict(
        kind=REASONS[reason].kind,
        reason=reason,
        recipient=address_in(named),
        diagnostic=" ".join(notice.words.split())[:MAX_DIAGNOSTIC_CHARS],
        feedback_type=kind,
    )
