"""The bytes of a message once more, from what the ledger keeps, compared with the digest of those that were handed over.

They are made of the decision, the template and the sender as kept, the recommended items, and tokens by a secret key. When the
key was changed since, one of the earlier keys made them; each is tried.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tidings.deliver.compose import Composer
from tidings.deliver.ledger import Ledger
from tidings.deliver.records import Row
from tidings.domain.tracking import TokenMaker
from tidings.errors import InputError
from tidings.render.mail import CannotRender, Sender
from tidings.render.template import version_of

_UNEXPLAINED = (
    "template and sender are as they were kept; the decision or its items in the ledger were changed, the tracking key "
    "of that time is not among secrets/tracking.key*, or this release renders the same template otherwise"
)


class Again(msgspec.Struct, frozen=True, kw_only=True):
    """A message made again."""

    message_id: str
    data: bytes
    """The message with CRLF line ends; empty when it cannot be made."""
    recorded: str
    """Digest of the bytes that were handed over."""
    digest: str
    """Digest of `data`."""
    differs: list[str]
    """What is not as it was, in sentences; empty when the bytes are the same."""

    @property
    def identical(self) -> bool:
        """Whether these are the bytes that were handed over."""
        return bool(self.data) and self.digest == self.recorded


def again(ledger: Ledger, message_id: str, makers: Sequence[TokenMaker], sender: Sender) -> Again:
    """Make a message again. Raises InputError when it never was made, so that there is nothing to compare with.

    `makers` make tokens, the one with the present key first; `sender` is never used for a message whose own is kept.
    """
    row = ledger.message(message_id)
    if row is None or not row.template_version:
        state = f"its state is {row.state}{f' ({row.reason})' if row.reason else ''}" if row else "the ledger has none"
        msg = f"message {message_id}: it was never rendered, so there are no bytes to make again; {state}"
        raise InputError(msg)
    try:
        made = [Composer(ledger, {}, sender, one, None).again(message_id) for one in makers]
    except CannotRender as error:
        return Again(message_id=message_id, data=b"", recorded=row.digest, digest="", differs=[str(error)])
    best = next((one for one in made if one.digest == row.digest), made[0])
    differs = [] if best.digest == row.digest else _differences(ledger, row)
    return Again(message_id=message_id, data=best.mime, recorded=row.digest, digest=best.digest, differs=differs)


def _differences(ledger: Ledger, row: Row) -> list[str]:
    """Which of the kept parts is not what its hash says."""
    if not row.digest:
        return ["no digest was recorded when it was handed over"]
    template, sender = ledger.kept(row.template_version) or b"", ledger.kept(row.sender_version) or b""
    found = []
    if version_of(template.decode("utf-8", "surrogatepass")) != row.template_version:
        found.append(f"the kept template {row.template} is not version {row.template_version} any more")
    if Sender.decoded(sender).version != row.sender_version:
        found.append(f"the kept sender identity is not version {row.sender_version} any more")
    return found or [_UNEXPLAINED]
