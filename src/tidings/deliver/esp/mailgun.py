"""Mailgun, messages as MIME (https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/messages).

It takes our MIME as it is, in a form with a file, so all headers survive.
"""

from __future__ import annotations

from base64 import b64encode
from typing import ClassVar

from tidings.deliver.base import Handover, Outcome
from tidings.deliver.esp.base import Answered, Asked, Plain, Says, Settings, base, decoded, meaning, words_of
from tidings.domain.tracking import ID_FIELD


class Mailgun(Plain):
    """See `base.Esp`."""

    name: ClassVar[str] = "mailgun"
    says: ClassVar[Says] = Says(max_bytes=25_000_000, raw=True)
    needs: ClassVar[tuple[str, ...]] = ("domain",)

    def ask(self, mail: Handover, settings: Settings, now_us: int) -> Asked:  # noqa: ARG002 - the contract's
        """See `Esp.ask`."""
        boundary = f"tidings-{mail.message_id}"
        form = {"to": mail.recipient, f"v:{ID_FIELD}": mail.message_id, "o:tracking": "no"}
        own = "https://api.eu.mailgun.net" if settings.region == "eu" else "https://api.mailgun.net"
        headers = {
            "Authorization": "Basic " + b64encode(f"api:{settings.key}".encode()).decode(),
            "Content-Type": f"multipart/form-data; boundary={boundary}",
        }
        url = f"{base(settings, own)}/v3/{settings.domain}/messages.mime"
        return Asked(url=url, headers=headers, body=_form(boundary, form, mail.data))

    def read(self, answer: Answered) -> Outcome:
        """See `Esp.read`."""
        said = decoded(answer)
        return meaning(answer, words_of(said, "message", "id"))


def _form(boundary: str, values: dict[str, str], data: bytes) -> bytes:
    """A form (RFC 7578). The boundary is made from the message id, which no message of ours holds as a line of its own."""
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in values.items()
    ]
    file = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="message"; filename="message.mime"\r\n'
        "Content-Type: message/rfc822\r\n\r\n"
    )
    return b"".join([*parts, file.encode(), data, f"\r\n--{boundary}--\r\n".encode()])
