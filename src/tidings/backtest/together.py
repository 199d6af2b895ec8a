"""A history rehearsed in several processes, a share each: told window by window, asked at the end, added up.

No share is more than two windows ahead of another, so that all can stop at the same place when somebody interrupts.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from tidings.backtest import worker
from tidings.backtest.rehearsal import Progress
from tidings.backtest.tally import Tally, add
from tidings.backtest.worker import Task
from tidings.errors import Permanent

AHEAD = 2
"""Windows that a share may be ahead of another."""
LOOK_S = 0.2
"""So often somebody may interrupt."""
LEAVE_S = 5.0
"""A worker that was let go has so long to end."""


class Together:
    """The workers of one backtest."""

    def __init__(self, tasks: Sequence[Task]) -> None:
        self.progress = tasks[0].progress
        """How far all have come."""
        self._workers = [_Worker(number, len(tasks)) for number in range(len(tasks))]
        with _unheard(signal.SIGINT):  # they inherit it
            for one, task in zip(self._workers, tasks, strict=True):
                one.start(task)

    def take(self, show: Callable[[int], None], interrupted: Callable[[], bool]) -> bool:
        """Let history go by; whether all of it has. `show` is told how many events have gone by."""
        for _ in range(AHEAD):
            self._tell(worker.GO_ON)
        told = AHEAD
        while not all(one.over for one in self._workers):
            self._hear()
            if min(one.windows for one in self._workers) + AHEAD <= told:
                continue
            if interrupted():
                self._stop(told)
                return False
            show(min(one.gone for one in self._workers))
            self._tell(worker.GO_ON)
            told += 1
        self.progress = self._workers[0].progress
        return True

    def _stop(self, told: int) -> None:
        """All come to the last window that any may have begun, and stop."""
        while any(one.windows < told and not one.over for one in self._workers):
            self._hear()
        self._tell(worker.STOP)
        self.progress = self._workers[0].progress

    def _hear(self) -> None:
        """Take what workers say, if any says anything soon."""
        lines = {one.line: one for one in self._workers if not one.over}
        for line in wait(list(lines), LOOK_S):
            lines[line].hear()  # type: ignore[index]

    def _tell(self, *wish: Any) -> None:
        for one in self._workers:
            one.tell(*wish)

    # When history has gone by

    def tallies(self) -> list[Tally]:
        """What all counted, by version."""
        self._tell(worker.TALLIES)
        first, *others = (worker.tallies_of(one.answer()) for one in self._workers)
        for other in others:
            for mine, theirs in zip(first, other, strict=True):
                add(mine, theirs)
        return first

    def identifiers(self, version: int, profile_id: str) -> list[str]:
        """Identifiers of a person under a version."""
        self._tell(worker.WHO, version, profile_id)
        return next(filter(None, [one.answer() for one in self._workers]), [])

    def keep(self) -> list[bytes]:
        """What each share has, to go on from."""
        self._tell(worker.KEEP)
        return [one.answer() for one in self._workers]

    def close(self) -> None:
        """Let them go."""
        for one in self._workers:
            one.end()


class _Worker:
    """One of them, from here."""

    def __init__(self, number: int, of: int) -> None:
        self._name = f"{number + 1} of {of}"
        self._process: SpawnProcess | None = None
        self.line: Connection
        self.windows = 0
        self.gone = 0
        self.over = False
        self.progress = Progress()

    def start(self, task: Task) -> None:
        context = multiprocessing.get_context("spawn")
        self.line, theirs = context.Pipe()
        self._process = context.Process(target=worker.work, args=(theirs, task), daemon=True)
        self._process.start()
        theirs.close()

    def tell(self, *wish: Any) -> None:
        try:
            self.line.send(wish)
        except ConnectionError:
            self._lost()

    def hear(self) -> None:
        """Take one thing that it says by itself."""
        said, *more = self.answer()
        if said == worker.WINDOW:
            self.windows += 1
            self.gone, self.progress = more
        else:
            self.over = True
            (self.progress,) = more

    def answer(self) -> Any:
        """What it says next. Raises Permanent when it says nothing any more."""
        try:
            said = self.line.recv()
        except (ConnectionError, EOFError):
            self._lost()
        if isinstance(said, tuple) and said[0] == worker.FAILED:
            msg = f"backtest: worker {self._name}: {said[1]}"
            raise Permanent(msg)
        return said

    def _lost(self) -> None:
        assert self._process is not None
        self._process.join(LEAVE_S)
        msg = (
            f"backtest: worker {self._name} ended (exit status {self._process.exitcode}; -9 may mean that memory ran out); "
            f"ask again with fewer --workers"
        )
        raise Permanent(msg)

    def end(self) -> None:
        if self._process is None:
            return
        self.line.close()  # it ends when it sees that nobody listens
        self._process.join(LEAVE_S)
        self._process.terminate()
        self._process.join()


@contextmanager
def _unheard(number: signal.Signals) -> Iterator[None]:
    """A signal does nothing meanwhile. Only the main thread can say so."""
    before = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(number, before)
