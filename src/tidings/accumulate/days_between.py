"""days_between: whole days from one computed instant to another; negative when that came first."""

from __future__ import annotations

from typing import Any, ClassVar

from tidings.accumulate.derived import Derived, two
from tidings.accumulate.reading import Named, Reading
from tidings.clock import DAY_US
from tidings.domain import schema
from tidings.errors import DefinitionError


class DaysBetween(Derived, frozen=True):
    """From `one` to `other`."""

    kind: ClassVar[str] = "days_between"

    def of(self, one: Any, other: Any) -> int | None:
        if one is None or other is None:
            return None
        days: int = abs(other - one) // DAY_US
        return days if other >= one else -days

    def of_sql(self, one: str, other: str) -> str:
        span = f"(TRY_CAST({other} AS BIGINT) - TRY_CAST({one} AS BIGINT))"
        return f"to_json(sign({span})::BIGINT * (abs({span}) // {DAY_US}))"


SCHEMA = schema.settings(
    {**dict.fromkeys(("from", "to"), schema.TRAIT), "description": schema.SENTENCE}, ["from", "to"]
)


def parse(raw: Any, known: Named, where: str) -> Reading:
    one, other = two(raw, ("from", "to"), known, where)
    for setting, reading in (("from", one), ("to", other)):
        if not reading.instant:
            raise DefinitionError(
                f"{where}.{setting}", "needs a `first` or a `last` without `property`: an instant", got=reading.words()
            )
    return DaysBetween(one, other)
