"""From what is said of a recipient to a verdict: kind, reason and the codes behind it."""

from __future__ import annotations

import re

import msgspec

from tidings.feedback import replies
from tidings.feedback.bounce.said import Said
from tidings.feedback.reasons import DELIVERED, HARD, REASONS, SOFT, UNKNOWN
from tidings.feedback.replies import CONNECT, DATA, MAIL, RCPT

MAX_DIAGNOSTIC_CHARS = 500

_PHASES = (
    (
        RCPT,
        r"in reply to rcpt to|after rcpt|>>> rcpt to|sent <<< rcpt|does not like recipient|our rcpt to|rcpt command|rejected recipient|response to rcpt|rcpt to response|\(state 14\)|\[rcpt_to\]|rcpt to:? ?<[^>]{1,300}>:? ?5\d\d",
    ),
    (
        DATA,
        r"in reply to (?:end of )?data|after (?:end of )?data|>>> data|failed after i sent the message|our (?:final )?data|\(data\)|end of data|message data|response to data|\(state 1[78]\)",
    ),
    (
        MAIL,
        r"in reply to mail from|after mail from|>>> mail from|but sender was rejected|our mail from|mail command|\(state 13\)",
    ),
    (
        CONNECT,
        r"initial connection|refused to talk to me|greeting failed|after (?:ehlo|helo)|in reply to (?:ehlo|helo)",
    ),
)
_NO_RECIPIENT = re.compile(r"(?:50[13]|554)[ -].{0,40}(?:rcpt|recipient)", re.IGNORECASE)
"""After DATA: the recipient before it was refused, and that is what the reply means."""
_LOCAL = re.compile(
    r"unknown user: |user unknown in |in (?:local|virtual|relay) (?:recipient|mailbox|alias)|final delivery userid|name is not recognized|msexch\S*.{0,200}unknown recipient|"
    r"listed in public name|no mailbox here by that name|ディレクトリ.{0,20}(?:見つかり|あり)ません|unknown local|invalid user address|address not found|"
    r"recipient address does not exist|user \S{0,80} ?\(\S{1,200}\) not listed|no such virtual|mailbox (?:does not exist|not found)",
    re.IGNORECASE | re.DOTALL,
)
"""The server that keeps the mailbox says so itself."""
_GATEWAY = re.compile(
    r"message non-deliverable|this has been a permanent failure\.  no further|failed to send to identified host",
    re.IGNORECASE,
)
"""Content filters that stand before the mailbox, and say "no such user" of more than that."""
_RELAYS = re.compile(
    r"sorry, we were unable to deliver your message to the following address|mail delivery agent at (?:messagelabs|symantec)|"
    r"^[ \t]*-+ the following addresses had delivery problems -+",
    re.IGNORECASE | re.MULTILINE,
)
"""Relays that pass on what was answered for the recipient, and do not say so: Yahoo, MessageLabs, McAfee."""
_OWNERS = re.compile(r"inbound-smtp\.[\w-]{1,40}\.amazonaws\.com", re.IGNORECASE)
"""Servers that answer in words which the mailbox's owner has written into a rule."""
_WARNING = re.compile(
    r"warning message only|warning only|do not need to resend|delayed|will (?:be retried|retry|keep trying)|still (?:trying|being retried)|temporary failure report",
    re.IGNORECASE,
)
_MAIN = ("mailbox_full", "disabled", "blocked", "spam", "auth_failed", "greylisted", "rate_limited")
"""What the words for people may say against "no such user"."""
_VAGUE = ("", "unknown", "recipient_refused", "policy", "server_error", "syntax", "network")
_EXITS = {
    "67": "no_such_user",
    "68": "no_such_domain",
    "69": "mailer_error",
    "73": "mailbox_full",
    "77": "server_error",
    "71": "mailer_error",
}
"""Exit codes of local mailers (sysexits.h)."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a message at one recipient."""

    kind: str
    """Of `reasons.KINDS`."""
    reason: str
    """A word of `reasons.REASONS`."""
    recipient: str = ""
    """Whom it is about; empty when that is not told."""
    original: str = ""
    """The address first written to, when that is told apart."""
    code: str = ""
    """The reply's three digits; empty without."""
    status: str = ""
    """Enhanced status code; empty without."""
    diagnostic: str = ""
    """The server's words, at most `MAX_DIAGNOSTIC_CHARS`."""
    delayed: bool = False
    """Whether it is still being tried."""
    feedback_type: str = ""
    """Of a complaint, in the provider's word (RFC 5965)."""


def judge(said: Said) -> Verdict:
    """The verdict on one recipient."""
    reply = said.diagnostic or _reply_in(said.words)
    code, status = _codes(said, reply)
    if said.action in ("delivered", "relayed", "expanded"):
        return _verdict(said, DELIVERED, "delivered", code, status, reply)
    phase = _phase(said)
    vouched = phase or (RCPT if _vouched(said, reply, code, status) else "")
    own = replies.enhanced_of(reply)
    found = replies.classify(code or _assumed(status), own, reply, phase=vouched)
    if found.reason in _VAGUE and not own:
        found = replies.classify(code or _assumed(status), status, reply, phase=vouched)
    kind, reason = found.kind, found.reason
    if reason in _VAGUE or not reply:
        kind, reason = _by_words(said, reply, code or _assumed(status), vouched) or (kind, reason)
    if said.diagnostic_type == "x-unix" and said.diagnostic.strip() in _EXITS:
        kind, reason = _exit(said)
    if said.diagnostic_type == "x-unix" and not said.diagnostic.strip().isdigit() and not _LOCAL.search(reply):
        kind, reason = _of_program(reply)
    if kind == HARD:
        kind, reason = _doubted(said, reply, kind, reason)
    delayed = said.action == "delayed" or bool(
        not said.action and _WARNING.search(said.words[: 3 * MAX_DIAGNOSTIC_CHARS])
    )
    if delayed:
        kind, reason = _not_yet(kind, reason)
    return msgspec.structs.replace(_verdict(said, kind, reason, code, status, reply), delayed=delayed)


def _verdict(said: Said, kind: str, reason: str, code: str, status: str, reply: str) -> Verdict:
    return Verdict(
        kind=kind,
        reason=reason,
        recipient=said.recipient,
        original=said.original,
        code=code,
        status=status,
        diagnostic=" ".join(reply.split())[:MAX_DIAGNOSTIC_CHARS],
    )


def _codes(said: Said, reply: str) -> tuple[str, str]:
    """Reply code and status: what the server said itself before what was made of it."""
    code = replies.code_of(reply) or replies.code_of(said.words[:MAX_DIAGNOSTIC_CHARS] if not said.diagnostic else "")
    in_reply = replies.enhanced_of(reply)
    return code, in_reply or replies.enhanced_of(said.status)


def _assumed(status: str) -> str:
    """A notice of failure without any code is of one that lasts, unless its status says otherwise."""
    return f"{status[:1] or '5'}00"


def _reply_in(words: str) -> str:
    """The words around the first reply code."""
    at = replies.code_at(words)
    if at < 0:
        return ""
    end = words.find("\n\n", at)
    return words[at : end if end > 0 else at + MAX_DIAGNOSTIC_CHARS][:MAX_DIAGNOSTIC_CHARS]


def _phase(said: Said) -> str:
    text = f"{said.diagnostic}\n{said.words}".lower()
    for phase, pattern in _PHASES:
        if re.search(pattern, " ".join(text.split())):
            return RCPT if phase == DATA and _NO_RECIPIENT.search(text) else phase
    return ""


def _vouched(said: Said, reply: str, code: str, status: str) -> bool:
    """Whether "no such user" can be believed though it is not told what it answered."""
    if _GATEWAY.search(said.words) or _OWNERS.search(said.reporter):
        return False
    if said.category == "bad-mailbox" or _LOCAL.search(f"{reply}\n{said.words}"):
        return True
    if re.match(r"5\.2\.", status):
        return False  # its status is of a mailbox that is there
    return code.startswith("55") and (status == "5.1.1" or bool(_RELAYS.search(said.words)))


def _by_words(said: Said, reply: str, code: str, phase: str) -> tuple[str, str] | None:
    """What the words for people say, when they say more than the fields."""
    words, reason = _telling(said)
    if not reason or reason in _VAGUE:
        return None
    if replies.code_of(reply) and REASONS[reason].kind == HARD and not _LOCAL.search(said.words):
        return None  # the server's own words were weighed already; mailers put words of theirs beside them
    found = replies.classify(code, "", words, phase=phase)
    return found.kind, found.reason


def _telling(said: Said) -> tuple[str, str]:
    """Of the words for people those that tell a reason, and it: from their beginning, else from where the recipient is named."""
    at = said.words.lower().find(said.recipient.lower()) if said.recipient else 0
    reason = ""
    for words in (said.words, said.words[max(at, 0) :]):
        reason = replies.said_by(replies.plain(words.replace(said.recipient, " ") if said.recipient else words))
        if reason and reason not in _VAGUE:
            return words, reason
    return said.words, reason


def _exit(said: Said) -> tuple[str, str]:
    reason = _EXITS[said.diagnostic.strip()]
    return REASONS[reason].kind, reason


def _of_program(reply: str) -> tuple[str, str]:
    """A program that delivers for the mailbox failed: what it calls unknown is seldom the mailbox."""
    said = replies.said_by(replies.plain(reply))
    reason = said if said and REASONS[said].kind != HARD and said not in _VAGUE else "mailer_error"
    return REASONS[reason].kind, reason


def _doubted(said: Said, reply: str, kind: str, reason: str) -> tuple[str, str]:
    """Reasons not to believe that an address is dead.

    The status field is the mailer's, which may write 5.1.1 for any recipient that a server refused; words for people may speak of
    another trouble; and some servers say what the mailbox's owner told them to.
    """
    if _OWNERS.search(said.reporter):
        return SOFT, "recipient_refused"
    in_words = replies.said_by(replies.plain(reply))
    if not reply and _telling(said)[1] != reason and not _LOCAL.search(said.words) and not said.diagnostic_type:
        return SOFT, "recipient_refused"  # a status alone, and nobody's words for it
    plain = replies.plain(reply)
    if replies.pinned("", "", plain) == reason:
        return kind, reason
    if (
        replies.code_of(reply)
        and not replies.enhanced_of(reply)
        and reason == "no_such_user"
        and in_words in _VAGUE
        and not _LOCAL.search(said.words)
    ):
        return SOFT, "recipient_refused"
    text = replies.plain(said.words)
    other = "" if replies.pinned("", "", text) == reason else replies.said_by(text)
    return (REASONS[other].kind, other) if other in _MAIN else (kind, reason)


def _not_yet(kind: str, reason: str) -> tuple[str, str]:
    if kind == UNKNOWN or reason == "recipient_refused" or REASONS[reason].kind == HARD:
        return SOFT, "delayed"
    return kind, reason
