"""Where mail providers tell us what became of messages: ``POST /webhooks/<provider>``. What is proven is stored, once, as our events.

A provider is believed when the file ``secrets/incoming/<provider>`` says by what (`feedback.webhooks`); without it, its door is not
there. The file is read at each request, so a secret is changed over by writing both, one a line. News of messages that are not
ours, such as what the shop sends by the same account, is counted in the answer and left alone; a kind that nobody knows is kept.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from pathlib import Path
from typing import Protocol

import msgspec

from tidings.clock import Clock
from tidings.collect.committer import Committer
from tidings.collect.evidence import Evidence
from tidings.collect.http import Request, busy, problem, respond_json
from tidings.collect.pressure import Pressure
from tidings.deliver.post import HttpPoster, Posted
from tidings.deliver.records import Row
from tidings.domain.record import REFUSED, LogRecord
from tidings.domain.wire import INTERNAL_SOURCE
from tidings.errors import InputError
from tidings.feedback import deliveries
from tidings.feedback.webhooks.base import Hook, News, Provider, Unproven
from tidings.feedback.webhooks.kinds import provider

PREFIX = b"/webhooks/"
SOURCE = "webhooks"
"""The source under which news is kept that nobody knows."""
FOLDER = "incoming"
"""Below ``secrets``: one file a provider."""
MAX_SEEN = 100_000
"""Requests that are remembered, so that a copy of one counts for nothing."""
MAX_SECRETS = 10
MAX_CERTIFICATES = 16
FETCH_S = 10.0


class Messages(Protocol):
    """What is asked of the send ledger (`deliver.ledger.Ledger`)."""

    def message(self, message_id: str) -> Row | None:
        """One message, or None."""
        ...


class Fetches(Protocol):
    """What is asked of the network (`deliver.post.HttpPoster`)."""

    async def get(self, url: str, timeout_s: float) -> Posted:
        """Fetch something small. Never raises for what the other side or the network does."""
        ...


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider is told."""

    taken: int
    """Events that are stored now."""
    not_ours: int = 0
    """Of messages that are not ours."""
    unknown: int = 0
    """Of kinds that nobody knows; kept."""
    duplicate: bool = False
    """Whether this very request was taken before."""


class Webhooks:
    """The door."""

    def __init__(
        self,
        secrets: Path,
        messages: Messages,
        committer: Committer,
        pressure: Pressure,
        evidence: Evidence,
        clock: Clock,
        fetches: Fetches | None = None,
    ) -> None:
        """`secrets` is the folder of all secrets; `fetches` the network, if not given."""
        self._folder = secrets / FOLDER
        self._messages = messages
        self._committer = committer
        self._pressure = pressure
        self._evidence = evidence
        self._clock = clock
        self._fetches = fetches or HttpPoster()
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._certificates: OrderedDict[str, bytes] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, request: Request) -> None:
        """One request below ``/webhooks/``."""
        name = request.tail(PREFIX)
        found, secrets = provider(name), self._secrets(name)
        if found is None or not secrets:
            request.answer(problem(404, "not_found", f"no provider {name[:50]!r} is set up; see the how-to on bounces"))
        elif request.method != b"POST":
            request.answer(problem(405, "method", "webhooks are sent with POST", b"Allow: POST\r\n"))
        elif (refusal := self._pressure.refusal()) is not None:
            request.answer(refusal)
        else:
            self._later(self._take(request, found, secrets))

    def _secrets(self, name: str) -> list[str]:
        path = self._folder / name
        if provider(name) is None or not path.is_file():
            return []
        return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()][:MAX_SECRETS]

    def _later(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take(self, request: Request, found: Provider, secrets: list[str]) -> None:
        hook = _hook(request)
        try:
            certificate = await self._certificate(found.wants(hook, secrets))
            key = (found.name, found.check(hook, secrets, self._clock.now_us(), certificate))
            if key in self._seen:
                request.answer(respond_json(200, Answer(taken=0, duplicate=True)))
                return
            news = found.read(hook.body)
        except Unproven as error:
            request.answer(problem(401, error.word, str(error)))
            return
        except InputError as error:
            request.answer(problem(400, "bad_body", str(error)))
            return
        self._store(request, found, key, news)
        url = found.follow(hook)
        if url:
            await self._fetches.get(url, FETCH_S)

    def _store(self, request: Request, found: Provider, key: tuple[str, str], news: list[News]) -> None:
        self._remember(key)
        told = [(one, self._message(one)) for one in news]
        events = [(one, message) for one, message in told if message is not None and one.name]
        records = [_event(one, message, found.name) for one, message in events]
        unknown = [_unknown(one, found.name) for one, _ in told if not one.name]
        answer = Answer(taken=len(records), unknown=len(unknown), not_ours=len(told) - len(records) - len(unknown))
        if not records and not unknown:
            request.answer(respond_json(200, answer))
            return

        def done(first: int | None) -> None:
            if first is None:
                self._seen.pop(key, None)
                request.answer(busy("the events could not be stored"))
                return
            for one, message in events:
                self._evidence.heard(message, one.name)
            request.answer(respond_json(200, answer))

        stored = records + unknown
        self._committer.submit(stored, len(stored), sum(len(one.body) for one in stored), done)

    def _message(self, news: News) -> Row | None:
        return next(filter(None, map(self._messages.message, news.ids)), None)

    def _remember(self, key: tuple[str, str]) -> None:
        self._seen[key] = None
        if len(self._seen) > MAX_SEEN:
            self._seen.popitem(last=False)

    async def _certificate(self, url: str) -> bytes:
        """The certificate at an address that the provider's file has found to be the provider's own. Raises Unproven."""
        if not url:
            return b""
        known = self._certificates.get(url)
        if known is not None:
            return known
        posted = await self._fetches.get(url, FETCH_S)
        if posted.status != 200 or not posted.whole:
            raise Unproven("no_certificate", f"{url} could not be fetched: {posted.error or posted.status}")
        self._certificates[url] = posted.body
        if len(self._certificates) > MAX_CERTIFICATES:
            self._certificates.popitem(last=False)
        return posted.body


def _hook(request: Request) -> Hook:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers.items()}
    return Hook(headers=headers, body=request.body)


def _event(news: News, message: Row, name: str) -> LogRecord:
    return LogRecord(INTERNAL_SOURCE, "track", 0, deliveries.of_news(message, news, provider=name))


def _unknown(news: News, name: str) -> LogRecord:
    reason = f"unknown_news: {name} says {news.word[:100]!r}, which is no delivery event that is known"
    return LogRecord(SOURCE, "", 0, news.raw, REFUSED, reason)
