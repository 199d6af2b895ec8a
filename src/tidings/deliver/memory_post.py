"""Webhooks in memory: keeps what it is sent, answers as told. For tests and dry runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from tidings.deliver.post import Posted


class Sent(msgspec.Struct, frozen=True):
    """One POST."""

    url: str
    headers: dict[str, str]
    body: bytes


def _fine(_sent: Sent) -> Posted:
    return Posted(status=200, body=b"{}")


class MemoryPoster:
    """POSTs in a list."""

    def __init__(self, answer: Callable[[Sent], Posted] = _fine) -> None:
        """`answer` plays the other side."""
        self.sent: list[Sent] = []
        self._answer = answer

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout_s: float) -> Posted:  # noqa: ARG002
        """See `Poster.post`."""
        self.sent.append(Sent(url, dict(headers), body))
        return self._answer(self.sent[-1])
