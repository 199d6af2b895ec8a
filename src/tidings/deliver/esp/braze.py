"""Activation through Braze: an API-triggered campaign for one person
(https://www.braze.com/docs/api/endpoints/messaging/send_messages/post_send_triggered_campaigns/).

Braze sends its own campaign; what we made goes along as trigger properties: ``{{api_trigger_properties.${html}}}`` is our mail.
"""

from __future__ import annotations

from typing import ClassVar

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


class Braze(Plain):
    """See `base.Esp`."""

    name: ClassVar[str] = "braze"
    says: ClassVar[Says] = Says(max_bytes=4_000_000, raw=False, activates=True)
    needs: ClassVar[tuple[str, ...]] = ("campaign", "base_url")

    def ask(self, mail: Handover, settings: Settings, now_us: int) -> Asked:  # noqa: ARG002 - the contract's
        """See `Esp.ask`."""
        whole = fields(mail)
        values = {ID_FIELD: mail.message_id, "subject": whole.subject, "html": whole.html, "text": whole.text}
        who = {"email": mail.recipient, "prioritization": ["identified", "most_recently_updated"]}
        body = {"campaign_id": settings.campaign, "recipients": [{**who, "trigger_properties": values}]}
        headers = {"Authorization": f"Bearer {settings.key}"}
        return Asked(url=f"{base(settings, '')}/campaigns/trigger/send", headers=headers, body=as_json(body))

    def read(self, answer: Answered) -> Outcome:
        """See `Esp.read`."""
        said = decoded(answer)
        return meaning(answer, words_of(said, "message", "dispatch_id"))
