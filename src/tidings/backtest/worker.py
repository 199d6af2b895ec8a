"""One share of a backtest in a process of its own: what it is told, what it answers.

It takes window after window of its share, each when it is told to, so that all shares stop at the same place; then it says what it
counted, and who is who, until nobody listens any more. It takes no notice of Ctrl-C: that is for the one who asked.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import closing
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from tidings.backtest.history import History
from tidings.backtest.rehearsal import Progress, Rehearsal, Spans, no_pauses
from tidings.backtest.shares import Share
from tidings.backtest.tally import Tally
from tidings.backtest.version import Version
from tidings.domain.everybody import Told
from tidings.errors import TidingsError

GO_ON, STOP, TALLIES, KEEP, WHO = "go on", "stop", "tallies", "keep", "who"
"""What a worker is told: take the next window; take no more; and, when it has stopped, what is asked of it."""
WINDOW, OVER, FAILED = "window", "over", "failed"
"""What it says by itself."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker does. Is sent to it."""

    history: Callable[[], History]
    """Opens the history."""
    versions: Callable[[], list[Version]]
    """Makes the versions under rehearsal."""
    spans: Spans
    share: Share
    kept: bytes
    """What it had when it was interrupted; empty when it begins."""
    progress: Progress
    items: Sequence[Told]
    """What changes of items."""


_TALLIES = msgspec.msgpack.Decoder(list[Tally])


def work(line: Connection, task: Task) -> None:
    """Do a task; the process ends with it."""
    with contextlib.suppress(ConnectionError, EOFError):  # whoever asked is gone: nobody needs it any more
        try:
            with closing(task.history()) as history, no_pauses():
                _serve(line, task, history)
        except TidingsError as error:  # told to the one who asked, who raises it
            line.send((FAILED, str(error)))


def _serve(line: Connection, task: Task, history: History) -> None:
    versions = task.versions()
    rehearsal = Rehearsal(history, versions, task.spans, task.share, task.items)
    if task.kept:
        rehearsal.go_on(task.kept, task.progress)
    _take_windows(line, rehearsal)
    while True:
        wish, *more = line.recv()
        if wish != GO_ON:  # it was told so before it was over
            line.send(_answer(wish, more, versions, rehearsal))


def _take_windows(line: Connection, rehearsal: Rehearsal) -> None:
    windows = rehearsal.windows()
    while line.recv()[0] == GO_ON:
        window = next(windows, None)
        if window is None:
            line.send((OVER, rehearsal.progress))
            return
        line.send((WINDOW, window.gone, rehearsal.progress))


def _answer(wish: str, more: list[Any], versions: list[Version], rehearsal: Rehearsal) -> Any:
    if wish == WHO:
        number, profile_id = more
        return versions[number].identifiers(profile_id)
    if wish == KEEP:
        return rehearsal.keep()
    return msgspec.msgpack.encode([one.sink.tally for one in versions])


def tallies_of(answer: bytes) -> list[Tally]:
    """What a worker counted, by version."""
    return _TALLIES.decode(answer)
