"""Brevo (https://developers.brevo.com/reference/sendtransacemail), with its idempotency keys
(https://developers.brevo.com/docs/heterogenous-versions-batch-emails: a UUID; 15 minutes by its changelog, 30 by its guide)."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from tidings.deliver.base import Handover, Outcome
from tidings.deliver.esp.base import (
    Answered,
    Asked,
    Plain,
    Says,
    Settings,
    as_json,
    base,
    decoded,
    fields,
    meaning,
    words_of,
)
from tidings.domain.tracking import ID_FIELD


class Brevo(Plain):
    """See `base.Esp`."""

    name: ClassVar[str] = "brevo"
    says: ClassVar[Says] = Says(max_bytes=20_000_000, raw=False, idempotent_s=15 * 60)

    def ask(self, mail: Handover, settings: Settings, now_us: int) -> Asked:  # noqa: ARG002 - the contract's
        """See `Esp.ask`."""
        whole = fields(mail)
        body = {
            "sender": {"name": whole.from_name, "email": whole.from_address},
            "to": [{"email": mail.recipient}],
            "subject": whole.subject,
            "textContent": whole.text,
            "htmlContent": whole.html,
            "headers": {
                **whole.headers,
                "X-Mailin-custom": f"{ID_FIELD}:{mail.message_id}",
                "idempotencyKey": str(UUID(hex=mail.message_id)),
            },
        }
        headers = {"api-key": settings.key, "Accept": "application/json"}
        return Asked(
            url=f"{base(settings, 'https://api.brevo.com')}/v3/smtp/email", headers=headers, body=as_json(body)
        )

    def read(self, answer: Answered) -> Outcome:
        """See `Esp.read`."""
        said = decoded(answer)
        return meaning(answer, words_of(said, "code", "message", "messageId"))
