"""The caller: takes due calls of webhooks from their store, makes them, and records what came of each.

What an answer means:

    2xx                                         ok
    408, 425, 429, 5xx, no answer in time       again later: after 5, 10, 20 … seconds, or as Retry-After says
    any other, a redirect, a private address    failed
    tries used up, or the next one too late     failed

Each webhook has its own bounds (calls at once, calls a minute), so one that is slow holds up nobody but itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime

import msgspec

from tidings.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, Clock, iso
from tidings.deliver import signing
from tidings.deliver.calls import Calls, DueCall
from tidings.deliver.post import Posted, Poster
from tidings.deliver.waiting import until_any
from tidings.domain import outward
from tidings.domain.message import CallIntent
from tidings.domain.outward import Answer
from tidings.errors import InputError
from tidings.ids import draw
from tidings.process.webhooks import Webhook

FIRST_PAUSE_US = 5 * SECOND_US
MAX_PAUSE_US = 10 * MINUTE_US
"""Longest pause between two tries of one call."""
MAX_RETRY_AFTER_US = HOUR_US
"""Longest pause that the other side may ask for."""
MAX_AGE_US = DAY_US
"""A call for whose answer nobody waits is given up after this."""
MAX_EXPIRED = 100
"""Calls given up in one go."""
_EXPIRED = Posted(error="expired: its time was over before it could be called")
_LATER = {408, 425, 429}

Hooks = Callable[[], Mapping[str, Webhook]]
"""The webhooks by name, as they are now."""
Keys = Callable[[str], Sequence[bytes]]
"""The secrets of a webhook. Raises InputError."""

_log = logging.getLogger("tidings.deliver")


def body_of(intent: CallIntent) -> bytes:
    """What is sent: the same bytes at every try."""
    shown = {
        "type": "journey.call",
        "timestamp": iso(intent.occurred_us),
        "data": intent.values,
        "journey": intent.journey,
        "step": intent.step,
        "run_id": intent.run_id,
        "profile_id": intent.profile_id,
    }
    return msgspec.json.encode(shown)


def pause_us(call_id: str, tries: int) -> int:
    """How long to wait after the try of this number (from 1). Spread by a hash, so that calls that failed together come apart."""
    whole = min(FIRST_PAUSE_US << min(tries - 1, 20), MAX_PAUSE_US)
    return whole // 2 + int(draw("pause", call_id, str(tries)) * whole)


def asked_pause_us(retry_after: str, now_us: int) -> int:
    """The pause that a Retry-After header asks for, seconds or a date; 0 for none, within `MAX_RETRY_AFTER_US`."""
    if retry_after.strip().isdigit():
        return min(int(retry_after.strip()[:9]) * SECOND_US, MAX_RETRY_AFTER_US)
    try:
        when: datetime = parsedate_to_datetime(retry_after)
        return max(0, min(int(when.timestamp()) * SECOND_US - now_us, MAX_RETRY_AFTER_US))
    except (ValueError, OverflowError, TypeError):
        return 0


class Caller:
    """The loop's memory. Drive it with `step`."""

    def __init__(
        self, calls: Calls, poster: Poster, hooks: Hooks, keys: Keys, clock: Clock, *, max_under_way: int = 200
    ) -> None:
        self._calls = calls
        self._poster = poster
        self._hooks = hooks
        self._keys = keys
        self._clock = clock
        self._max_under_way = max_under_way
        self._under_way: dict[asyncio.Task[None], tuple[str, str]] = {}
        """(call id, webhook)."""
        self._open_us: dict[str, int] = {}
        """When the next call of a webhook may begin, by its rate."""
        self.ended = asyncio.Event()
        """Set whenever a call ended: there is an event for the log."""

    async def step(self, wake: asyncio.Event, max_wait_s: float) -> None:
        """Begin what is due as far as there is room, then wait until something ends, is due, or `wake` is set."""
        due_us = self._start()
        wait_s = min(max_wait_s, max(0.0, (due_us - self._clock.now_us()) / SECOND_US)) if due_us else max_wait_s
        await until_any(self._under_way, wake, wait_s)
        self._reap()

    async def settle(self) -> None:
        """End what is under way; it is called again at the next start."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    def _start(self) -> int:
        """Begin what is due; the instant at which more is (0 when only an end or a nudge brings more)."""
        now_us, later = self._clock.now_us(), [0]
        hooks = self._hooks()
        busy = Counter(hook for _, hook in self._under_way.values())
        for name in self._calls.hooks_queued():
            hook = hooks.get(name, Webhook(name=name, url=""))
            if self._give_up(name, now_us):
                later.append(now_us)
            room = min(hook.concurrency - busy[name], self._max_under_way - len(self._under_way))
            if room > 0:
                later.append(self._start_some(hook, room, now_us))
        return min((one for one in later if one), default=0)

    def _give_up(self, hook: str, now_us: int) -> bool:
        """End calls whose time is over, as what is behind them shall not wait for their turn; whether there may be more."""
        busy = {call_id for call_id, _ in self._under_way.values()}
        found = self._calls.expired(hook, now_us, MAX_EXPIRED + len(busy))
        over = [one for one in found if one.intent.call_id not in busy]
        for due in over:
            self._end(due.intent, _EXPIRED, due.attempts)
        if over:
            _log.warning("webhook %s: %d calls given up, their time is over", hook, len(over))
        return len(over) >= MAX_EXPIRED

    def _start_some(self, hook: Webhook, room: int, now_us: int) -> int:
        """Begin calls of one webhook; when more of it is due, if it is its rate or its turn that is waited for."""
        spacing_us = MINUTE_US // hook.per_minute
        open_us = max(self._open_us.get(hook.name, 0), now_us - SECOND_US)  # what was not used is not saved up
        room = min(room, (now_us - open_us) // spacing_us + 1 if open_us <= now_us else 0)
        busy = {call_id for call_id, name in self._under_way.values() if name == hook.name}
        found = self._calls.due(hook.name, now_us, room + len(busy)) if room else []
        chosen = [one for one in found if one.intent.call_id not in busy][:room]
        if chosen:
            self._calls.begin([one.intent.call_id for one in chosen])
        for due in chosen:
            task = asyncio.ensure_future(self._call(hook, due))
            self._under_way[task] = (due.intent.call_id, hook.name)
        self._open_us[hook.name] = open_us = open_us + spacing_us * len(chosen)
        if len(chosen) == room and room:  # full by its rate, or by calls under way whose end wakes us
            return open_us if open_us > now_us else 0
        due_us = self._calls.next_due_us(hook.name, now_us)
        return max(due_us, open_us) if due_us or not room else 0

    def _reap(self) -> None:
        for task in [task for task in self._under_way if task.done()]:
            del self._under_way[task]
            task.result()  # a fault of ours ends the role; the store knows where it stood

    async def _call(self, hook: Webhook, due: DueCall) -> None:
        intent, now_us = due.intent, self._clock.now_us()
        if now_us >= _until_us(intent):
            self._end(intent, _EXPIRED, due.attempts)
        elif not hook.url:
            self._end(intent, Posted(error="no_such_webhook: webhooks.yml has none of that name"), due.attempts)
        else:
            posted = await self._post(hook, intent, now_us)
            self._record(hook, intent, posted, due.attempts + 1)

    async def _post(self, hook: Webhook, intent: CallIntent, now_us: int) -> Posted:
        try:
            keys = self._keys(hook.name)
        except InputError as error:
            _log.error("webhook %s: %s", hook.name, error)
            return Posted(error=f"no_secret: tidings webhook-secret {hook.name}")
        body = body_of(intent)
        headers = {**dict(hook.headers), **signing.headers(intent.call_id, now_us // SECOND_US, body, keys)}
        return await self._poster.post(hook.url, headers, body, hook.try_us / SECOND_US)

    def _record(self, hook: Webhook, intent: CallIntent, posted: Posted, tries: int) -> None:
        later = not posted.final and (not posted.status or posted.status >= 500 or posted.status in _LATER)
        now_us = self._clock.now_us()
        if later and tries < hook.attempts:
            asked_us = asked_pause_us(posted.retry_after, now_us) if posted.retry_after else 0
            next_us = now_us + max(asked_us, pause_us(intent.call_id, tries))
            if next_us < _until_us(intent):
                answer = _answer(posted, tries)
                self._calls.again(intent, answer, now_us=now_us, next_us=next_us)
                _log.info("webhook %s: %s; again later", intent.webhook, answer.error)
                return
        self._end(intent, posted, tries)

    def _end(self, intent: CallIntent, posted: Posted, tries: int) -> None:
        answer = _answer(posted, tries)
        if answer.result != outward.OK and posted is not _EXPIRED:
            _log.warning("webhook %s failed after %d tries: %s", intent.webhook, tries, answer.error)
        self._calls.finish(intent, answer, now_us=self._clock.now_us())
        self.ended.set()


def _until_us(intent: CallIntent) -> int:
    return intent.until_us or intent.known_us + MAX_AGE_US


def _answer(posted: Posted, tries: int) -> Answer:
    if not 200 <= posted.status < 300:
        error = posted.error or (
            f"redirect: {posted.status}" if 300 <= posted.status < 400 else f"status: {posted.status}"
        )
        return Answer(result=outward.FAILED, status=posted.status, error=error, attempts=tries)
    body, left_out = outward.read_body(posted.body, whole=posted.whole)
    return Answer(result=outward.OK, status=posted.status, body=body, left_out=left_out, attempts=tries)
