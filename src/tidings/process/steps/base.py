"""The contract of a step: what it answers when a run arrives, when an event comes, when its time is over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from tidings.domain.event import Event
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process.watch import Awaited
from tidings.rules.base import Condition, Traits

EXIT = "exit"
"""The step id that ends a run."""


class Draft(msgspec.Struct, frozen=True):
    """A message that a send step asks for; deciding makes an intent of it."""

    step: str
    template: str
    category: str


class Move(msgspec.Struct, frozen=True):
    """What a step answers."""

    outcome: str
    """A short sentence for the timeline: ``waited 5m``, ``did Order Completed``."""
    goto: str = ""
    """The step to go to, `EXIT` to end; empty to stay."""
    until_us: int = 0
    """When staying: the scheduled instant at which the wait is over."""
    draft: Draft | None = None
    """A message to decide on before going on."""


class Step(Protocol):
    """One node of a journey."""

    @property
    def id(self) -> str:
        """Unique in its journey."""
        ...

    def targets(self) -> tuple[str, ...]:
        """Step ids that it may go to."""
        ...

    def listens(self) -> tuple[str, ...]:
        """Event names that a run waiting here must be told of."""
        ...

    def awaits(self) -> tuple[Awaited, ...]:
        """What a run waiting here waits for; those that are rules are watched for it."""
        ...

    def rules(self) -> tuple[Condition, ...]:
        """The rules that it asks."""
        ...

    def enter(self, state: ProfileState, run: Run) -> Move:
        """A run arrives; `run.since_us` is the instant."""
        ...

    def on_event(self, run: Run, event: Event) -> Move | None:
        """An event that it listens to happened while the run waits here; None when it does not matter."""
        ...

    def on_rule(self, run: Run, index: int) -> Move:
        """The rule of one of what it `awaits` is true, maybe already when the run arrives."""
        ...

    def on_timer(self, run: Run) -> Move:
        """The wait is over; or, for a step that does not wait, what came with the run's late beginning has been heard."""
        ...

    def words(self) -> str:
        """The step for people."""
        ...


Parser = Callable[[dict[str, Any], str, str, Traits, str], Step]
"""(settings, step id, id of the following step, traits, where) to a step."""


class StepBase(msgspec.Struct, frozen=True):
    """What most steps do not do."""

    id: str
    next: str

    def targets(self) -> tuple[str, ...]:
        return (self.next,)

    def listens(self) -> tuple[str, ...]:
        return ()

    def awaits(self) -> tuple[Awaited, ...]:
        return ()

    def rules(self) -> tuple[Condition, ...]:
        return tuple(one.rule for one in self.awaits() if one.rule is not None)

    def on_event(self, run: Run, event: Event) -> Move | None:  # noqa: ARG002 - it listens to nothing
        return None

    def on_rule(self, run: Run, index: int) -> Move:
        raise NotImplementedError  # nobody asks one that has no ways

    def on_timer(self, run: Run) -> Move:  # noqa: ARG002 - it sets no timer, so it was put off
        return Move("waited for what else was known at that instant", goto=self.id)


def text(raw: dict[str, Any], name: str, where: str, default: str | None = None) -> str:
    """A setting that must be a non-empty text."""
    value = raw.get(name, default)
    if not isinstance(value, str) or not value:
        raise DefinitionError(where, f"needs `{name}`", got=value, wanted="a text")
    return value
