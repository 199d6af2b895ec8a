"""The outbox: takes due messages from the ledger, has them made and handed over, and records what came of it.

For each message: make it; when the next server is ready for the data, ask the ledger for permission (one transaction
with the never-send check and the attempt row); hand over; record the answer. What a failure means:

    quiet hours have begun                    again at their end
    the server said 5xx                       refused
    it said 4xx, or hung up before the data   again later: after 1, 2, 4 … minutes, refused when the tries are used up
    no answer after the data                  at_most_once: in doubt; at_least_once, or where the other side knows a copy: again later
    nobody there at all                       nothing happened to the message; everything waits a moment
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from tidings.clock import HOUR_US, MINUTE_US, SECOND_US, Clock
from tidings.decide import quiet
from tidings.deliver.base import Handover, Outcome, Permit, Result, Transport
from tidings.deliver.compose import Composed, Composer
from tidings.deliver.ledger import AT_LEAST_ONCE, Ledger
from tidings.deliver.records import Begin, Due, End
from tidings.deliver.together import Together
from tidings.deliver.waiting import until_any
from tidings.domain.message import DeliveryState as State
from tidings.render.mail import CannotRender

MAX_READ = 64
"""Messages read from the ledger ahead of their turn."""
MAX_DROPPED = 2_000
"""Messages of broadcasts that were given up which are ended in one go."""
MAX_BACKOFF_US = 4 * HOUR_US
"""Longest pause between two attempts for one message."""
MAX_PAUSE_US = 60 * SECOND_US
"""Longest pause when the server cannot be reached at all."""

_log = logging.getLogger("tidings.deliver")


def backoff_us(attempts: int) -> int:
    """How long to wait after the `attempts`-th attempt (from 1): 1, 2, 4 … minutes, at most `MAX_BACKOFF_US`."""
    return min(MINUTE_US << min(attempts - 1, 20), MAX_BACKOFF_US)


class Outbox:
    """The loop's memory. Drive it with `step`; it never polls, and says when it wants to be called again."""

    def __init__(
        self, ledger: Ledger, transport: Transport, composer: Composer, clock: Clock, *, max_attempts: int = 8
    ) -> None:
        self._ledger = ledger
        self._together = Together(ledger)
        self._transport = transport
        self._composer = composer
        self._clock = clock
        self._max_attempts = max_attempts
        self._ahead: deque[Due] = deque()
        self._under_way: dict[asyncio.Task[None], str] = {}
        self._paused_until_us = 0
        self._pause_us = 0
        self.ended = asyncio.Event()
        """Set whenever a message reached its end: there is something to report."""

    async def step(self, wake: asyncio.Event, max_wait_s: float) -> None:
        """Start what is due as far as there is room, then wait until something ends, is due, or `wake` is set."""
        self._start()
        wait_s = min(max_wait_s, self._wait_s())
        await until_any(self._under_way, wake, wait_s)
        self._reap()

    async def settle(self, timeout_s: float) -> None:
        """Start nothing more; wait for the answers still under way. What remains is found by `Ledger.recover`."""
        self._ahead.clear()
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=timeout_s)
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way or due now."""
        return not self._under_way and not self._ahead and self._wait_s() > 0

    def _start(self) -> None:
        now_us = self._clock.now_us()
        room = self._transport.capabilities.connections - len(self._under_way)
        if now_us < self._paused_until_us:
            return
        while room > 0 and (due := self._next(now_us)) is not None:
            task = asyncio.ensure_future(self._deliver(due))
            self._under_way[task] = due.intent.message_id
            room -= 1

    def _next(self, now_us: int) -> Due | None:
        busy = set(self._under_way.values())
        if not self._ahead:
            if self._ledger.drop_cancelled(now_us, MAX_DROPPED):
                self.ended.set()
            found = self._ledger.due(now_us, MAX_READ + len(busy))
            self._ahead.extend(due for due in found if due.intent.message_id not in busy)
        elif self._ahead[0].intent.bulk:  # what came meanwhile does not wait behind those of a broadcast
            first = self._ledger.due_first(now_us, MAX_READ + len(busy))
            self._ahead.extendleft(due for due in reversed(first) if due.intent.message_id not in busy)
        return self._ahead.popleft() if self._ahead else None

    def _wait_s(self) -> float:
        now_us = self._clock.now_us()
        if now_us < self._paused_until_us:
            return (self._paused_until_us - now_us) / SECOND_US
        if len(self._under_way) >= self._transport.capabilities.connections:
            return float("inf")
        due_us = self._ledger.next_due_us()
        if due_us is None or (due_us <= now_us and self._under_way):
            return float("inf")  # what is due now is under way; its end wakes us
        return max(0.0, (due_us - now_us) / SECOND_US)

    def _reap(self) -> None:
        for task in [task for task in self._under_way if task.done()]:
            del self._under_way[task]
            task.result()  # a fault of ours (a full disk, a bug) ends the role; the ledger knows where it stood

    async def _deliver(self, due: Due) -> None:
        message_id = due.intent.message_id
        if self._ledger.withhold(message_id, self._clock.now_us()):
            self.ended.set()
            return
        if quiet_until_us := self._quiet_until_us(due):
            self._ledger.hold(message_id, quiet_until_us)
            return
        try:
            composed = self._composer.compose(due)
        except CannotRender as error:
            _log.warning("message %s refused: %s", message_id, error)
            await self._finish(due, State.REFUSED, Outcome(Result.REFUSED), reason=str(error))
            return
        outcome = await self._transport.hand_over(_handover(composed, due), self._permit(due, composed))
        await self._record(due, outcome)

    def _permit(self, due: Due, composed: Composed) -> Permit:
        if self._transport.capabilities.awaits_permit:
            return lambda: self._permitted_soon(self._asked(due, composed))
        return lambda: self._permitted(due.intent.message_id, self._ledger.move([self._asked(due, composed)], [])[0])

    def _asked(self, due: Due, composed: Composed) -> Begin:
        now_us = self._clock.now_us()
        return Begin(
            message_id=due.intent.message_id,
            now_us=now_us,
            frozen=composed.frozen,
            quiet_until_us=self._quiet_until_us(due, now_us),
        )

    async def _permitted_soon(self, asked: Begin) -> bool:
        return self._permitted(asked.message_id, await self._together.begin(asked))

    def _permitted(self, message_id: str, refusal: str | None) -> bool:
        if refusal is not None:
            _log.info("message %s withheld: %s", message_id, refusal)
        return refusal is None

    def _quiet_until_us(self, due: Due, now_us: int = 0) -> int:
        """When the quiet hours end into which a hand-over now would fall; 0 outside of them."""
        intent, now_us = due.intent, now_us or self._clock.now_us()
        if not intent.quiet:
            return 0
        until_us = quiet.end_us(intent.quiet, intent.zone, now_us)
        return until_us if until_us > now_us else 0

    async def _record(self, due: Due, outcome: Outcome) -> None:
        if outcome.result is Result.UNREACHABLE:
            self._pause(outcome)
            self._ledger.put_back(due.intent.message_id, self._clock.now_us(), self._paused_until_us, outcome.reply)
            return
        self._pause_us = 0
        if outcome.result is Result.WITHHELD:
            self.ended.set()
            return
        if outcome.result is Result.ACCEPTED:
            await self._finish(due, State.ACCEPTED, outcome)
        elif outcome.result is Result.REFUSED:
            await self._finish(due, State.REFUSED, outcome, reason="refused by the server")
        elif outcome.result is Result.LATER:
            await self._again(due, outcome, State.REFUSED)
        elif due.intent.mode == AT_LEAST_ONCE or self._recognised(due):
            await self._again(due, outcome, State.IN_DOUBT)
        else:
            await self._finish(due, State.IN_DOUBT, outcome, reason="no answer after the data")

    def _recognised(self, due: Due) -> bool:
        """Whether the other side would still know a second copy for what it is, when the next attempt is due."""
        window_us = self._transport.capabilities.idempotent_s * SECOND_US
        if not window_us:
            return False
        first_us = self._ledger.first_attempt_us(due.intent.message_id)
        return self._clock.now_us() + backoff_us(due.attempts + 1) < first_us + window_us

    async def _again(self, due: Due, outcome: Outcome, at_last: str) -> None:
        attempts = due.attempts + 1
        if attempts >= self._max_attempts:
            await self._finish(due, at_last, outcome, reason=f"gave up after {attempts} attempts")
        else:
            await self._finish(due, State.QUEUED, outcome, next_us=self._clock.now_us() + backoff_us(attempts))

    async def _finish(self, due: Due, state: str, outcome: Outcome, *, reason: str = "", next_us: int = 0) -> None:
        now_us = self._clock.now_us()
        end = End(
            message_id=due.intent.message_id,
            state=state,
            now_us=now_us,
            reply=outcome.reply,
            reason=reason,
            next_us=next_us,
        )
        await self._together.finish(end)
        self.ended.set()

    def _pause(self, outcome: Outcome) -> None:
        now_us = self._clock.now_us()
        if now_us < self._paused_until_us:
            return  # several connections failed together; one pause is enough
        self._pause_us = min(max(2 * self._pause_us, SECOND_US), MAX_PAUSE_US)
        self._paused_until_us = now_us + self._pause_us
        _log.warning("mail server not reachable, pausing %d s: %s", self._pause_us // SECOND_US, outcome.reply)


def _handover(composed: Composed, due: Due) -> Handover:
    rendered = composed.rendered
    return Handover(
        message_id=rendered.message_id,
        sender=rendered.sender,
        recipient=rendered.recipient,
        data=rendered.mime,
        category=due.intent.category,
    )
