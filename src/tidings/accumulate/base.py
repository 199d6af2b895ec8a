"""The contract of an accumulator, and the registry of kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.errors import DefinitionError


class Accumulator(Protocol):
    """What is remembered of a stream of events. Values are plain data (MessagePack), None = nothing seen yet."""

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


Parser = Callable[[Mapping[str, Any], EventFilter, str], Accumulator]


def only(raw: Mapping[str, Any], allowed: set[str], where: str) -> None:
    """Refuse unknown settings by name."""
    unknown = set(raw) - allowed
    if unknown:
        raise DefinitionError(where, "unknown setting", got=sorted(unknown)[0], wanted=", ".join(sorted(allowed)))


def required_property(raw: Mapping[str, Any], where: str) -> str:
    """The `property` setting, which this kind needs."""
    name = raw.get("property")
    if not isinstance(name, str) or not name:
        raise DefinitionError(where, "needs `property`: the name of an event property", got=name)
    return name
