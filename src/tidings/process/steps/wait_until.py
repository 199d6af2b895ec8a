"""wait_until: until an event, or until a time-out; certain events may start the time again.

"A cart left alone for 5 minutes" is: wait until Order Completed, time-out 5m, restarted by Product Added. An event counts
when it occurred no earlier than the wait began; when it comes exactly at the time-out, the time-out was first.
"""

from __future__ import annotations

from typing import Any

from tidings.accumulate.base import only
from tidings.clock import format_duration, parse_duration
from tidings.domain import filter as event_filter
from tidings.domain import schema
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process.steps import wait_message
from tidings.process.steps.base import Move, Step, StepBase, targets_of, text
from tidings.rules.base import Traits

_EVENT = schema.settings(
    {
        "event": schema.EVENT,
        "where": schema.WHERE,
        "timeout": schema.SPAN,
        "restart_on": schema.EVENT,
        "on_event": schema.NAME,
    },
    ["event", "timeout"],
)
_MESSAGE = schema.settings(
    {"message": schema.NAME, "is": schema.NAMES, "timeout": schema.SPAN, "on_event": schema.NAME},
    ["message", "is", "timeout"],
)
SCHEMA = {"anyOf": [_EVENT, _MESSAGE]}


class WaitUntil(StepBase, frozen=True):
    """Settings: event, where, timeout, restart_on, on_event (step id or exit)."""

    filter: EventFilter
    timeout_us: int
    restart: tuple[str, ...]
    on_match: str

    def ways(self) -> tuple[tuple[str, str], ...]:
        did = " or ".join(self.filter.names)
        return ((f"no {did} within {format_duration(self.timeout_us)}", self.next), (did, self.on_match))

    def targets(self) -> tuple[str, ...]:
        return targets_of(self)

    def results(self) -> tuple[str, ...]:
        return ("event", "timeout")

    def listens(self) -> tuple[str, ...]:
        return (*self.filter.names, *self.restart)

    def enter(self, state: ProfileState, run: Run) -> Move:  # noqa: ARG002 - the same for everyone
        words = f"waits for {self.filter.words()}, at most {format_duration(self.timeout_us)}"
        return Move(words, until_us=run.since_us + self.timeout_us)

    def on_event(self, run: Run, event: Event) -> Move | None:
        if event.occurred_us < run.since_us:
            return None
        if self.filter.matches(event):
            return Move(f"did {event.name}", goto=self.on_match, result="event")
        if event.name in self.restart:
            return Move(f"{event.name} restarts the wait", until_us=event.occurred_us + self.timeout_us)
        return None

    def on_timer(self, run: Run) -> Move:  # noqa: ARG002
        words = f"no {' or '.join(self.filter.names)} within {format_duration(self.timeout_us)}"
        return Move(words, goto=self.next, result="timeout")

    def words(self) -> str:
        again = f", restarted by {' or '.join(self.restart)}" if self.restart else ""
        return f"Wait for {self.filter.words()}, at most {format_duration(self.timeout_us)}{again}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:  # noqa: ARG001
    settings, path = raw["wait_until"], f"{where}.wait_until"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="event, timeout")
    if "message" in settings:
        return wait_message.parse(settings, step_id, following, path)
    only(settings, {"event", "where", "timeout", "restart_on", "on_event"}, path)
    events = event_filter.parse(settings.get("event"), settings.get("where"), path)
    again = settings.get("restart_on")
    try:
        timeout_us = parse_duration(settings.get("timeout", ""))
    except ValueError as error:
        raise DefinitionError(f"{path}.timeout", str(error)) from error
    return WaitUntil(
        step_id,
        following,
        filter=events,
        timeout_us=timeout_us,
        restart=event_filter.parse(again, None, f"{path}.restart_on").names if again else (),
        on_match=text(settings, "on_event", path, "exit"),
    )
