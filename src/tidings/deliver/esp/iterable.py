"""Activation through Iterable: one campaign to one person (https://api.iterable.com/api/docs#email_target).

Iterable sends its own campaign; what we made goes along as data fields.
"""

from __future__ import annotations

from typing import ClassVar

from tidings.deliver.base import Handover, Outcome, Result
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
    outcome,
    words_of,
)
from tidings.domain.tracking import ID_FIELD


class Iterable(Plain):
    """See `base.Esp`."""

    name: ClassVar[str] = "iterable"
    says: ClassVar[Says] = Says(max_bytes=4_000_000, raw=False, activates=True)
    needs: ClassVar[tuple[str, ...]] = ("campaign",)

    def ask(self, mail: Handover, settings: Settings, now_us: int) -> Asked:  # noqa: ARG002 - the contract's
        """See `Esp.ask`."""
        whole = fields(mail)
        body = {
            "campaignId": int(settings.campaign) if settings.campaign.isdigit() else settings.campaign,
            "recipientEmail": mail.recipient,
            "dataFields": {"subject": whole.subject, "html": whole.html, "text": whole.text},
            "metadata": {ID_FIELD: mail.message_id},
            "allowRepeatMarketingSends": True,
        }
        own = "https://api.eu.iterable.com" if settings.region == "eu" else "https://api.iterable.com"
        headers = {"Api-Key": settings.key}
        return Asked(url=f"{base(settings, own)}/api/email/target", headers=headers, body=as_json(body))

    def read(self, answer: Answered) -> Outcome:
        """See `Esp.read`. A 200 whose code is not Success is a no."""
        said = decoded(answer)
        words = words_of(said, "code", "msg")
        if answer.status == 200 and said.get("code", "Success") != "Success":
            return outcome(Result.REFUSED, answer, words)
        return meaning(answer, words)
