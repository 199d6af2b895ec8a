"""What a kind makes of the events from a fixed instant on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import msgspec

from tidings.accumulate.base import NEVER, Accumulator
from tidings.domain.compare import Comparison
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.sql import Query


class Since(msgspec.Struct, frozen=True):
    """Value: that of the kind."""

    timeless: ClassVar[bool] = True
    whole: Any
    """The kind; a `Timeless` one."""
    from_us: int

    @property
    def instant(self) -> bool:
        """See `Accumulator.instant`."""
        return bool(self.whole.instant)

    @property
    def filter(self) -> EventFilter:
        events: EventFilter = self.whole.filter
        return events

    @property
    def key(self) -> str:
        return f"since:{self.from_us}:{self.whole.key}"

    def fold(self, value: Any, event: Event) -> Any:
        return self.whole.fold(value, event) if event.occurred_us >= self.from_us else value

    def merge(self, one: Any, other: Any) -> Any:
        return self.whole.merge(one, other)

    def read(self, value: Any) -> Any:
        return self.whole.read(value)

    def read_at(self, value: Any, at_us: int) -> Any:  # noqa: ARG002 - only events change it
        return self.whole.read(value)

    def next_us(self, value: Any, at_us: int, tests: Sequence[Comparison]) -> int:  # noqa: ARG002 - see above
        return NEVER

    def sql(self, query: Query) -> str:
        whole: Accumulator = self.whole
        return whole.sql(query.since(self.from_us))
