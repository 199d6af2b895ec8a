"""A transport in memory: keeps what it is handed, answers as told. For tests, journey tests and dry runs."""

from __future__ import annotations

from collections.abc import Callable

from tidings.deliver.base import Capabilities, Handover, Outcome, Permit, Result, allowed

_TAKEN = Outcome(Result.ACCEPTED, "250 kept in memory")
_BEFORE_DATA = (Result.LATER, Result.UNREACHABLE)


def _take(_mail: Handover) -> Outcome:
    return _TAKEN


class MemoryTransport:
    """Messages in a list."""

    def __init__(self, answer: Callable[[Handover], Outcome] = _take, *, connections: int = 4) -> None:
        """`answer` plays the other side. LATER and UNREACHABLE come before the data, all others after it."""
        self.taken: list[Handover] = []
        """What the other side took, in order; also when it then kept silent (`Result.LOST`)."""
        self._answer = answer
        self._connections = connections

    @property
    def capabilities(self) -> Capabilities:
        """See `Transport.capabilities`."""
        return Capabilities(name="memory", connections=self._connections, idempotent=False, awaits_permit=True)

    async def hand_over(self, mail: Handover, permit: Permit) -> Outcome:
        """See `Transport.hand_over`."""
        outcome = self._answer(mail)
        if outcome.result in _BEFORE_DATA:
            return outcome
        if not await allowed(permit):
            return Outcome(Result.WITHHELD)
        if outcome.result in (Result.ACCEPTED, Result.LOST):
            self.taken.append(mail)
        return outcome

    async def close(self) -> None:
        """Nothing to end."""
