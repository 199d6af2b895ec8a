"""A transport into a folder: one ``.eml`` file a message, on the disk before it counts as taken.

For trying things out, for handing over to a program of your own, and as the plainest idempotent receiver: a file that is there is not
written again.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from tempfile import mkstemp

from tidings.deliver.base import Capabilities, Handover, Outcome, Permit, Result, allowed

ALWAYS_S = 10 * 365 * 86_400
"""How long a second copy is told: for ever."""


class FileTransport:
    """Messages in ``folder/<message id>.eml``."""

    def __init__(self, folder: Path, *, connections: int = 4) -> None:
        self._folder, self._connections = folder, connections

    @property
    def capabilities(self) -> Capabilities:
        """See `Transport.capabilities`."""
        return Capabilities(
            name="file", connections=self._connections, idempotent=True, idempotent_s=ALWAYS_S, awaits_permit=True
        )

    async def hand_over(self, mail: Handover, permit: Permit) -> Outcome:
        """See `Transport.hand_over`."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return Outcome(Result.UNREACHABLE, f"{self._folder}: {error.strerror}")
        if not await allowed(permit):
            return Outcome(Result.WITHHELD)
        try:
            await asyncio.to_thread(self._write, self._folder / f"{mail.message_id}.eml", _bytes(mail))
        except OSError as error:
            return Outcome(Result.LATER, f"{self._folder}: {error.strerror}")
        return Outcome(Result.ACCEPTED, "250 on disk", code=250)

    async def close(self) -> None:
        """Nothing to end."""

    def _write(self, path: Path, data: bytes) -> None:
        if path.exists():
            return
        file, draft = mkstemp(prefix=".", suffix=".part", dir=self._folder)
        try:
            with os.fdopen(file, "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            os.replace(draft, path)  # noqa: PTH105 - both are paths already
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _bytes(mail: Handover) -> bytes:
    """The message with its envelope, which the headers need not tell."""
    return f"X-Envelope-From: <{mail.sender}>\r\nX-Envelope-To: <{mail.recipient}>\r\n".encode() + mail.data
