"""What a returned mail says itself, apart from the message that it brings back."""

from __future__ import annotations

import re

import msgspec

from tidings.feedback.bounce.parts import Part, parts_of, read_headers

MAX_NOTICE_CHARS = 48 * 1024
"""Of all that it says, this much is read."""

MAX_LINE_CHARS = 1_000
"""Of a line, this much is read."""

_ORIGINAL_KINDS = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/global",
    "message/global-headers",
    "text/rfc822-header",
)
_STATUS_KINDS = ("message/delivery-status", "message/global-delivery-status")
_CUT = re.compile(
    r"^[ \t*>#=_-]{0,80}(?:(?:this is|here is|below (?:is|this line is)|included is) (?:a |the )?(?:copy|original)|"
    r"original (?:message|mail)(?: (?:follows|text|header|attached)|:? *[-=_*]{2,})|original message follows|"
    r"(?:un(?:sent|delivered)|returned|your original|returned original|original) (?:message|mail)(?: (?:header|text|body|follows))*[ :.]*[-=_*]{2,}|"
    r"message (?:header|text|body|content)s? follow|(?:begin|start) (?:of )?(?:original|returned|message)|"
    r"(?:the )?(?:header|text|body|first \d+ lines|beginning)s? of (?:the |your )?(?:original |returned |undelivered )*(?:message|mail)|"
    r"the (?:message|mail) (?:that )?(?:you )?(?:sent|was) ?:|-{3,80} ?(?:original|returned|unsent|message) ).*$"
    r"|^content-type: *(?:message/(?:rfc822|global)|text/rfc822-headers).*$"
    r"|^(?:return-path|received|dkim-signature|x-originating-ip): ?.*$",
    re.IGNORECASE | re.MULTILINE,
)
_TAG = re.compile(r"<(?:/?[a-z!][^<>]{0,500})>", re.IGNORECASE)
_UNSEEN = re.compile(r"<(style|script|head)\b.{0,4000}?</\1>", re.IGNORECASE | re.DOTALL)
_MAX_HTML_CHARS = 32 * 1024


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What a mail says itself."""

    headers: dict[str, str]
    """Of the mail, by lower-cased name."""
    words: str
    """For people; without the message it brings back."""
    status: str
    """Text of its delivery-status parts; empty when it has none."""
    feedback: str
    """Text of its feedback-report part (ARF); empty when it has none."""
    is_feedback: bool
    """Whether it has a feedback-report part."""
    original: dict[str, str]
    """Headers of the message it brings back, as far as they are there."""
    nested: bytes
    """A whole mail that it brings along, which may itself be the report."""


def read_notice(raw: bytes) -> Notice:
    """Read a mail. Never raises; bounded."""
    headers, parts = parts_of(raw)
    words, original_text = _words(parts)
    returned = next((part for part in parts if part.kind in _ORIGINAL_KINDS), None)
    feedback = [part for part in parts if part.kind == "message/feedback-report"]
    return Notice(
        headers=headers,
        words=words[:MAX_NOTICE_CHARS],
        status="\n\n".join(part.text() for part in parts if part.kind in _STATUS_KINDS)[:MAX_NOTICE_CHARS],
        feedback="\n\n".join(part.text() for part in feedback)[:MAX_NOTICE_CHARS],
        is_feedback=bool(feedback),
        original=read_headers(returned.text() if returned else original_text),
        nested=returned.body if returned is not None and returned.kind == "message/rfc822" else b"",
    )


def _words(parts: list[Part]) -> tuple[str, str]:
    """What the text parts before the returned message say, and what follows where it begins within them."""
    said: list[str] = []
    seen_html: list[Part] = []
    for part in parts:
        if part.kind in _ORIGINAL_KINDS:
            break
        if part.kind == "text/html":
            seen_html.append(part)
        elif part.kind.startswith("text/") and len(said) < 3:
            said.append(part.text())
    if not any(one.strip() for one in said):
        said = [_without_tags(part.text()) for part in seen_html[:1]]
    text = "\n".join(line[:MAX_LINE_CHARS] for line in "\n\n".join(said).splitlines())
    cut = _CUT.search(text)
    if cut is None:
        return text, ""
    rest = text[cut.start() :] if cut.group(0)[:1].isalpha() else text[cut.end() :]
    return text[: cut.start()], rest.lstrip("\n")


def _without_tags(html: str) -> str:
    text = _TAG.sub(" ", _UNSEEN.sub(" ", html[:_MAX_HTML_CHARS]))
    for entity, char in (
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", '"'),
        ("&#39;", "'"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ):
        text = text.replace(entity, char)
    return text
