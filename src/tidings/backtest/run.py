"""A backtest: history goes by once, every version under rehearsal sees it, and what they would have done is counted.

Three spans: before `from` memories fill and nobody enters; until `to` journeys run and are counted; after it, for as long as a
purchase may follow a message, only purchases are looked at.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from tidings.backtest import checkpoint
from tidings.backtest.difference import difference
from tidings.backtest.history import History, Moment, Span, Wanted
from tidings.backtest.result import BacktestResult
from tidings.backtest.tally import Bought
from tidings.backtest.version import Version
from tidings.clock import SECOND_US, iso
from tidings.domain import feedback
from tidings.errors import InputError

_OF_MAILS = {feedback.EMAIL_SENT, feedback.EMAIL_DELIVERED, feedback.EMAIL_OPENED, feedback.EMAIL_CLICKED}
Show = Callable[[int, int], None]
"""(events gone by, events in all)."""


def never() -> bool:
    """Nobody interrupts."""
    return False


def silent(done: int, total: int) -> None:
    """Show nothing."""


@contextmanager
def _no_pauses() -> Iterator[None]:
    """No search for cycles, as in the process role: there are none, and to look through everybody's state takes a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked."""

    from_us: int
    """Runs begin from here on; 0 for the beginning of history."""
    to_us: int
    """The clock stops here; 0 for the end of history."""
    bought: Bought
    notes: Sequence[str] = ()
    """What was assumed, in sentences."""
    assumed: bool = False
    """Whether consent was."""
    keep: Path | None = None
    """Where progress is kept when it is interrupted, and gone on from."""


class Backtest:
    """One history, one or two versions."""

    def __init__(self, history: History, versions: Sequence[Version], asked: Asked) -> None:
        """Raises InputError when the span has nothing of the history in it."""
        self._history = history
        self._versions = versions
        self._asked = asked
        self.span: Span = history.span()
        self._end_us = self.span.last_us + SECOND_US  # a second may hold many events, taken one after the other
        self.from_us = max(asked.from_us, self.span.first_us)
        self.to_us = min(asked.to_us or self._end_us, self._end_us)
        self._until_us = min(self.to_us + asked.bought.within_us, self._end_us)
        self._stage = "before"
        self._last = (0, -1)
        self._wall_s = 0.0
        if self.from_us >= self.to_us:
            msg = f"--from, --to: got {iso(self.from_us)} to {iso(self.to_us)}, in which nothing lies; {self._held()}"
            raise InputError(msg)

    def run(self, show: Show = silent, interrupted: Callable[[], bool] = never) -> BacktestResult:
        """Let it go by, from where it was interrupted if it was; what was found up to its end, or up to an interruption."""
        self._go_on()
        with _no_pauses():
            return self._run(show, interrupted)

    def _run(self, show: Show, interrupted: Callable[[], bool]) -> BacktestResult:
        start_s = time.perf_counter()
        for gone, moments in self._history.chunks(self._wanted()):
            show(gone, self.span.events)
            for stage, part in self._staged(moments):
                self._enter(stage)
                self._take(part)
            if interrupted():
                return self._broken_off(start_s)
        self._enter("after")
        self._wall_s += time.perf_counter() - start_s
        self._stage = "over"
        show(self.span.events, self.span.events)
        if self._asked.keep is not None:
            self._asked.keep.unlink(missing_ok=True)
        return self._result()

    def _wanted(self) -> Wanted:
        names = frozenset[str]().union(*(one.names for one in self._versions))
        clocks = any(one.clocks for one in self._versions)
        at_us, offset = self._last
        return Wanted(names=names, clocks=clocks, from_us=at_us, after_offset=offset, until_us=self._until_us)

    def _staged(self, moments: list[Moment]) -> Iterator[tuple[str, list[Moment]]]:
        """The moments, cut where a stage begins."""
        for stage, from_us, until_us in (
            ("before", 0, self.from_us),
            ("during", self.from_us, self.to_us),
            ("after", self.to_us, self._until_us),
        ):
            part = [one for one in moments if from_us <= one.received_us < until_us]
            if part:
                yield stage, part

    def _enter(self, stage: str) -> None:
        """Begin a stage, and those between, once."""
        if self._stage == "before" and stage != "before":
            for one in self._versions:
                one.begin(self.from_us)
            self._stage = "during"
        if self._stage == "during" and stage == "after":
            for one in self._versions:
                one.end(self.to_us)
            self._stage = "after"

    def _take(self, moments: list[Moment]) -> None:
        last = moments[-1]
        for one in self._versions:
            one.take(moments)
            one.driver.let_time_pass(last.received_us - 1)  # others may be known at that very instant
        self._last = (last.received_us, last.offset)

    # Interruption

    def _broken_off(self, start_s: float) -> BacktestResult:
        self._wall_s += time.perf_counter() - start_s
        if self._asked.keep is not None:
            kept = checkpoint.Checkpoint(
                about=self._about(),
                stage=self._stage,
                last=self._last,
                wall_s=self._wall_s,
                versions=[one.keep() for one in self._versions],
            )
            checkpoint.write(self._asked.keep, kept)
        return self._result()

    def _go_on(self) -> None:
        kept = checkpoint.read(self._asked.keep, self._about()) if self._asked.keep is not None else None
        if kept is None:
            return
        self._stage, self._last, self._wall_s = kept.stage, kept.last, kept.wall_s
        for one, own in zip(self._versions, kept.versions, strict=True):
            one.go_on(own)

    def _about(self) -> str:
        """What a checkpoint must be of, to go on from it."""
        versions = "; ".join(one.key for one in self._versions)
        bought = self._asked.bought
        return f"{self._history.words}: {versions}; {self.from_us} to {self.to_us}; {sorted(bought.names)} {bought.within_us}; {self._asked.notes}"

    # What came out

    def _held(self) -> str:
        return f"{self._history.words} has {self.span.events:,} events from {iso(self.span.first_us)} to {iso(self.span.last_us)}"

    def _result(self) -> BacktestResult:
        complete = self._stage == "over"
        seen_us = self._until_us if complete else max(self._last[0], self.from_us)
        to_us = self.to_us if self._stage in ("after", "over") else min(seen_us, self.to_us)
        found = [one.result(seen_us) for one in self._versions]
        return BacktestResult(
            history=self._history.words,
            first=iso(self.span.first_us),
            last=iso(self.span.last_us),
            events=self.span.events,
            rejected=self.span.rejected,
            from_=iso(self.from_us),
            to=iso(to_us),
            zone=self._versions[0].definitions.layout.zone,
            complete=complete,
            notes=[*self._asked.notes, *self._notes()],
            versions=found,
            difference=difference(*self._versions) if len(self._versions) == 2 else None,
            wall_s=self._wall_s,
            events_per_s=self.span.events / self._wall_s if complete and self._wall_s else 0.0,
        )

    def _notes(self) -> Iterator[str]:
        if self.span.consents:
            yield f"The history has {self.span.consents:,} consents; they were followed."
        elif not self._asked.assumed:
            yield "The history has no consents: whatever needs one is refused as no_consent. Ask with --assume-consent CATEGORY."
        yield "Purchases after a message are a correlation, not an uplift: most of these people might have bought anyway."
        journeys = [journey for one in self._versions for journey in one.definitions.journeys.values()]
        for words in dict.fromkeys(entry.words() for one in journeys for entry in one.entries if entry.looks() >= 0):
            yield f"Nobody entered because of items ({words}), as history does not tell how items changed."
        calls = {name: count for one in self._versions for name, count in one.sink.tally.calls.items()}
        if calls:
            shown = ", ".join(f"{name} {count:,} times" for name, count in calls.items())
            yield f"Webhooks were not called ({shown}); their runs went on at the time-outs."
        if any(_OF_MAILS & journey.listens() for journey in journeys):
            yield "Nobody got, opened or clicked a mail, as nothing was sent: steps that wait for that went on at their time-outs."
        if self._asked.to_us > self._end_us:
            yield f"--to lies beyond the history, so the clock stopped at its end, {iso(self._end_us)}."
