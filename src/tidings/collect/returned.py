"""A mail that came back, as records for the log: delivery events of the message it is about, or kept as it is with the reason.

Who may say that an address is dead? Only somebody who has, or has handled, the very message: its envelope sender or one of its
links stands in the mail, with our code in it. Whatever else comes is kept and counted, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from tidings.deliver.records import Row
from tidings.domain.record import REFUSED, LogRecord
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.feedback import deliveries, verp
from tidings.feedback.bounce.parse import Returned, parse
from tidings.feedback.bounce.verdict import Verdict
from tidings.feedback.tokens import Tokens

SOURCE = "returns"
"""The source under which mails are kept that tell us nothing."""
MAX_KEPT_BYTES = 16 * 1024
"""Of such a mail, this much is kept."""

_UNPROVEN = "unproven_return: no address or link of a message of ours is in it, or a forged one"
_UNCLEAR = "unclear_return: it is about a message of ours, but does not say what became of it"


class Messages(Protocol):
    """What is asked of the send ledger (`deliver.ledger.Ledger`)."""

    def message(self, message_id: str) -> Row | None:
        """One message, or None."""
        ...


class Read(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a mail."""

    record: LogRecord
    """For the log."""
    message: Row | None
    """The message it is about, if it proves to be about one."""
    name: str = ""
    """Of the event that the record is."""


def read(raw: bytes, recipients: Sequence[str], tokens: Tokens, messages: Messages) -> Read:
    """Read a mail that came to `recipients` (of its envelope; may be empty). Never raises."""
    returned = parse(raw)
    message = _message(returned, recipients, tokens, messages)
    if message is None:
        return Read(record=_kept(raw, _UNPROVEN), message=None)
    verdict = _verdict_on(message, returned.verdicts)
    body = deliveries.of_verdict(message, verdict)
    if body is None:
        return Read(record=_kept(raw, _UNCLEAR), message=message, name="a returned mail")
    record = LogRecord(INTERNAL_SOURCE, "track", 0, body)
    return Read(record=record, message=message, name=deliveries.name_of(verdict))


def _message(returned: Returned, recipients: Sequence[str], tokens: Tokens, messages: Messages) -> Row | None:
    for message_id in _proven(returned, recipients, tokens):
        found = messages.message(message_id)
        if found is not None:
            return found
    return None


def _proven(returned: Returned, recipients: Sequence[str], tokens: Tokens) -> Iterable[str]:
    """Ids of messages that the mail proves to be about, the surest first: where it came to, then what it holds."""
    for address in (*recipients, *returned.addresses):
        message_id = verp.read(tokens, address)
        if message_id is not None:
            yield message_id
    for spelled in returned.tokens:
        token = tokens.read(spelled)
        if token is not None:
            yield token.message_id


def _verdict_on(message: Row, verdicts: Sequence[Verdict]) -> Verdict:
    """Of verdicts on several recipients, hers; else the first."""
    to = message.address.lower()
    return next((one for one in verdicts if to in (one.recipient.lower(), one.original.lower())), verdicts[0])


def _kept(raw: bytes, reason: str) -> LogRecord:
    return LogRecord(SOURCE, "", 0, raw[:MAX_KEPT_BYTES], REFUSED, reason)
