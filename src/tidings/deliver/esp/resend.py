"""Resend (https://resend.com/docs/api-reference/emails/send-email), with its idempotency keys
(https://resend.com/docs/dashboard/emails/idempotency-keys: 24 hours)."""

from __future__ import annotations

from typing import ClassVar

from tidings.deliver.base import Handover, Outcome, Result
from tidings.deliver.esp.base import (
    Answered,
    Asked,
    Plain,
    Says,
    Settings,
    address_line,
    as_json,
    base,
    decoded,
    fields,
    meaning,
    outcome,
    words_of,
)
from tidings.domain.tracking import ID_FIELD


class Resend(Plain):
    """See `base.Esp`."""

    name: ClassVar[str] = "resend"
    says: ClassVar[Says] = Says(max_bytes=40_000_000, raw=False, idempotent_s=24 * 3_600)

    def ask(self, mail: Handover, settings: Settings, now_us: int) -> Asked:  # noqa: ARG002 - the contract's
        """See `Esp.ask`."""
        whole = fields(mail)
        body = {
            "from": address_line(whole.from_name, whole.from_address),
            "to": [mail.recipient],
            "subject": whole.subject,
            "text": whole.text,
            "html": whole.html,
            "headers": whole.headers,
            "tags": [{"name": ID_FIELD, "value": mail.message_id}],
        }
        headers = {"Authorization": f"Bearer {settings.key}", "Idempotency-Key": mail.message_id}
        return Asked(url=f"{base(settings, 'https://api.resend.com')}/emails", headers=headers, body=as_json(body))

    def read(self, answer: Answered) -> Outcome:
        """See `Esp.read`. Under one key it refuses another body for good, and says 409 while the first is under way."""
        said = decoded(answer)
        words = words_of(said, "name", "message", "id")
        if answer.status == 409 and said.get("name") == "invalid_idempotent_request":
            return outcome(Result.REFUSED, answer, words)
        return meaning(answer, words)
