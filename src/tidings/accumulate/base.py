"""The contract of an accumulator, and the registry of kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

import msgspec

from tidings.domain.compare import Comparison
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.names import nearest
from tidings.domain.sql import Query
from tidings.errors import DefinitionError

NEVER = 0
"""As a next instant: it cannot change by time alone."""


class Accumulator(Protocol):
    """What is remembered of a stream of events. Values are plain data (MessagePack), None = nothing seen yet."""

    timeless: ClassVar[bool]
    """Whether what is read is the same at every instant; then `read_at` and `next_us` are never asked."""

    @property
    def instant(self) -> bool:
        """Whether what is read is an instant in microseconds."""
        ...

    @property
    def filter(self) -> EventFilter:
        """Which events feed it."""
        ...

    @property
    def key(self) -> str:
        """Equal for accumulators that remember the same thing; state is kept under it across versions."""
        ...

    def fold(self, value: Any, event: Event) -> Any:
        """The value after one more event (which matches the filter). May reuse `value`."""
        ...

    def merge(self, one: Any, other: Any) -> Any:
        """The value of both sets of events together; neither is None."""
        ...

    def read(self, value: Any) -> Any:
        """What rules, templates and people see; None when nothing was seen."""
        ...

    def read_at(self, value: Any, at_us: int) -> Any:
        """The same at an instant: what passes with time is counted as of then."""
        ...

    def next_us(self, value: Any, at_us: int, tests: Sequence[Comparison]) -> int:
        """The next instant at which one of `tests` on `read_at` can turn by time alone; `NEVER` if none can."""
        ...

    def sql(self, query: Query) -> str:
        """SELECT ``profile_id, value``: what is read, as JSON. Who is not among them has what `read(None)` gives."""
        ...


class Timeless(msgspec.Struct, frozen=True):
    """What kinds have in common that only events change."""

    timeless: ClassVar[bool] = True

    @property
    def instant(self) -> bool:
        """See `Accumulator.instant`."""
        return False

    def read(self, value: Any) -> Any:
        raise NotImplementedError

    def read_at(self, value: Any, at_us: int) -> Any:  # noqa: ARG002 - the same at every instant
        return self.read(value)

    def next_us(self, value: Any, at_us: int, tests: Sequence[Comparison]) -> int:  # noqa: ARG002 - see above
        return NEVER


Parser = Callable[[Mapping[str, Any], EventFilter, str], Accumulator]


def only(raw: Mapping[str, Any], allowed: set[str], where: str) -> None:
    """Refuse unknown settings by name."""
    unknown = sorted(set(raw) - allowed)
    if unknown:
        near = nearest(unknown[0], allowed)
        do = f"did you mean {near}?" if near else ""
        raise DefinitionError(where, "unknown setting", got=unknown[0], wanted=", ".join(sorted(allowed)), do=do)


def required_property(raw: Mapping[str, Any], where: str) -> str:
    """The `property` setting, which this kind needs."""
    name = raw.get("property")
    if not isinstance(name, str) or not name:
        raise DefinitionError(where, "needs `property`: the name of an event property", got=name)
    return name
