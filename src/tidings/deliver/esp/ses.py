"""Amazon SES, API v2 (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html). It takes our MIME as it is,
with its From; where bounces go is a setting of the identity there.

Requests are signed as AWS asks (Signature Version 4,
https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html); the key is ``access-key-id:secret-access-key``.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import ClassVar
from urllib.parse import urlsplit

from tidings.clock import SECOND_US
from tidings.deliver.base import Handover, Outcome, Result
from tidings.deliver.esp.base import Answered, Asked, Plain, Says, Settings, as_json, base, decoded, meaning, outcome
from tidings.domain.tracking import ID_FIELD
from tidings.errors import InputError

_PATH = "/v2/email/outbound-emails"
_NOT_THE_MESSAGE = ("AccountSuspendedException", "SendingPausedException", "MailFromDomainNotVerifiedException")
_LATER = ("TooManyRequestsException", "LimitExceededException", "ThrottlingException")


class Ses(Plain):
    """See `base.Esp`."""

    name: ClassVar[str] = "ses"
    says: ClassVar[Says] = Says(max_bytes=40_000_000, raw=True)
    needs: ClassVar[tuple[str, ...]] = ("region",)

    def check(self, settings: Settings) -> None:
        """See `Esp.check`."""
        if not all(settings.key.partition(":")):
            raise InputError("its key: wanted access-key-id:secret-access-key")

    def ask(self, mail: Handover, settings: Settings, now_us: int) -> Asked:
        """See `Esp.ask`."""
        body = as_json(
            {
                "Destination": {"ToAddresses": [mail.recipient]},
                "Content": {"Raw": {"Data": b64encode(mail.data).decode()}},
                "EmailTags": [{"Name": ID_FIELD, "Value": mail.message_id}],
                **({"ConfigurationSetName": settings.stream} if settings.stream else {}),
            }
        )
        url = base(settings, f"https://email.{settings.region}.amazonaws.com") + _PATH
        return Asked(url=url, headers=signed(url, body, settings.key, settings.region, now_us), body=body)

    def read(self, answer: Answered) -> Outcome:
        """See `Esp.read`. The kind of an error is in its body, or its type."""
        said = decoded(answer)
        kind = str(said.get("__type") or said.get("code") or "").rpartition("#")[2]
        words = " ".join(
            str(one) for one in (kind, said.get("message") or said.get("Message"), said.get("MessageId")) if one
        )
        if kind in _NOT_THE_MESSAGE:
            return outcome(Result.UNREACHABLE, answer, words)
        if kind in _LATER:
            return outcome(Result.LATER, answer, words)
        return meaning(answer, words)


def signed(
    url: str,
    body: bytes,
    key: str,
    region: str,
    now_us: int,
    *,
    product: str = "ses",
    content: str = "application/json",
) -> Mapping[str, str]:
    """Headers of a signed POST (Signature Version 4). `key` is ``access-key-id:secret-access-key``."""
    key_id, _, secret = key.partition(":")
    parts = urlsplit(url)
    at = datetime.fromtimestamp(now_us // SECOND_US, UTC).strftime("%Y%m%dT%H%M%SZ")
    named = {"content-type": content, "host": parts.netloc, "x-amz-date": at}
    names = ";".join(named)
    asked = "\n".join(
        ["POST", parts.path or "/", parts.query, *(f"{name}:{value}" for name, value in named.items()), "", names]
    )
    whole = f"{asked}\n{sha256(body).hexdigest()}"
    scope = f"{at[:8]}/{region}/{product}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{sha256(whole.encode()).hexdigest()}"
    derived = f"AWS4{secret}".encode()
    for part in (at[:8], region, product, "aws4_request"):
        derived = hmac.digest(derived, part.encode(), sha256)
    signature = hmac.digest(derived, text.encode(), sha256).hex()
    return {
        "X-Amz-Date": at,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={key_id}/{scope}, SignedHeaders={names}, Signature={signature}",
    }
