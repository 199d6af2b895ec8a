"""decayed_sum: a total in which what lies a half-life back counts half, twice that a quarter, and so on.

Exact in any order: each amount is scaled to the beginning of the half-life that it falls in, an integer, and those of one
half-life are added. When one of them becomes the latest, those `KEPT` or more before it are forgotten: they count less
than a million-millionth. What is read is cut to millionths, so it does become 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log2
from typing import Any, ClassVar

import msgspec

from tidings.accumulate.base import NEVER, only, required_property
from tidings.accumulate.numbers import MILLIONTHS, amounts_sql, millionths, packed
from tidings.clock import format_duration, parse_duration
from tidings.domain import schema
from tidings.domain.compare import Comparison
from tidings.domain.event import Event
from tidings.domain.filter import EventFilter
from tidings.domain.instants import END_US
from tidings.domain.sql import Query
from tidings.errors import DefinitionError

KEPT = 40
"""Half-lives kept."""
_UNTIL_ZERO = 130
"""After so many half-lives no storable amount is left."""


class DecayedSum(msgspec.Struct, frozen=True):
    """Value: [[half-life's number, sum of its scaled amounts], …], sorted."""

    kind: ClassVar[str] = "decayed_sum"
    numeric: ClassVar[bool] = True
    timeless: ClassVar[bool] = False
    filter: EventFilter
    name: str
    half_us: int
    kept: int = KEPT
    """Half-lives kept; fewer in tests."""

    @property
    def instant(self) -> bool:
        """See `Accumulator.instant`."""
        return False

    @property
    def key(self) -> str:
        return f"decayed_sum:{format_duration(self.half_us)}:{self.name}:{self.filter.key()}"

    def fold(self, value: list[list[Any]] | None, event: Event) -> list[list[Any]] | None:
        amount = millionths(event.properties.get(self.name))
        if amount is None:
            return value
        number, into_us = divmod(event.occurred_us, self.half_us)
        new = [[number, round(amount * 2.0 ** (into_us / self.half_us))]]
        return new if value is None else self.merge(value, new)

    def merge(self, one: list[list[Any]], other: list[list[Any]]) -> list[list[Any]]:
        sums: dict[int, int] = {}
        for number, total in (*one, *other):
            sums[number] = sums.get(number, 0) + int(total)
        latest = max(sums)
        return [[number, packed(sums[number])] for number in sorted(sums) if number > latest - self.kept]

    def read(self, value: list[list[Any]] | None) -> float:
        return self.read_at(value, value[-1][0] * self.half_us) if value else 0.0

    def read_at(self, value: list[list[Any]] | None, at_us: int) -> float:
        return self._reader(value)(at_us)

    def _reader(self, value: list[list[Any]] | None) -> Callable[[int], float]:
        """What is read at an instant; by time alone it only ever comes nearer to 0."""
        if not value:
            return lambda _: 0.0
        latest = value[-1][0]
        total = sum(int(one) << (KEPT - latest + number) for number, one in value) / 2**KEPT
        since_us = latest * self.half_us
        return lambda at_us: int(total * 2.0 ** (-(at_us - since_us) / self.half_us)) / MILLIONTHS

    def next_us(self, value: list[list[Any]] | None, at_us: int, tests: Sequence[Comparison]) -> int:
        read = self._reader(value)
        now = abs(read(at_us))
        found = []
        for mark in {abs(one) for test in tests for one in _numbers(test.wanted)}:
            if now >= mark:
                near = self._near(now, mark, at_us)
                found.append(_first(lambda us, mark=mark: abs(read(us)) <= mark, at_us, near))  # type: ignore[misc]
                found.append(_first(lambda us, mark=mark: abs(read(us)) < mark, at_us, near))  # type: ignore[misc]
        return min(filter(None, found), default=NEVER)

    def _near(self, now: float, mark: float, at_us: int) -> tuple[int, int, int]:
        """Instants around the one at which it comes to a mark, and one at which all is over."""
        over_us = min(at_us + _UNTIL_ZERO * self.half_us, END_US - 1)
        mark = max(mark, 1 / MILLIONTHS)
        about_us = at_us + int(self.half_us * log2(max(now / mark, 1.0)))
        wide_us = int(self.half_us * 4e-6 / mark) + 10  # as long as it may show the same millionth
        return about_us - wide_us, about_us + wide_us, over_us

    def sql(self, query: Query) -> str:
        half = f"{self.half_us}::DOUBLE"
        number = f"((occurred_us - (occurred_us % {self.half_us} + {self.half_us}) % {self.half_us}) // {self.half_us})"
        into = f"((occurred_us % {self.half_us} + {self.half_us}) % {self.half_us})::DOUBLE"
        scaled = f"round_even(entry::DOUBLE * pow(2.0::DOUBLE, {into} / {half}), 0)::HUGEINT"
        rows = (
            f"SELECT *, max(number) OVER (PARTITION BY profile_id) AS latest FROM (SELECT profile_id, {number} AS number,"
            f" {scaled} AS scaled FROM ({amounts_sql(query, self.filter, self.name)}))"
        )
        total = f"sum(scaled * (1::HUGEINT << ({KEPT} - latest + number)::INTEGER))::DOUBLE / {2**KEPT}::DOUBLE"
        age = f"({query.at_us} - any_value(latest) * {self.half_us})::DOUBLE"
        now = f"trunc({total} * pow(2.0::DOUBLE, -{age} / {half}))"
        return (
            f"SELECT profile_id, to_json({now} / {MILLIONTHS}::DOUBLE) AS value FROM ({rows})"
            f" WHERE number > latest - {KEPT} GROUP BY profile_id"
        )


def _first(passed: Callable[[int], bool], at_us: int, near: tuple[int, int, int]) -> int:
    """The first instant after `at_us` at which it has come below a mark; `NEVER` if it has already or never will."""
    if passed(at_us) or not passed(near[2]):
        return NEVER
    low_us, high_us = at_us, near[2]
    for guess_us in near[:2]:
        if low_us < guess_us < high_us:
            low_us, high_us = (low_us, guess_us) if passed(guess_us) else (guess_us, high_us)
    while high_us - low_us > 1:
        middle_us = (low_us + high_us) // 2
        low_us, high_us = (low_us, middle_us) if passed(middle_us) else (middle_us, high_us)
    return high_us


def _numbers(wanted: Any) -> list[float]:
    """The numbers that a comparison compares with."""
    many = wanted if isinstance(wanted, list) else [wanted]
    return [one for one in many if isinstance(one, int | float) and not isinstance(one, bool)]


SCHEMA = schema.settings(
    {**schema.EVENTS, "property": schema.NAME, "half_life": schema.SPAN}, ["event", "property", "half_life"]
)


def parse(raw: Mapping[str, Any], events: EventFilter, where: str) -> DecayedSum:
    only(raw, {"event", "where", "property", "half_life", "description"}, where)
    try:
        half_us = parse_duration(raw.get("half_life", ""))
    except ValueError as error:
        raise DefinitionError(f"{where}.half_life", str(error)) from error
    return DecayedSum(events, required_property(raw, where), half_us)
