"""wait_until with `message`: until one of some words is true of what came of a message, or until a time-out.

``wait_until: {message: remind, is: [clicked, opened], timeout: 2d, on_event: well_done}``. What is true already is not waited for.
"""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import only
from tidings.clock import format_duration
from tidings.domain.event import Event
from tidings.domain.profile import ProfileState, Run
from tidings.process import results
from tidings.process.steps.base import Move, Step, StepBase, targets_of, text, timeout, words_of

EVENTS = tuple(results.FEEDBACK)


class WaitMessage(StepBase, frozen=True):
    """Settings: message (id of a send step), is (words), timeout, on_event (step id or exit)."""

    message: str
    wanted: tuple[str, ...]
    timeout_us: int
    on_match: str

    @property
    def kind(self) -> str:
        return "wait_until"

    def ways(self) -> tuple[tuple[str, str], ...]:
        shown = " or ".join(self.wanted)
        return ((f"not {shown} within {format_duration(self.timeout_us)}", self.next), (shown, self.on_match))

    def targets(self) -> tuple[str, ...]:
        return targets_of(self)

    def at_once(self) -> tuple[str, ...]:
        return (self.on_match,)

    def results(self) -> tuple[str, ...]:
        return (*self.wanted, "timeout")

    def asks(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ((self.message, self.wanted),)

    def listens(self) -> tuple[str, ...]:
        return EVENTS

    def enter(self, state: ProfileState, run: Run) -> Move:  # noqa: ARG002 - what came of the message is in the run
        found = self._found(run)
        if found is not None:
            return found
        words = f"waits for {self.message} to be {self._shown()}, at most {format_duration(self.timeout_us)}"
        return Move(words, until_us=run.since_us + self.timeout_us)

    def on_event(self, run: Run, event: Event) -> Move | None:  # noqa: ARG002 - the run has heard it already
        return self._found(run)

    def _found(self, run: Run) -> Move | None:
        word = next((one for one in results.counts_as(run.results.get(self.message, "")) if one in self.wanted), "")
        return Move(f"{self.message}: {word}", goto=self.on_match, result=word) if word else None

    def on_timer(self, run: Run) -> Move:
        word = run.results.get(self.message, "nothing came of it")
        words = f"{self.message} was not {self._shown()} within {format_duration(self.timeout_us)}: {word}"
        return Move(words, goto=self.next, result="timeout")

    def _shown(self) -> str:
        return " or ".join(self.wanted)

    def words(self) -> str:
        return f"Wait until {self.message} is {self._shown()}, at most {format_duration(self.timeout_us)}"


def parse(settings: dict[str, Any], step_id: str, following: str, path: str) -> Step:
    """From the settings of a `wait_until` that has `message`."""
    only(settings, {"message", "is", "timeout", "on_event"}, path)
    timeout_us = timeout(settings, path)
    return WaitMessage(
        step_id,
        following,
        message=text(settings, "message", path),
        wanted=words_of(settings.get("is"), f"{path}.is"),
        timeout_us=timeout_us,
        on_match=text(settings, "on_event", path, "exit"),
    )
