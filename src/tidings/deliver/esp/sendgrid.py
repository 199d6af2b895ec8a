"""Twilio SendGrid, Mail Send v3 (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send).

It wants fields. Its own tracking is switched off for each message: opens and clicks are ours, and a second link around ours would
break the signature of what people click.
"""

from __future__ import annotations

from typing import ClassVar

from tidings.deliver.base import Handover, Outcome
from tidings.deliver.esp.base import Answered, Asked, Plain, Says, Settings, as_json, base, decoded, fields, meaning
from tidings.domain.tracking import ID_FIELD

_OFF = {"enable": False}


class SendGrid(Plain):
    """See `base.Esp`."""

    name: ClassVar[str] = "sendgrid"
    says: ClassVar[Says] = Says(max_bytes=30_000_000, raw=False)

    def ask(self, mail: Handover, settings: Settings, now_us: int) -> Asked:  # noqa: ARG002 - the contract's
        """See `Esp.ask`."""
        whole = fields(mail)
        body = {
            "personalizations": [{"to": [{"email": mail.recipient}], "custom_args": {ID_FIELD: mail.message_id}}],
            "from": {"email": whole.from_address, "name": whole.from_name},
            "subject": whole.subject,
            "content": [{"type": "text/plain", "value": whole.text}, {"type": "text/html", "value": whole.html}],
            "headers": whole.headers,
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": _OFF,
                "subscription_tracking": _OFF,
            },
            **({"ip_pool_name": settings.stream} if settings.stream else {}),
        }
        headers = {"Authorization": f"Bearer {settings.key}"}
        return Asked(
            url=f"{base(settings, 'https://api.sendgrid.com')}/v3/mail/send", headers=headers, body=as_json(body)
        )

    def read(self, answer: Answered) -> Outcome:
        """See `Esp.read`. It says 202 and nothing else when it took a message."""
        errors = decoded(answer).get("errors")
        said = (
            errors[0].get("message", "") if isinstance(errors, list) and errors and isinstance(errors[0], dict) else ""
        )
        return meaning(answer, str(said))
