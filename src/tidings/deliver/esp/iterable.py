"""Activation through Iterable: one campaign to one person (https://api.iterable.com/api/docs#email_target).

Iterable sends its own campaign; what we made goes along as data fields.
"""

from __future__ import annotations

from typing import ClassVar

from tidings.deliver.base import Handover, Outcome, Result
from tidings.deliver.esp.base import ID_FIELD, Answered, Asked, Says, Settings, as_json, base, decoded, fields, meaning


class Iterable:
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
        words = " ".join(str(said[name]) for name in ("code", "msg") if said.get(name))
        if answer.status == 200 and said.get("code", "Success") != "Success":
            return Outcome(Result.REFUSED, f"200 {words}"[:300], code=200)
        return meaning(answer, words)
