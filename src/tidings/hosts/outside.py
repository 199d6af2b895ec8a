"""What is outside of a simulator: it makes the events that journeys want, and plays the webhooks that they call.

A sink around the simulator's own. What comes back waits here for its virtual instant; the log drops second copies, so a
crash that hands intents on again changes nothing.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

import msgspec

from tidings.domain import outward
from tidings.domain.message import CallIntent, Intents
from tidings.domain.output import OutputBlock
from tidings.domain.outward import Answer
from tidings.domain.record import LogRecord
from tidings.hosts.batch import Sink


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What a scripted webhook says."""

    answer: Answer
    after_us: int = 0
    """So long after it was called."""


Answering = Callable[[CallIntent], Reply | None]
"""Plays all webhooks; None for one that never answers."""


def nobody(call: CallIntent) -> None:
    """No webhook ever answers: runs go on at their time-outs."""


class Outside:
    """See above."""

    def __init__(self, inner: Sink, answering: Answering) -> None:
        self._inner = inner
        self._answering = answering
        self._coming: list[tuple[int, str, LogRecord]] = []

    def put(self, block: OutputBlock, intents: Intents) -> None:
        """See `Sink.put`."""
        self._inner.put(block, intents)
        for event in intents.events:
            self._add(event.known_us, event.event_id, outward.record_of(outward.call_of(event)))
        for call in intents.calls:
            reply = self._answering(call)
            if reply is not None:
                at_us = call.known_us + reply.after_us
                self._add(at_us, call.call_id, outward.record_of(outward.answered(call, reply.answer, at_us)))

    def _add(self, at_us: int, name: str, record: LogRecord) -> None:
        heapq.heappush(self._coming, (at_us, name, record))

    def next_us(self) -> int:
        """When the next one comes back; 0 when nothing is on its way."""
        return self._coming[0][0] if self._coming else 0

    def due(self, until_us: int) -> list[LogRecord]:
        """What has come back by then, in order; it is handed out once."""
        found = []
        while self._coming and self._coming[0][0] <= until_us:
            found.append(heapq.heappop(self._coming)[2])
        return found

    def last_seq(self) -> int:
        """See `Sink.last_seq`."""
        return self._inner.last_seq()

    def durable_seq(self) -> int:
        """See `Sink.durable_seq`."""
        return self._inner.durable_seq()
