"""One share of history goes by once, every version under rehearsal sees it, and what they would have done is counted.

Three spans: before `from` memories fill and nobody enters; until `to` journeys run and are counted; after it, for as long as a
purchase may follow a message, only purchases are looked at.
"""

from __future__ import annotations

import gc
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from tidings.backtest.history import History, Moment, Wanted, Window
from tidings.backtest.shares import ALL, Share
from tidings.backtest.version import Kept, Version
from tidings.domain.everybody import Told


class Spans(msgspec.Struct, frozen=True, kw_only=True):
    """Where the spans begin and end."""

    from_us: int
    """Runs begin from here on."""
    to_us: int
    """Here the clock stops."""
    until_us: int
    """Purchases are looked at up to here."""


class Progress(msgspec.Struct, kw_only=True):
    """How far a rehearsal has come. All shares of one backtest stop at the same place."""

    stage: str = "before"
    """``before``, ``during`` or ``after`` the span in which journeys run."""
    upto_us: int = 0
    """All that was known before this instant was taken."""


@contextmanager
def no_pauses() -> Iterator[None]:
    """No search for cycles, as in the process role: there are none, and to look through everybody's state takes a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Rehearsal:
    """The versions, driven through one share of a history."""

    def __init__(
        self,
        history: History,
        versions: Sequence[Version],
        spans: Spans,
        share: Share = ALL,
        items: Sequence[Told] = (),
    ) -> None:
        """`items`: what changes of items, in order."""
        self._history = history
        self._versions = versions
        self._spans = spans
        self._share = share
        self._items = deque(items)
        self.progress = Progress()
        for one in versions:
            one.driver.share_memory(share.of)

    def windows(self) -> Iterator[Window]:
        """Let history go by, from where it was interrupted if it was; each window as it is over."""
        names = frozenset[str]().union(*(one.names for one in self._versions))
        wanted = Wanted(
            names=names,
            clocks=any(one.clocks for one in self._versions),
            from_us=self.progress.upto_us,
            until_us=self._spans.until_us,
            share=self._share,
        )
        while self._items and self._items[0].known_us < self.progress.upto_us:
            self._items.popleft()  # they were told before the interruption
        for window in self._history.windows(wanted):
            for moments in window.moments:
                self._take(moments)
            self._reach(window.upto_us)
            yield window
        self._reach(self._spans.until_us)
        self._enter("after")

    def _take(self, moments: Sequence[Moment]) -> None:
        for part in self._between_items(moments):
            self._take_moments(part)

    def _between_items(self, moments: Sequence[Moment]) -> Iterator[Sequence[Moment]]:
        """The moments, cut where items change; these are told in between."""
        while self._items and moments and _place(self._items[0]) < _place_of(moments[-1]):
            cut = bisect_left(moments, _place(self._items[0]), key=_place_of)
            yield moments[:cut]
            self._tell(self._items.popleft())
            moments = moments[cut:]
        yield moments

    def _tell(self, told: Told) -> None:
        self._enter(self._stage(told.known_us + 1))
        for one in self._versions if self.progress.stage == "during" else ():
            one.driver.tell(told)

    def _take_moments(self, moments: Sequence[Moment]) -> None:
        for stage, part in self._staged(moments):
            self._enter(stage)
            for one in self._versions:
                one.take(part)
                one.driver.let_time_pass(part[-1].received_us - 1)  # others may be known at that very instant

    def _staged(self, moments: Sequence[Moment]) -> Iterator[tuple[str, Sequence[Moment]]]:
        """The moments, cut where a stage begins."""
        spans = self._spans
        if moments and self.progress.stage == "during" and moments[-1].received_us < spans.to_us:
            yield "during", moments
            return
        for stage, from_us, until_us in (
            ("before", 0, spans.from_us),
            ("during", spans.from_us, spans.to_us),
            ("after", spans.to_us, spans.until_us),
        ):
            part = [one for one in moments if from_us <= one.received_us < until_us]
            if part:
                yield stage, part

    def _reach(self, at_us: int) -> None:
        """All before this instant was taken: time passes up to it."""
        while self._items and self._items[0].known_us < at_us:
            self._tell(self._items.popleft())
        self._enter(self._stage(at_us))
        for one in self._versions:
            one.driver.let_time_pass(at_us - 1)
        self.progress.upto_us = at_us

    def _stage(self, upto_us: int) -> str:
        """In which stage we are when all before an instant was taken."""
        return "before" if upto_us <= self._spans.from_us else "during" if upto_us <= self._spans.to_us else "after"

    def _enter(self, stage: str) -> None:
        """Begin a stage, and those between, once."""
        now = self.progress
        if now.stage == "before" and stage != "before":
            for one in self._versions:
                one.begin(self._spans.from_us)
            now.stage = "during"
        if now.stage == "during" and stage == "after":
            for one in self._versions:
                one.end(self._spans.to_us)
            now.stage = "after"

    # Interruption

    def keep(self) -> bytes:
        """All that there is, to go on from."""
        return _ENCODE([one.keep() for one in self._versions])

    def go_on(self, kept: bytes, progress: Progress) -> None:
        """Go on where another one was."""
        self.progress = progress
        for one, own in zip(self._versions, _DECODE(kept), strict=True):
            one.go_on(own)


def _place(told: Told) -> tuple[int, int]:
    return told.known_us, told.offset


def _place_of(moment: Moment) -> tuple[int, int]:
    return moment.received_us, moment.offset


_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(list[Kept]).decode
