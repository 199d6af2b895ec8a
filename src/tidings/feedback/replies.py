"""What a server's reply means: one word of `reasons`, and whether to try again, to suppress, to slow down.

For live answers (`deliver`) and for those that come back in bounces alike. Only proof of a dead address suppresses: a saying
such as "user unknown" counts when it answers for this recipient alone (at RCPT, or with the status 5.1.1), not after DATA, where
servers use it for content and for what the mailbox's owner has filtered.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.resources import files

import msgspec

from tidings.feedback.reasons import HARD, REASONS
from tidings.feedback.reply_table import ENHANCED, PINNED

MAX_TEXT_CHARS = 600
"""Of a reply, this much is read."""

CONNECT, MAIL, RCPT, DATA = "connect", "mail", "rcpt", "data"
"""What a reply answers; empty when that is not known."""

_URL = re.compile(r"https?://([\w.-]{0,100})\S*")
_ADDRESS = re.compile(r"[^\s<>:,;()\[\]]{1,64}@[^\s<>:,;()\[\]]{1,255}")
_LONG = re.compile(r"\S{81,}")
_SPACE = re.compile(r"\s+")
_ENHANCED = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\w.:/+-])([45][0-5]\d)(?=[\s\-:#<,.'\])]|$)(?!-\w{3,}-)")
_GROUP = re.compile(r"^\[(\w+)\]\n((?:.+\n)+)", re.MULTILINE)
_WORDS = tuple(
    (re.compile("|".join(group.group(2).splitlines())), group.group(1))
    for group in _GROUP.finditer(files("tidings.feedback").joinpath("reply_words.txt").read_text("utf-8"))
)
_PINNED = tuple((re.compile(pattern), reason) for pattern, reason in PINNED)
_SURE = re.compile(
    r"doesn't have an? |(?:account|mailbox) (?:that you tried to reach )?(?:does not|doesn't) exist|not in my validrcptto|no mailbox here by that name"
)
"""Says so of the account itself, whenever it is said."""
_OTHERWISE = re.compile(r"\d\.[2367]\.")
"""A status of the mailbox, the server, the content or a policy, beside words that say there is no such user."""
_TOLD_BY_TEXT = frozenset(("1.0", "1.1", "2.0", "2.1", "3.0", "4.0", "4.4", "5.0", "6.0", "7.0", "7.1", "7.23"))
"""Statuses so general, or so often wrong, that words say more."""


class ReplyClass(msgspec.Struct, frozen=True, kw_only=True):
    """What follows from a reply."""

    kind: str
    """Of `reasons.KINDS`."""
    reason: str
    """A word of `reasons.REASONS`."""
    retry: bool
    """Whether the same message may be tried there again: the reply is of the 4xx kind."""
    suppress: bool
    """Whether it proves that the address is dead."""
    throttle: bool
    """Whether the server wants less from us for a while."""


def classify(code: int | str, enhanced: str = "", text: str = "", *, phase: str = "") -> ReplyClass:
    """What the reply `code` with status `enhanced` (``5.1.1``; empty: looked for in the text) and its `text` means.

    `phase` is what it answers: `CONNECT`, `MAIL`, `RCPT`, `DATA`; empty when unknown, which proves less. Never raises.
    """
    found = _ENHANCED.search(enhanced) or _ENHANCED.search(text[:MAX_TEXT_CHARS])
    status = found.group(0) if found else ""
    return _classify(str(code), status, plain(text), phase)


@lru_cache(maxsize=4_096)
def _classify(code: str, status: str, text: str, phase: str) -> ReplyClass:
    permanent = (code[:1] or status[:1]) == "5"
    reason = reason_of(code, status, text)
    if reason == "no_such_user" and not pinned(code, status, text) and not proves(code, status, text, phase):
        reason = "recipient_refused"
    if phase in (CONNECT, MAIL) and REASONS[reason].kind == HARD:
        reason = "sender_rejected" if phase == MAIL else "blocked"  # nobody has been asked for yet
    row = REASONS[reason]
    return ReplyClass(
        kind="soft" if row.kind == HARD and not permanent else row.kind,
        reason=reason,
        retry=code.startswith("4") or (not code and status.startswith("4")),
        suppress=row.kind == HARD and permanent,
        throttle=row.throttle,
    )


def reason_of(code: str, status: str, text: str) -> str:
    """The word for a reply; `text` as `plain` gives it."""
    known = pinned(code, status, text)
    if known:
        return known
    detail = status.partition(".")[2]
    by_status = ENHANCED.get(detail, "")
    if by_status and detail not in _TOLD_BY_TEXT:
        said = said_by(text)
        # a server that names another trouble of its own or of ours beside "no such …" has the last word
        return said if REASONS.get(by_status, REASONS["unknown"]).kind == HARD and _milder(said) else by_status
    return said_by(text) or by_status or _by_code(code)


def pinned(code: str, status: str, text: str) -> str:
    """The word for a saying of one of the large providers; empty when it is none of those."""
    whole = f"{code} {text}" if status in text else f"{code} {status} {text}"
    return next((reason for pattern, reason in _PINNED if pattern.search(whole)), "")


def said_by(text: str) -> str:
    """The word for what a text says; empty when it says nothing we know."""
    return next((reason for pattern, reason in _WORDS if pattern.search(text)), "")


def _milder(said: str) -> bool:
    return bool(said) and said != "recipient_refused" and REASONS[said].kind != HARD


def _by_code(code: str) -> str:
    if code in ("552", "452"):
        return "mailbox_full"
    if code in ("550", "551", "553"):
        return "recipient_refused"
    if code == "556":
        return "no_mail_accepted"
    return "server_error" if code[:1] == "4" else "unknown"


def proves(code: str, status: str, text: str, phase: str) -> bool:
    """Whether a reply that says "no such user" proves it."""
    if status.endswith(".1.1"):
        return True
    if code.startswith("55") and _SURE.search(text):
        return True
    if _OTHERWISE.match(status) and not (phase == RCPT and status.endswith(".2.1")):
        return False
    return phase == RCPT and code.startswith("5")


def code_of(text: str) -> str:
    """The first three-digit reply code in a text, or nothing."""
    at = code_at(text)
    return text[at : at + 3] if at >= 0 else ""


def code_at(text: str) -> int:
    """Where the first reply code stands; -1 when there is none."""
    found = _CODE.search(text)
    return found.start() if found else -1


def enhanced_of(text: str) -> str:
    """The first enhanced status code in a text, or nothing."""
    found = _ENHANCED.search(text)
    return found.group(0) if found else ""


def plain(text: str) -> str:
    """Lower case, one line, no addresses (they may be called ``spam@…``), of links only the host, no words of endless length; bounded."""
    text = _URL.sub(r" \1 ", text[: 4 * MAX_TEXT_CHARS])
    text = _LONG.sub(" ", _ADDRESS.sub("@", text))
    return _SPACE.sub(" ", text).strip().lower()[:MAX_TEXT_CHARS]
