"""Answers that a machine gives in the person's place: the mail arrived."""

from __future__ import annotations

import re

from tidings.feedback.bounce.notice import Notice

_SUBJECT = re.compile(
    r"^(?:auto(?:matic|mated)?[ -]?(?:reply|response|answer|responder)|out of (?:the )?office|vacation|away from|i am away|away until|"
    r"abwesen|automatische antwort|autoreply|réponse automatique|respuesta autom|risposta autom|自動返信|ausser haus|on (?:vacation|holiday|leave)|"
    r"(?:re|sv|aw): .{0,80}(?:out of office|vacation|auto-?reply))",
    re.IGNORECASE,
)
_DAEMON = re.compile(r"mailer-?daemon|postmaster|post_master|mail delivery|delivery sub|^<>$", re.IGNORECASE)


def is_automatic(notice: Notice) -> bool:
    """Whether a notice without a report is such an answer."""
    headers = notice.headers
    if (
        notice.status
        or notice.is_feedback
        or "x-failed-recipients" in headers
        or _DAEMON.search(headers.get("from", ""))
    ):
        return False
    marked = (
        headers.get("auto-submitted", "").lower().startswith("auto-replied")
        or headers.get("precedence", "").lower() == "auto_reply"
    )
    marked = marked or any(
        name in headers for name in ("x-autoreply", "x-autorespond", "x-auto-reply", "x-autoresponder")
    )
    return marked or bool(_SUBJECT.match(headers.get("subject", "").strip()))
