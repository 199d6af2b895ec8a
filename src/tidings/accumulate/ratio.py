"""ratio: one computed trait divided by another; unknown when one is, or is no number, or the second is 0."""

from __future__ import annotations

from typing import Any, ClassVar

from tidings.accumulate.decayed_sum import DecayedSum
from tidings.accumulate.derived import Derived, two
from tidings.accumulate.reading import Named, Reading
from tidings.domain import schema
from tidings.domain.sql import double
from tidings.errors import DefinitionError


class Ratio(Derived, frozen=True):
    """`one` divided by `other`."""

    kind: ClassVar[str] = "ratio"

    def of(self, one: Any, other: Any) -> float | None:
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (one, other))
        return float(one) / float(other) if numbers and other else None

    def of_sql(self, one: str, other: str) -> str:
        numbers = " AND ".join(f"json_type({value}) IN ('UBIGINT', 'BIGINT', 'DOUBLE')" for value in (one, other))
        above, below = f"TRY_CAST({one} AS DOUBLE)", f"TRY_CAST({other} AS DOUBLE)"
        return f"CASE WHEN {numbers} AND {below} != {double(0)} THEN to_json({above} / {below}) END"


SCHEMA = schema.settings({**dict.fromkeys(("of", "per"), schema.TRAIT), "description": schema.SENTENCE}, ["of", "per"])


def parse(raw: Any, known: Named, where: str) -> Reading:
    one, other = two(raw, ("of", "per"), known, where)
    for setting, reading in (("of", one), ("per", other)):
        if isinstance(getattr(reading, "accumulator", None), DecayedSum):
            raise DefinitionError(
                f"{where}.{setting}", "a decayed_sum changes at every instant, so this would too", do="name another"
            )
    return Ratio(one, other)
