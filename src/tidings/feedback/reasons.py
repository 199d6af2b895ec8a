"""Why a mail was not taken, in one word, and what follows from it. docs/reference/bounces.md has the same table.

Four kinds tell apart what people mix up: *hard* is proof that the address is dead, and alone suppresses it; *soft* is about
the mailbox or its server today; *block* is about us, as they see us; *policy* is about how we send, and ours to mend.
"""

from __future__ import annotations

import msgspec

HARD = "hard"
"""Nobody can be reached there, now or later: the only kind that suppresses."""
SOFT = "soft"
"""The mailbox, its server or the way there: it may pass."""
BLOCK = "block"
"""They want no mail from us, or not so much of it, or not this one."""
POLICY = "policy"
"""They ask for something that we do not do: authentication, TLS, a rule of form."""
COMPLAINT = "complaint"
"""The person called it spam."""
AUTO_REPLY = "auto_reply"
"""A machine answers in the person's place: the mail arrived."""
DELIVERED = "delivered"
"""A notice of success."""
UNKNOWN = "unknown"
"""It does not say why, or not in words we know. Never suppresses."""

KINDS = (HARD, SOFT, BLOCK, POLICY, COMPLAINT, AUTO_REPLY, DELIVERED, UNKNOWN)


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One reason."""

    kind: str
    """One of `KINDS`."""
    throttle: bool = False
    """Whether that server wants less from us for a while."""
    means: str
    """For people, one line."""


REASONS = {
    "no_such_user": Reason(kind=HARD, means="the server knows no such mailbox"),
    "no_such_domain": Reason(kind=HARD, means="the domain does not exist"),
    "no_mail_accepted": Reason(kind=HARD, means="the domain takes no mail at all, and says so"),
    "moved": Reason(kind=HARD, means="the mailbox has moved away; mail is not forwarded"),
    "mailbox_full": Reason(kind=SOFT, means="the mailbox is full"),
    "disabled": Reason(kind=SOFT, means="the account is suspended, disabled or asleep"),
    "recipient_refused": Reason(kind=SOFT, means="this recipient was refused, without proof that there is none"),
    "forward_failed": Reason(kind=SOFT, means="it was forwarded, and failed at an address that is not hers"),
    "too_large": Reason(kind=SOFT, means="the message is too large for the mailbox or its server"),
    "expired": Reason(kind=SOFT, means="it was tried until the time was up"),
    "delayed": Reason(kind=SOFT, means="not delivered yet; it is still being tried"),
    "network": Reason(kind=SOFT, means="the server could not be reached, or mail goes round in a circle"),
    "server_error": Reason(kind=SOFT, means="something is broken at the receiving server"),
    "mailer_error": Reason(kind=SOFT, means="a program that delivers for the mailbox failed"),
    "greylisted": Reason(kind=SOFT, means="the server asks strangers to try again later"),
    "rate_limited": Reason(kind=BLOCK, throttle=True, means="too many mails or connections in too short a time"),
    "bad_reputation": Reason(kind=BLOCK, throttle=True, means="our address or domain has a bad name with them"),
    "blocked": Reason(kind=BLOCK, throttle=True, means="our address or domain is on a block list"),
    "no_reverse_dns": Reason(kind=BLOCK, means="our address has no name, or one that does not lead back (PTR)"),
    "spam": Reason(kind=BLOCK, means="the content was taken for spam"),
    "virus": Reason(kind=BLOCK, means="the content was taken for a virus"),
    "content_rejected": Reason(kind=BLOCK, means="the content was refused for another cause"),
    "sender_rejected": Reason(kind=BLOCK, means="our sender address was refused"),
    "auth_failed": Reason(kind=POLICY, means="SPF, DKIM or DMARC did not pass"),
    "policy": Reason(kind=POLICY, means="against a rule of theirs that they do not name"),
    "relay_denied": Reason(kind=POLICY, means="the server does not take mail for that domain from us"),
    "security": Reason(kind=POLICY, means="TLS or a log-in is wanted"),
    "not_standard": Reason(kind=POLICY, means="the message breaks a standard"),
    "syntax": Reason(kind=POLICY, means="the servers did not understand each other"),
    "spam_report": Reason(kind=COMPLAINT, means="the person pressed the spam button"),
    "opt_out": Reason(kind=COMPLAINT, means="the person asked her provider for no more of this"),
    "away": Reason(kind=AUTO_REPLY, means="an automatic answer, such as an out-of-office note"),
    "delivered": Reason(kind=DELIVERED, means="it arrived"),
    "not_spam": Reason(kind=UNKNOWN, means="the person says that it is no spam"),
    "unknown": Reason(kind=UNKNOWN, means="no reason is given, or none that we know"),
}
"""Every reason, by its word."""
