"""The contract of a step: what it answers when a run arrives, when an event comes, when its time is over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec

from tidings.clock import parse_duration
from tidings.domain.event import Event
from tidings.domain.profile import ProfileState, Run
from tidings.errors import DefinitionError
from tidings.process.arms import Draw
from tidings.process.watch import Awaited
from tidings.rules.base import Condition, Traits

EXIT = "exit"
"""The step id that ends a run."""


class Draft(msgspec.Struct, frozen=True):
    """A message that a send step asks for; deciding makes an intent of it."""

    step: str
    template: str
    category: str
    value: float = 1.0
    """What it is worth, beside the messages of other journeys that want her at the same time."""
    bulk: bool = False
    """Whether it is one of a broadcast."""


class Answer(msgspec.Struct, frozen=True):
    """What became of a message that a step asked for."""

    outcome: str
    """A short sentence for the timeline."""
    until_us: int = 0
    """When it is not decided yet: the run stays, and asks again at this instant. Else 0."""


class Ask(msgspec.Struct, frozen=True):
    """Something that a step wants done outside the core. What comes of it comes back as an event of ours."""

    kind: str
    """``identify``, ``track`` (an event about her), or ``call`` (a webhook)."""
    name: str
    """Event name, or webhook; empty for identify."""
    values: dict[str, Any]
    """Traits, properties, or what the webhook is sent."""
    timeout_us: int
    """How long the run waits for it, from when we knew; 0 when it goes on at once."""


class Beginning(msgspec.Struct, frozen=True):
    """A run of another journey that a step wants."""

    journey: str
    item: dict[str, Any]
    """What the properties of the entering event are for it."""


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
    result: str = ""
    """A word for what came of the step, for those that go by it; kept in `Run.results`, see process/results.py."""
    draw: Draw | None = None
    """What was drawn, to be remembered."""
    hold: bool = False
    """Whether the run is held out from now on."""
    fork: Mapping[str, str] = {}
    """Paths to take at once, each with its first step; the run stays, and its lanes say when it goes on."""
    begin: Beginning | None = None
    """A run of another journey to begin before going on."""
    ask: Ask | None = None
    """Something wanted outside; the run waits for its event when `goto` is empty."""
    answer: dict[str, Any] | None = None
    """What came back, for later steps and templates; kept in `Run.answers`."""


class Step(Protocol):
    """One node of a journey."""

    @property
    def id(self) -> str:
        """Unique in its journey."""
        ...

    @property
    def kind(self) -> str:
        """How it is called in a journey: ``send`` or ``wait`` say."""
        ...

    def targets(self) -> tuple[str, ...]:
        """Step ids that it may go to."""
        ...

    def ways(self) -> tuple[tuple[str, str], ...]:
        """(label, step id) of each way out, as drawn for people."""
        ...

    def results(self) -> tuple[str, ...]:
        """Words for what may come of it; one may go on after a colon. None when nobody can go by it."""
        ...

    def asks(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """(step id, words) of each step that it goes by."""
        ...

    def answers(self) -> tuple[str, ...]:
        """Ids of steps whose webhook's answer it reads."""
        ...

    def rules(self) -> tuple[Condition, ...]:
        """Conditions that it judges."""
        ...

    def awaits(self) -> tuple[Awaited, ...]:
        """What a run waiting here waits for, beside messages; those that are rules are watched for it."""
        ...

    def listens(self) -> tuple[str, ...]:
        """Event names that a run waiting here must be told of."""
        ...

    def at_once(self) -> tuple[str, ...]:
        """Step ids, of `targets`, to which a run may go on without any time having passed here. Circles are not made of these."""
        ...

    def reaches_out(self) -> bool:
        """Whether it wants things done outside (`Move.ask`)."""
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

    @property
    def kind(self) -> str:
        return type(self).__module__.rpartition(".")[2]

    def targets(self) -> tuple[str, ...]:
        return (self.next,)

    def ways(self) -> tuple[tuple[str, str], ...]:
        return tuple(("", target) for target in self.targets())

    def results(self) -> tuple[str, ...]:
        return ()

    def asks(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        return ()

    def answers(self) -> tuple[str, ...]:
        return ()

    def rules(self) -> tuple[Condition, ...]:
        return tuple(one.rule for one in self.awaits() if one.rule is not None)

    def awaits(self) -> tuple[Awaited, ...]:
        return ()

    def listens(self) -> tuple[str, ...]:
        return ()

    def at_once(self) -> tuple[str, ...]:
        return self.targets()

    def reaches_out(self) -> bool:
        return False

    def on_event(self, run: Run, event: Event) -> Move | None:  # noqa: ARG002 - it listens to nothing
        return None

    def on_rule(self, run: Run, index: int) -> Move:
        raise NotImplementedError  # nobody asks one that awaits nothing

    def on_timer(self, run: Run) -> Move:  # noqa: ARG002 - it sets no timer, so it was put off
        return Move("waited for what else was known at that instant", goto=self.id)


def timeout(settings: Mapping[str, Any], path: str) -> int:
    """The `timeout` of what is waited for, in microseconds. Raises DefinitionError."""
    if "timeout" not in settings:
        raise DefinitionError(path, "needs `timeout`", wanted="how long to wait at most, such as 5m or 30d")
    try:
        return parse_duration(settings["timeout"])
    except ValueError as error:
        raise DefinitionError(f"{path}.timeout", str(error)) from error


def text(raw: dict[str, Any], name: str, where: str, default: str | None = None) -> str:
    """A setting that must be a non-empty text."""
    value = raw.get(name, default)
    if not isinstance(value, str) or not value:
        raise DefinitionError(where, f"needs `{name}`", got=value, wanted="a text")
    return value


def words_of(raw: Any, where: str) -> tuple[str, ...]:
    """A word or a list of words."""
    listed = [raw] if isinstance(raw, str) else raw
    if not isinstance(listed, list) or not listed or not all(isinstance(one, str) and one for one in listed):
        raise DefinitionError(where, "needs a word or a list of words", got=raw)
    return tuple(dict.fromkeys(listed))


def targets_of(step: Step) -> tuple[str, ...]:
    """Step ids that the ways out lead to, each once."""
    return tuple(dict.fromkeys(target for _, target in step.ways()))
