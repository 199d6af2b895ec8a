"""Group commit: what several hand-overs ask of the ledger at the same time goes to the disk in one transaction.

Each asks and waits; what was asked by the time the event loop comes round is one commit. While a commit holds the loop up,
answers of servers come in, so the slower the disk, the larger the next group: nobody waits for a timer, and no thread is needed.
"""

from __future__ import annotations

import asyncio
from typing import Any

from tidings.deliver.ledger import Ledger
from tidings.deliver.records import Begin, End


class Together:
    """Between the outbox's hand-overs and the ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._begins: list[tuple[Begin, asyncio.Future[str | None]]] = []
        self._ends: list[tuple[End, asyncio.Future[None]]] = []

    async def begin(self, asked: Begin) -> str | None:
        """See `Ledger.begin_attempt`; on the disk when this returns."""
        answer: asyncio.Future[str | None] = self._soon().create_future()
        self._begins.append((asked, answer))
        return await answer

    async def finish(self, end: End) -> None:
        """See `Ledger.finish`; on the disk when this returns. It happens even if the caller is cancelled meanwhile."""
        done: asyncio.Future[None] = self._soon().create_future()
        self._ends.append((end, done))
        await done

    def _soon(self) -> asyncio.AbstractEventLoop:
        loop = asyncio.get_running_loop()
        if not self._begins and not self._ends:
            loop.call_soon(self._commit)
        return loop

    def _commit(self) -> None:
        (begins, self._begins), (ends, self._ends) = (self._begins, []), (self._ends, [])
        try:
            # Who gave up waiting for permission meanwhile has none: it would be an attempt that nobody makes.
            begins = [(asked, answer) for asked, answer in begins if not answer.done()]
            answers = self._ledger.move([asked for asked, _ in begins], [end for end, _ in ends])
        except Exception as error:  # noqa: BLE001 - each who waits raises it
            waiting: list[asyncio.Future[Any]] = [*(answer for _, answer in begins), *(done for _, done in ends)]
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, answer), refusal in zip(begins, answers, strict=True):
            answer.set_result(refusal)
        for _, done in ends:
            if not done.done():
                done.set_result(None)
