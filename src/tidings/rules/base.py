"""The contract of a condition, and what a condition may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from tidings.accumulate.base import NEVER, Accumulator
from tidings.accumulate.reading import Reading
from tidings.domain.profile import ProfileState
from tidings.domain.sql import Query
from tidings.rules.bands import Score

if TYPE_CHECKING:
    from tidings.rules.send_times import SendTimes

__all__ = ["NEVER", "NO", "YES", "Condition", "Parser", "Reading", "Traits", "Verdict", "earliest"]


class Verdict(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a condition says at an instant."""

    holds: bool
    """Whether it is true."""
    next_us: int = NEVER
    """The next instant at which it can change by time alone; `NEVER` if it cannot."""


YES = Verdict(True)
NO = Verdict(False)


class Traits(Protocol):
    """What the workspace knows by name; conditions are bound to it once, at load."""

    def slot(self, accumulator: Accumulator) -> int:
        """Where in `ProfileState.values` this accumulator is kept; adds it when new."""
        ...

    def computed(self, name: str) -> Reading | None:
        """A computed trait; None when there is none of that name."""
        ...

    def score(self, name: Any, where: str) -> Score:
        """A score. Raises DefinitionError when there is none of that name."""
        ...

    @property
    def zone(self) -> str:
        """The time zone of whoever has none."""
        ...

    @property
    def send_times(self) -> SendTimes:
        """When everybody engages with mail."""
        ...

    def inside(self, segment: str, where: str) -> AbstractContextManager[Any]:
        """The rule of a segment, as written, for as long as it is being read. Raises DefinitionError when there is none of
        that name, when segments name each other in a circle, or when a rule takes in too many.
        """
        ...


class Condition(Protocol):
    """One testable statement about a person."""

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        """Whether it holds for this state at this instant, and when that can next change."""
        ...

    def reads(self) -> Iterator[str]:
        """What it depends on: ``slot:3``, ``trait:plan``. It is judged again only when one of these changed."""
        ...

    def words(self) -> str:
        """The condition for people: ``did Order Completed at least once within 30d``."""
        ...

    def explain(self, state: ProfileState, at_us: int) -> str:
        """The condition with this person's own values."""
        ...

    def sql(self, query: Query) -> str:
        """SELECT the `profile_id` of everybody for whom it holds at `query.at_us`: what law 4 compares with `judge`."""
        ...


Parser = Callable[[dict[str, Any], Traits, str], Condition]


def earliest(one_us: int, other_us: int) -> int:
    """The earlier of two next instants, where `NEVER` is no instant."""
    if NEVER in (one_us, other_us):
        return one_us or other_us
    return min(one_us, other_us)
