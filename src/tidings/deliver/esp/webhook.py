"""A webhook of your own that sends, or that Zapier, Make and the like take: signed as in Standard Webhooks
(https://www.standardwebhooks.com). ``webhook-id`` is the message id, so a receiver that remembers it drops a second copy.
"""

from __future__ import annotations

from typing import ClassVar

from tidings.clock import SECOND_US
from tidings.deliver import signing
from tidings.deliver.base import Handover, Outcome
from tidings.deliver.esp.base import Answered, Asked, Plain, Says, Settings, as_json, decoded, fields, meaning
from tidings.domain.tracking import ID_FIELD


class Webhook(Plain):
    """See `base.Esp`."""

    name: ClassVar[str] = "webhook"
    says: ClassVar[Says] = Says(max_bytes=10_000_000, raw=False)
    needs: ClassVar[tuple[str, ...]] = ("base_url",)

    def check(self, settings: Settings) -> None:
        """See `Esp.check`."""
        signing.keys(settings.key.split(), "its key")

    def ask(self, mail: Handover, settings: Settings, now_us: int) -> Asked:
        """See `Esp.ask`."""
        whole = fields(mail)
        body = as_json(
            {
                "type": "message.send",
                "data": {
                    ID_FIELD: mail.message_id,
                    "category": mail.category,
                    "from": {"name": whole.from_name, "address": whole.from_address},
                    "to": mail.recipient,
                    "subject": whole.subject,
                    "text": whole.text,
                    "html": whole.html,
                    "headers": whole.headers,
                },
            }
        )
        keys = signing.keys(settings.key.split(), "its key")
        return Asked(
            url=settings.base_url, headers=signing.headers(mail.message_id, now_us // SECOND_US, body, keys), body=body
        )

    def read(self, answer: Answered) -> Outcome:
        """See `Esp.read`. A redirect is not followed: it is a no."""
        if 300 <= answer.status < 400:
            return meaning(Answered(status=400), f"redirected ({answer.status}); redirects are not followed")
        return meaning(answer, str(decoded(answer).get("message", "")))
