"""The contract of an act, and of the world that it is played in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import msgspec

from tidings.clock import parse_duration
from tidings.domain.message import SendIntent
from tidings.domain.profile import Run
from tidings.errors import DefinitionError

NOW = "0s"
"""A span of nothing, which `parse_duration` does not take."""
JOURNEY, SEGMENT, TEMPLATE, TRAIT = "journey", "segment", "template", "trait"
"""What a test may name of the workspace."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody made up."""

    name: str
    """Also her user id."""
    traits: Mapping[str, Any]
    """As given by an identify call when the test begins; `email` and `timezone` among them."""
    consents: tuple[str, ...] | None
    """Categories that she agreed to; None for all of them."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """A run that is over."""

    journey: str
    outcome: str
    at_us: int


class World(Protocol):
    """Where a test is played."""

    @property
    def start_us(self) -> int:
        """When it began."""
        ...

    @property
    def now_us(self) -> int:
        """What its clock shows."""
        ...

    def call(
        self, who: str, body: Mapping[str, Any], *, device: str = "", known: bool = True, late_us: int = 0
    ) -> None:
        """A call of hers comes in now; it happened `late_us` ago. `known`: it has her user id."""
        ...

    def say(self, kind: str, body: Mapping[str, Any]) -> None:
        """The shop says something of this kind of record, now."""
        ...

    def start(self, who: str, journey: str, properties: Mapping[str, Any]) -> None:
        """The shop's own system begins a run of hers now."""
        ...

    def pass_to(self, at_us: int) -> None:
        """Time passes; whatever is due on the way happens at its instant."""
        ...

    def messages(self, who: str) -> list[SendIntent]:
        """Every decision on a message to her so far, by instant."""
        ...

    def expect(self, message_id: str) -> None:
        """This message was expected; it is not looked for again."""
        ...

    def expected(self, message_id: str) -> bool:
        """Whether it was."""
        ...

    def runs(self, who: str) -> list[Run]:
        """Her runs that are under way."""
        ...

    def ended(self, who: str) -> list[Ended]:
        """Her runs that are over, the latest last."""
        ...

    def segments(self, who: str) -> list[str]:
        """Segments that she is in."""
        ...

    def trait(self, who: str, name: str) -> Any:
        """A given or computed trait; None when unknown."""
        ...


class Act(Protocol):
    """One thing that happens, or is expected."""

    @property
    def when(self) -> When:
        """When."""
        ...

    def play(self, world: World) -> str:
        """Let it happen; what is otherwise than expected, as a sentence, else empty."""
        ...

    def names(self) -> Iterator[tuple[str, str]]:
        """(kind, name) of what it names of the workspace."""
        ...


class When(msgspec.Struct, frozen=True, kw_only=True):
    """Whose act it is, and when it comes."""

    who: str
    """Name of the person."""
    at_us: int = -1
    """So long after the beginning; -1 when it is not said."""
    after_us: int = 0
    """So long after the act before."""

    def instant(self, world: World) -> int:
        """The instant."""
        return world.start_us + self.at_us if self.at_us >= 0 else world.now_us + self.after_us


Parser = Callable[[Any, Mapping[str, Any], When, str], Act]
"""(what stands under its name, what stands beside it, when, where) to an act. Raises DefinitionError."""


class ActBase(msgspec.Struct, frozen=True):
    """What most acts do not do."""

    when: When

    def names(self) -> Iterator[tuple[str, str]]:
        yield from ()


def span(raw: Any, where: str) -> int:
    """A span such as ``5m``; also ``0s``. Raises DefinitionError."""
    if raw == NOW:
        return 0
    try:
        return parse_duration(raw)
    except ValueError as error:
        raise DefinitionError(where, str(error)) from error


def name_of(raw: Any, where: str, what: str) -> str:
    """A name. Raises DefinitionError."""
    if not isinstance(raw, str) or not raw:
        raise DefinitionError(where, f"needs {what}", got=raw, wanted="a name")
    return raw
