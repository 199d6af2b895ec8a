"""What a mail service's adapter is: two pure functions and a record of what the service can do.

`ask` makes the HTTP request for one message, `read` says what the answer means. Neither does I/O, so each is checked against
golden requests and answers, and all run through one client (`client.py`) that knows when a message is lost and when it never left.
"""

from __future__ import annotations

from collections.abc import Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from email.utils import parseaddr
from typing import ClassVar, Protocol

import msgspec

from tidings.deliver.base import Handover, Outcome, Result
from tidings.deliver.smtp_reply import one_line
from tidings.domain.tracking import ID_HEADER

_OWN = frozenset(
    """
    from to subject date mime-version content-type content-transfer-encoding dkim-signature return-path received reply-to cc bcc
    """.split()  # noqa: SIM905 - one word after the other reads better
)
"""Headers that services make themselves from the fields they are given."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What is configured of one route to a service."""

    key: str
    """Its secret: an API key, or for Amazon ``access-key-id:secret-access-key``."""
    base_url: str = ""
    """Instead of the service's own address: another region of it, or a stand-in."""
    domain: str = ""
    """Sending domain, where the service wants one in the address."""
    region: str = ""
    """Region, where the service has several."""
    stream: str = ""
    """Message stream, configuration set, pool: the service's own name for a way through it."""
    campaign: str = ""
    """Campaign to trigger, for services that are given people rather than mail."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP request."""

    url: str
    headers: Mapping[str, str]
    body: bytes


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """One HTTP answer."""

    status: int
    body: bytes = b""
    retry_after: str = ""


class Says(msgspec.Struct, frozen=True, kw_only=True):
    """What a service can do."""

    max_bytes: int
    """Largest message it takes, in bytes of MIME."""
    raw: bool
    """It takes our MIME as it is, so Message-ID and all headers survive."""
    idempotent_s: int = 0
    """For so many seconds it drops a second copy under the same key; 0 when it has no such keys."""
    activates: bool = False
    """It sends its own template, to a person and with values that we name."""


class Esp(Protocol):
    """One mail service."""

    name: ClassVar[str]
    """As in the configuration."""
    says: ClassVar[Says]
    needs: ClassVar[tuple[str, ...]]
    """Names of the `Settings` without which it cannot work, its key aside."""

    def check(self, settings: Settings) -> None:
        """Raises InputError when the settings, the key among them, cannot be what it wants."""
        ...

    def ask(self, mail: Handover, settings: Settings, now_us: int) -> Asked:
        """The request that hands `mail` over."""
        ...

    def read(self, answer: Answered) -> Outcome:
        """What its answer means."""
        ...


class Plain:
    """What most have in common: nothing needed beside the key, which may be any text."""

    needs: ClassVar[tuple[str, ...]] = ()

    def check(self, settings: Settings) -> None:
        """See `Esp.check`."""


class Fields(msgspec.Struct, frozen=True, kw_only=True):
    """A finished message taken apart, for services that want fields."""

    subject: str
    from_name: str
    from_address: str
    text: str
    html: str
    headers: dict[str, str]
    """Those that the service does not make itself: Message-ID, List-Unsubscribe, Feedback-ID and the like."""


def fields(mail: Handover) -> Fields:
    """The fields of a message that `render/mime.py` built."""
    message = message_from_bytes(mail.data, EmailMessage, policy=default)
    name, address = parseaddr(str(message["From"] or ""))
    bodies = {part.get_content_type(): str(part.get_content()) for part in message.walk() if not part.is_multipart()}
    return Fields(
        subject=str(message["Subject"] or ""),
        from_name=name,
        from_address=address,
        text=bodies.get("text/plain", ""),
        html=bodies.get("text/html", ""),
        headers={
            **{key: _unfolded(value) for key, value in message.items() if key.lower() not in _OWN},
            ID_HEADER: mail.message_id,
        },
    )


def _unfolded(value: object) -> str:
    return " ".join(str(value).split())


def meaning(answer: Answered, words: str) -> Outcome:
    """What a status means when the service says no more about it.

    2xx: taken. 429: not now. 401, 402, 403, 404: our key, account or address is wrong, which is no fault of the message, so nothing happens
    to it and everything waits. Other 4xx: it will not take this message. 503: not now. Other 5xx: a gateway may have given up while the
    service behind it went on, so nobody knows.
    """
    return outcome(_result(answer.status), answer, words)


def _result(status: int) -> Result:
    if 200 <= status < 300:
        return Result.ACCEPTED
    if status in (401, 402, 403, 404):
        return Result.UNREACHABLE
    if status in (408, 409, 420, 425, 429, 503):
        return Result.LATER
    return Result.REFUSED if 400 <= status < 500 else Result.LOST


def outcome(result: Result, answer: Answered, words: str) -> Outcome:
    """A result that the service's words tell, whatever the status."""
    return Outcome(result, one_line(f"{answer.status} {words}"), code=answer.status)


def words_of(said: Mapping[str, object], *names: str) -> str:
    """What is said under these names, one after the other."""
    return " ".join(str(said[name]) for name in names if said.get(name))


def decoded(answer: Answered) -> dict[str, object]:
    """The JSON object of an answer; empty when it is none."""
    try:
        found = msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def as_json(value: object) -> bytes:
    """`value` as a JSON body."""
    return msgspec.json.encode(value)


def base(settings: Settings, own: str) -> str:
    """Where the service is, without a trailing slash."""
    return (settings.base_url or own).rstrip("/")


def address_line(name: str, address: str) -> str:
    """``"Shop" <hello@shop.example>`` with what would end the name left out."""
    shown = name.replace("\\", "").replace('"', "")
    return f'"{shown}" <{address}>' if shown else address
