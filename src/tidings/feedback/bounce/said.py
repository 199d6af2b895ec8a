"""What is said of each recipient: by fields (RFC 3464), wherever they stand, or else by the words around an address."""

from __future__ import annotations

import re

import msgspec

from tidings.feedback.bounce.notice import Notice

MAX_RECIPIENTS = 50
MAX_SAID_CHARS = 2_000
"""Of what is said of one recipient, this much is read."""

_FIELD = re.compile(r"([A-Za-z][A-Za-z-]{2,40})[ \t]*:[ \t]*(.*)")
_NAMES = ("final-recipient", "original-recipient")
_KNOWN = (
    *_NAMES,
    "action",
    "ction",
    "status",
    "diagnostic-code",
    "remote-mta",
    "reporting-mta",
    "x-actual-recipient",
    "will-retry-until",
    "x-powermta-bouncecategory",
)
_TYPED = re.compile(r"^[A-Za-z0-9-]{2,40}[ \t]*;[ \t]*")
_REPORTER = re.compile(r"^reporting-mta[ \t]*:([^\n]{1,300})", re.IGNORECASE | re.MULTILINE)
_QUOTED = r'"[^"\n]{1,64}"@[\w.-]{1,255}'
_ADDRESS = re.compile(rf"{_QUOTED}|[\w.!#$%&'*+/=?^`{{|}}~-]{{1,64}}@[\w-][\w.-]{{0,254}}")
_OURS = re.compile(r"mailer-?daemon|postmaster|^post_master|^no-?reply@", re.IGNORECASE)
_LED = re.compile(
    r"^[ \t>*-]*(?:final delivery userid:|sender|from|return-path|reply-to|envelope-from|mail from|message from|message-id|x-\S+|date|subject|"
    r"the message (?:was sent )?from|a message (?:from|sent by)|>>> mail)\b",
    re.IGNORECASE,
)
"""Lines whose address is not the recipient's."""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one recipient."""

    recipient: str
    """Its address, as far as it is told; may be empty."""
    original: str = ""
    """The address that was first written to, when that is told apart (RFC 3464)."""
    action: str = ""
    """``failed``, ``delayed``, ``delivered``, ``relayed``, ``expanded``; empty when not told."""
    status: str = ""
    """The status field."""
    diagnostic: str = ""
    """The server's own words, without the type before them."""
    diagnostic_type: str = ""
    """``smtp``, ``x-unix``, …; empty when not told."""
    remote: str = ""
    """The server that said so."""
    reporter: str = ""
    """The server that wrote the report."""
    category: str = ""
    """How PowerMTA sorted it, such as ``bad-mailbox``."""
    words: str = ""
    """What the notice says to people about it."""


def said_of(notice: Notice) -> list[Said]:
    """Every recipient that a notice speaks of, with what it says; none when it speaks of none."""
    groups = _groups(notice.status) or _groups(notice.words)
    if groups:
        named = [
            address_in(group.get("final-recipient", "") or group.get("original-recipient", "")) for group in groups
        ]
        words = _around(notice.words, named)
        reporter = _REPORTER.search(notice.status)
        by = reporter.group(1).strip() if reporter else ""
        return [_by_fields(group, said, by) for group, said in zip(groups, words, strict=True)]
    return [Said(recipient=address, words=said) for address, said in _by_words(notice)]


def _groups(text: str) -> list[dict[str, str]]:
    """Fields of each recipient. A blank line or a second recipient begins the next; stray fields go to the one before."""
    found: list[dict[str, str]] = []
    for block in re.split(r"\n[ \t]*\n", text):
        for group in _fields(block):
            if any(name in group for name in _NAMES):
                found.append(group)
            elif found and "reporting-mta" not in group:
                found[-1] = {**group, **found[-1]}
    return found[:MAX_RECIPIENTS]


def _fields(block: str) -> list[dict[str, str]]:
    groups: list[dict[str, str]] = [{}]
    name = ""
    for line in block.splitlines():
        if line[:1] in " \t" and name:
            groups[-1][name] = f"{groups[-1][name]} {line.strip()}"[:MAX_SAID_CHARS]
            continue
        matched = _FIELD.match(line)
        name = matched.group(1).lower() if matched else ""
        if name not in _KNOWN:
            name = ""
            continue
        name = "action" if name == "ction" else name
        if name == "final-recipient" and name in groups[-1]:
            groups.append({})
        if matched and name not in groups[-1]:
            groups[-1][name] = matched.group(2).strip()[:MAX_SAID_CHARS]
    return [group for group in groups if group]


def _by_fields(group: dict[str, str], words: str, reporter: str) -> Said:
    diagnostic = group.get("diagnostic-code", "")
    typed = _TYPED.match(diagnostic)
    return Said(
        recipient=address_in(group.get("final-recipient", "") or group.get("original-recipient", "")),
        original=address_in(group.get("original-recipient", "")),
        action=group.get("action", "").split()[0].lower() if group.get("action", "").split() else "",
        status=group.get("status", ""),
        diagnostic=diagnostic[typed.end() :] if typed else diagnostic,
        diagnostic_type=typed.group(0).rstrip("; \t").lower() if typed else "",
        remote=group.get("remote-mta", ""),
        reporter=reporter,
        category=group.get("x-powermta-bouncecategory", "").strip().lower(),
        words=words,
    )


def address_in(text: str) -> str:
    """The first address in a text; empty when there is none."""
    found = _ADDRESS.search(text)
    return found.group(0).strip(".") if found else ""


def _around(words: str, addresses: list[str]) -> list[str]:
    """What the words say of each address: from where it is named to where another one is; of a single one, all of them."""
    if len(addresses) <= 1:
        return [words[: 2 * MAX_SAID_CHARS]] * len(addresses)
    lower = words.lower()
    places = sorted((lower.find(one.lower()), one) for one in {*addresses} if one and one.lower() in lower)
    ends = [at for at, _ in places[1:]] + [len(words)]
    chunks = {one: words[at:end][:MAX_SAID_CHARS] for (at, one), end in zip(places, ends, strict=False)}
    return [chunks.get(one, "") for one in addresses]


def _by_words(notice: Notice) -> list[tuple[str, str]]:
    """Recipients that the words name, or the header that old Exim and Google write; each with what is said of it."""
    named = [one.strip() for one in notice.headers.get("x-failed-recipients", "").split(",") if "@" in one]
    named = named or _named(notice)
    named = list(dict.fromkeys(named))[:MAX_RECIPIENTS]
    if not named:
        to = address_in(notice.original.get("to", "") or notice.original.get("delivered-to", ""))
        return [(to, notice.words[: 2 * MAX_SAID_CHARS])] if notice.words.strip() else []
    return list(zip(named, _around(notice.words, named), strict=True))


def _named(notice: Notice) -> list[str]:
    """Addresses at the head of what is said, so that those which a reply only mentions are not taken for recipients."""
    sender = {address_in(notice.headers.get(name, "")).lower() for name in ("to", "from", "return-path")}
    ours = {address_in(notice.original.get(name, "")).lower() for name in ("from", "return-path", "reply-to", "sender")}
    strong: list[str] = []
    weak: list[str] = []
    for line in notice.words.splitlines()[:400]:
        if _LED.match(line):
            continue
        for found in list(_ADDRESS.finditer(line[:500]))[:5]:
            address = found.group(0).strip(".'")
            if address.lower() in sender | ours or _OURS.search(address):
                continue
            heads = not line[: found.start()].strip(" \t<>*-:\"'(0123456789") or re.search(
                r"(?:rcpt to|recipient|to|address(?:ed)?|userid|failed):? *<?$", line[: found.start()], re.IGNORECASE
            )
            (strong if heads else weak).append(address)
    return strong or weak[:1]
