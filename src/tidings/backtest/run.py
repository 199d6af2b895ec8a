"""A backtest: history goes by once, in one process or in shares of it in several, and what came out is told.

How the spans before `from`, until `to` and after it differ says `rehearsal`; how shares are made says `shares`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from tidings.backtest import checkpoint
from tidings.backtest.difference import difference
from tidings.backtest.history import History, Span
from tidings.backtest.rehearsal import Progress, Rehearsal, Spans, no_pauses
from tidings.backtest.result import BacktestResult
from tidings.backtest.shares import Share, tied
from tidings.backtest.tally import Bought
from tidings.backtest.together import Together
from tidings.backtest.version import Version
from tidings.backtest.worker import Task
from tidings.clock import SECOND_US, iso
from tidings.domain import feedback
from tidings.domain.everybody import ItemsChanged, Told
from tidings.errors import InputError

_OF_MAILS = {
    feedback.EMAIL_SENT,
    feedback.EMAIL_DELIVERED,
    feedback.EMAIL_BOUNCED,
    feedback.EMAIL_OPENED,
    feedback.EMAIL_CLICKED,
}
Show = Callable[[int, int], None]
"""(events gone by, events in all)."""


def never() -> bool:
    """Nobody interrupts."""
    return False


def silent(done: int, total: int) -> None:
    """Show nothing."""


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
    items: Sequence[Told] = ()
    """What changes of items, as far as a journey wants to know it."""
    keep: Path | None = None
    """Where progress is kept when it is interrupted, and gone on from."""


class Backtest:
    """One history, one or two versions."""

    def __init__(
        self,
        history: History,
        versions: Sequence[Version],
        asked: Asked,
        *,
        workers: int = 1,
        elsewhere: Callable[[], list[Version]] | None = None,
    ) -> None:
        """`workers` processes take a share of the history each, if it is said how the versions are made `elsewhere`. Raises
        InputError when the span has nothing of the history in it."""
        self._history = history
        self._versions = versions
        self._asked = asked
        self._workers = workers
        self._elsewhere = elsewhere
        self.span: Span = history.span()
        self._end_us = self.span.last_us + SECOND_US  # a second may hold many events, taken one after the other
        self.from_us = max(asked.from_us, self.span.first_us)
        self.to_us = min(asked.to_us or self._end_us, self._end_us)
        self._until_us = min(self.to_us + asked.bought.within_us, self._end_us)
        self._progress = Progress()
        self._wall_s = 0.0
        if self.from_us >= self.to_us:
            msg = f"--from, --to: got {iso(self.from_us)} to {iso(self.to_us)}, in which nothing lies; {self._held()}"
            raise InputError(msg)

    def run(self, show: Show = silent, interrupted: Callable[[], bool] = never) -> BacktestResult:
        """Let it go by, from where it was interrupted if it was; what was found up to its end, or up to an interruption.

        Raises Permanent when a worker fails.
        """
        start_s = time.perf_counter()
        shares = self._kept()
        workers = len(shares) or self._workers
        if workers == 1 or self._elsewhere is None:
            return self._alone(shares, start_s, show, interrupted)
        return self._shared(shares or [b""] * workers, start_s, show, interrupted)

    def _alone(
        self, shares: list[bytes], start_s: float, show: Show, interrupted: Callable[[], bool]
    ) -> BacktestResult:
        rehearsal = Rehearsal(self._history, self._versions, self._spans(), items=self._asked.items)
        for one in shares:
            rehearsal.go_on(one, self._progress)
        self._progress, whole = rehearsal.progress, True
        with no_pauses():
            for window in rehearsal.windows():
                show(window.gone, self.span.events)
                if window.upto_us < self._until_us and interrupted():
                    whole = False
                    break
        return self._end(start_s, show, lambda: [rehearsal.keep()], whole=whole)

    def _shared(
        self, shares: list[bytes], start_s: float, show: Show, interrupted: Callable[[], bool]
    ) -> BacktestResult:
        assert self._elsewhere is not None
        ties = tied(self._history.ties(), len(shares))
        tasks = [
            Task(
                history=self._history.elsewhere(),
                versions=self._elsewhere,
                spans=self._spans(),
                share=Share(number=number, of=len(shares), tied=ties),
                kept=kept,
                progress=self._progress,
                items=self._asked.items,
            )
            for number, kept in enumerate(shares)
        ]
        together = Together(tasks)
        try:
            whole = together.take(lambda gone: show(gone, self.span.events), interrupted)
            self._progress = together.progress
            for number, (version, tally) in enumerate(zip(self._versions, together.tallies(), strict=True)):
                version.sink.tally = tally
                version.known_as = partial(together.identifiers, number)
            return self._end(start_s, show, together.keep, whole=whole)
        finally:
            together.close()

    def _spans(self) -> Spans:
        return Spans(from_us=self.from_us, to_us=self.to_us, until_us=self._until_us)

    def _end(self, start_s: float, show: Show, keep: Callable[[], list[bytes]], *, whole: bool) -> BacktestResult:
        self._wall_s += time.perf_counter() - start_s
        path = self._asked.keep
        if whole:
            show(self.span.events, self.span.events)
            if path is not None:
                path.unlink(missing_ok=True)
        elif path is not None:
            kept = checkpoint.Checkpoint(
                about=self._about(), progress=self._progress, wall_s=self._wall_s, shares=keep()
            )
            checkpoint.write(path, kept)
        return self._result(whole=whole)

    # Interruption

    def _kept(self) -> list[bytes]:
        """What each share had when this backtest was interrupted; none when it was not."""
        kept = checkpoint.read(self._asked.keep, self._about()) if self._asked.keep is not None else None
        if kept is None:
            return []
        self._progress, self._wall_s = kept.progress, kept.wall_s
        return kept.shares

    def _about(self) -> str:
        """What a checkpoint must be of, to go on from it."""
        versions = "; ".join(one.key for one in self._versions)
        bought = self._asked.bought
        return f"{self._history.words}: {versions}; {self.from_us} to {self.to_us}; {sorted(bought.names)} {bought.within_us}; {self._asked.notes} {len(self._asked.items)}"

    # What came out

    def _held(self) -> str:
        return f"{self._history.words} has {self.span.events:,} events from {iso(self.span.first_us)} to {iso(self.span.last_us)}"

    def _result(self, *, whole: bool) -> BacktestResult:
        seen_us = self._until_us if whole else max(self._progress.upto_us, self.from_us)
        to_us = self.to_us if whole else min(seen_us, self.to_us)
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
            complete=whole,
            notes=[*self._asked.notes, *self._notes()],
            versions=found,
            difference=difference(*self._versions) if len(self._versions) == 2 else None,
            wall_s=self._wall_s,
            events_per_s=self.span.events / self._wall_s if whole and self._wall_s else 0.0,
        )

    def _notes(self) -> Iterator[str]:
        if self.span.consents:
            yield f"The history has {self.span.consents:,} consents; they were followed."
        elif not self._asked.assumed:
            yield "The history has no consents: whatever needs one is refused as no_consent. Ask with --assume-consent CATEGORY."
        yield "Purchases after a message are a correlation, not an uplift: most of these people might have bought anyway."
        journeys = [journey for one in self._versions for journey in one.definitions.journeys.values()]
        for words in dict.fromkeys(entry.words() for one in journeys for entry in one.entries if entry.looks() >= 0):
            yield self._of_items(words)
        calls = {name: count for one in self._versions for name, count in one.sink.tally.calls.items()}
        if calls:
            shown = ", ".join(f"{name} {count:,} times" for name, count in sorted(calls.items()))
            yield f"Webhooks were not called ({shown}); their runs went on at the time-outs."
        if any(_OF_MAILS & journey.listens() for journey in journeys):
            yield "Nobody got, opened or clicked a mail, as nothing was sent: steps that wait for that went on at their time-outs."
        if self._asked.to_us > self._end_us:
            yield f"--to lies beyond the history, so the clock stopped at its end, {iso(self._end_us)}."

    def _of_items(self, words: str) -> str:
        count = sum(len(one.what.changes) for one in self._asked.items if isinstance(one.what, ItemsChanged))
        if not count:
            return f"Nobody entered because of items ({words}), as history does not tell how items changed; --items FILE does."
        return f"{count:,} changes of items were told ({words})."
