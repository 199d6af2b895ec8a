"""wait_until: until an event comes or a rule becomes true, or until a time-out; certain events may start the time again.

"A cart left alone for 5 minutes" is: wait until Order Completed, time-out 5m, restarted by Product Added. An event counts
when it occurred no earlier than the wait began; when something comes exactly at the time-out, the time-out was first. A rule
that holds already when the run arrives is not waited for, unless it is wanted `fresh`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.clock import format_duration
from tidings.domain import filter as event_filter
from tidings.domain import schema
from tidings.domain.event import Event
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process import watch
from tidings.process.steps import wait_message
from tidings.process.steps.base import EXIT, Move, Step, StepBase, targets_of, text, timeout
from tidings.process.watch import Awaited
from tidings.rules.base import Traits

MOST_WAYS = 10
TIMEOUT = "timeout"
"""What came when nothing did."""
_FRESH = {"description": "A rule that holds already must become true anew.", **schema.FLAG}
_WAY = {**watch.SETTINGS, "fresh": _FRESH, "then": schema.NAME, "name": schema.NAME}
_TIME = {"timeout": schema.SPAN, "restart_on": schema.EVENT, "else": schema.NAME}
_ANY = {"type": "array", "items": schema.settings(_WAY), "minItems": 1, "maxItems": MOST_WAYS}
_AWAITED = schema.settings(
    {**{name: one for name, one in _WAY.items() if name != "name"}, "any": _ANY, **_TIME, "on_event": schema.NAME},
    ["timeout"],
)
_MESSAGE = schema.settings(
    {"message": schema.NAME, "is": schema.NAMES, "timeout": schema.SPAN, "on_event": schema.NAME},
    ["message", "is", "timeout"],
)
SCHEMA = {"anyOf": [_AWAITED, _MESSAGE]}


class Way(msgspec.Struct, frozen=True):
    """One thing that may come, and where it leads."""

    awaited: Awaited
    name: str
    """What is said to have come."""
    target: str


class WaitUntil(StepBase, frozen=True):
    """Settings: what is waited for, once or as a list in `any`; timeout, restart_on, then, else (step ids or exit)."""

    come: tuple[Way, ...]
    timeout_us: int
    restart: tuple[str, ...]
    heard: tuple[str, ...]
    """Events that are waited for, or start the time again."""

    def ways(self) -> tuple[tuple[str, str], ...]:
        return ((self.timed_out(), self.next), *((one.awaited.words(), one.target) for one in self.come))

    def targets(self) -> tuple[str, ...]:
        return targets_of(self)

    def at_once(self) -> tuple[str, ...]:
        return tuple(one.target for one in self.come if one.awaited.rule is not None and not one.awaited.fresh)

    def results(self) -> tuple[str, ...]:
        return (*(one.name for one in self.come), TIMEOUT)

    def listens(self) -> tuple[str, ...]:
        return self.heard

    def awaits(self) -> tuple[Awaited, ...]:
        return tuple(one.awaited for one in self.come)

    def enter(self, state: ProfileState, run: Run) -> Move:  # noqa: ARG002 - the same for everyone
        words = f"waits {self._until()}, at most {format_duration(self.timeout_us)}"
        return Move(words, until_us=run.since_us + self.timeout_us)

    def on_event(self, run: Run, event: Event) -> Move | None:
        if event.occurred_us < run.since_us:
            return None
        for one in self.come:
            if one.awaited.came(event):
                return Move(f"did {event.name}", goto=one.target, result=one.name)
        if event.name in self.restart:
            return Move(f"{event.name} restarts the wait", until_us=event.occurred_us + self.timeout_us)
        return None

    def on_rule(self, run: Run, index: int) -> Move:  # noqa: ARG002
        way = self.come[index]
        return Move(way.awaited.did(), goto=way.target, result=way.name)

    def on_timer(self, run: Run) -> Move:  # noqa: ARG002
        return Move(self.timed_out(), goto=self.next, result=TIMEOUT)

    def timed_out(self) -> str:
        """What is said when the time is over."""
        within = f"within {format_duration(self.timeout_us)}"
        if all(one.awaited.event is not None for one in self.come):
            return f"no {' or '.join(name for one in self.come for name in one.awaited.names())} {within}"
        return f"not {within}: {self._awaited()}"

    def _awaited(self) -> str:
        return " or ".join(one.awaited.words() for one in self.come)

    def _until(self) -> str:
        return f"{'for' if all(one.awaited.event is not None for one in self.come) else 'until'} {self._awaited()}"

    def words(self) -> str:
        again = f", restarted by {' or '.join(self.restart)}" if self.restart else ""
        return f"Wait {self._until()}, at most {format_duration(self.timeout_us)}{again}"


def parse(raw: dict[str, Any], step_id: str, following: str, traits: Traits, where: str) -> Step:
    settings, path = raw["wait_until"], f"{where}.wait_until"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="event, rule, segment or any; and timeout")
    if "message" in settings:
        return wait_message.parse(settings, step_id, following, path)
    if "any" in settings:
        only(settings, {"any", *_TIME}, path)
        come = _ways(settings["any"], traits, f"{path}.any")
    else:
        come = (_only_way(settings, traits, path),)
    again = settings.get("restart_on")
    timeout_us = timeout(settings, path)
    restart = event_filter.parse(again, None, f"{path}.restart_on").names if again else ()
    return WaitUntil(
        step_id,
        text(settings, "else", path, following),
        come=come,
        timeout_us=timeout_us,
        restart=restart,
        heard=(*(name for one in come for name in one.awaited.names()), *restart),
    )


def _only_way(settings: dict[str, Any], traits: Traits, path: str) -> Way:
    if "then" in settings and "on_event" in settings:
        raise DefinitionError(path, "use `then` or `on_event`, not both: they mean the same")
    awaited = _awaited(settings, traits, path, {*_TIME, "on_event"})
    kind = next(one for one in watch.KINDS if one in settings)
    then = "on_event" if "on_event" in settings else "then"
    return Way(awaited, kind, text(settings, then, path, EXIT))


def _ways(raw: Any, traits: Traits, path: str) -> tuple[Way, ...]:
    if not isinstance(raw, list) or not 1 <= len(raw) <= MOST_WAYS:
        raise DefinitionError(path, f"needs a list of 1 to {MOST_WAYS} things that may come", got=raw)
    found: dict[str, Way] = {}
    for index, one in enumerate(raw):
        where = f"{path}[{index}]"
        awaited = _awaited(one, traits, where, {"name"})
        name = text(one, "name", where, _name(one))
        if name in found or name == TIMEOUT:
            raise DefinitionError(where, "two ways have the same name", got=name, do="give each a `name` of its own")
        found[name] = Way(awaited, name, text(one, "then", where, EXIT))
    return tuple(found.values())


def _awaited(raw: Any, traits: Traits, path: str, beside: set[str]) -> Awaited:
    """What one way is about. Raises DefinitionError."""
    awaited = watch.parse(raw, traits, path, {"fresh", "then", *beside})
    fresh = raw.get("fresh", False)
    if not isinstance(fresh, bool) or (fresh and awaited.event is not None):
        raise DefinitionError(
            f"{path}.fresh", "no `fresh`", got=fresh, wanted="true or false, beside a rule or a segment"
        )
    return msgspec.structs.replace(awaited, fresh=fresh)


def _name(raw: dict[str, Any]) -> str:
    """What a way is called that has no name: its event or segment, or that it is a rule."""
    named = raw.get("segment") or raw.get("event") or "rule"
    return str(named if isinstance(named, str) else named[0])
