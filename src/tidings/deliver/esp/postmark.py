"""Postmark (https://postmarkapp.com/developer/api/email-api; codes: https://postmarkapp.com/developer/api/overview#error-codes).

It wants fields, and keeps our Message-ID if told so. An address that it has put out of use is refused with code 406.
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
    address_line,
    as_json,
    base,
    decoded,
    fields,
    meaning,
    outcome,
)
from tidings.domain.tracking import ID_FIELD

_NOT_THE_MESSAGE = frozenset((10, 400, 401, 405, 412, 1235))
"""Its codes for a wrong token, an unconfirmed sender, no credit, an account that waits for approval, an unknown stream."""
_KEEP_ID = {"Name": "X-PM-KeepID", "Value": "true"}


class Postmark(Plain):
    """See `base.Esp`."""

    name: ClassVar[str] = "postmark"
    says: ClassVar[Says] = Says(max_bytes=10_000_000, raw=False)

    def ask(self, mail: Handover, settings: Settings, now_us: int) -> Asked:  # noqa: ARG002 - the contract's
        """See `Esp.ask`."""
        whole = fields(mail)
        body = {
            "From": address_line(whole.from_name, whole.from_address),
            "To": mail.recipient,
            "Subject": whole.subject,
            "TextBody": whole.text,
            "HtmlBody": whole.html,
            "Headers": [{"Name": name, "Value": value} for name, value in whole.headers.items()] + [_KEEP_ID],
            "Metadata": {ID_FIELD: mail.message_id},
            "MessageStream": settings.stream or ("outbound" if mail.category == "transactional" else "broadcast"),
            "TrackOpens": False,
            "TrackLinks": "None",
        }
        headers = {"X-Postmark-Server-Token": settings.key, "Accept": "application/json"}
        return Asked(url=f"{base(settings, 'https://api.postmarkapp.com')}/email", headers=headers, body=as_json(body))

    def read(self, answer: Answered) -> Outcome:
        """See `Esp.read`. A 200 with a code other than 0 is a no."""
        said = decoded(answer)
        code, words = said.get("ErrorCode"), str(said.get("Message", ""))
        if answer.status in (200, 422) and code in _NOT_THE_MESSAGE:
            return outcome(Result.UNREACHABLE, answer, f"{code} {words}")
        if answer.status == 200 and code != 0:
            return outcome(Result.REFUSED, answer, f"{code} {words}")
        return meaning(answer, f"{code if code is not None else ''} {words}".strip())
