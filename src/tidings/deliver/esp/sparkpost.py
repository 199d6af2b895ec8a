"""SparkPost (https://developers.sparkpost.com/api/transmissions/). It takes our MIME as it is, and answers for each recipient."""

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
    meaning,
    outcome,
    words_of,
)
from tidings.domain.tracking import ID_FIELD


class SparkPost(Plain):
    """See `base.Esp`."""

    name: ClassVar[str] = "sparkpost"
    says: ClassVar[Says] = Says(max_bytes=20_000_000, raw=True)

    def ask(self, mail: Handover, settings: Settings, now_us: int) -> Asked:  # noqa: ARG002 - the contract's
        """See `Esp.ask`."""
        body = {
            "options": {
                "open_tracking": False,
                "click_tracking": False,
                "transactional": mail.category == "transactional",
                **({"ip_pool": settings.stream} if settings.stream else {}),
            },
            "recipients": [{"address": {"email": mail.recipient}, "metadata": {ID_FIELD: mail.message_id}}],
            "content": {"email_rfc822": mail.data.decode("utf-8", "surrogateescape")},
        }
        own = "https://api.eu.sparkpost.com" if settings.region == "eu" else "https://api.sparkpost.com"
        url = f"{base(settings, own)}/api/v1/transmissions"
        return Asked(url=url, headers={"Authorization": settings.key}, body=as_json(body))

    def read(self, answer: Answered) -> Outcome:
        """See `Esp.read`. It may say 200 and have taken nobody."""
        said = decoded(answer)
        results = said.get("results")
        if answer.status == 200 and isinstance(results, dict):
            words = words_of(results, "id")
            if results.get("total_accepted_recipients") == 1:
                return outcome(Result.ACCEPTED, answer, words)
            return outcome(Result.REFUSED, answer, f"{words} took no recipient")
        errors = said.get("errors")
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        return meaning(answer, words_of(first, "code", "message"))
