"""score: she is in certain bands of a score (`bands.py`): by how recently, how often, for how much.

``{score: value, recency: [4, 5], monetary: 5}``: each dimension that is given is in one of its bands. Who has no band, because the
trait is unknown or no cut points are made yet, is in none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from tidings.accumulate.base import NEVER
from tidings.domain import schema
from tidings.domain.compare import Comparison
from tidings.domain.profile import ProfileState
from tidings.domain.sql import Query, instant_sql
from tidings.errors import DefinitionError
from tidings.rules import age, sql
from tidings.rules.bands import DIMENSIONS, MOST_BANDS, Dimension
from tidings.rules.base import Condition, Traits, Verdict, earliest
from tidings.rules.form import Form, Setting

_BAND = schema.whole(1, MOST_BANDS)
_BANDS = {"anyOf": [_BAND, {"type": "array", "items": _BAND, "minItems": 1}]}
FORM = Form(
    tuple(Setting(name, _BANDS) for name in DIMENSIONS),
    value={"description": "A score of scores.yml.", **schema.NAME},
    more={"minProperties": 2},
)
"""``score value recency [4, 5] monetary 5``."""


class Wanted(msgspec.Struct, frozen=True):
    """One dimension with the bands that will do."""

    dimension: Dimension
    bands: frozenset[int]

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        value = self.dimension.reading.read(state.values, at_us)
        holds = self.dimension.band(value, at_us) in self.bands
        turns = self.dimension.turns(value, at_us)
        turn = next((one for one in turns if (self.dimension.band(value, one) in self.bands) is not holds), NEVER)
        return Verdict(holds, turn)

    def words(self) -> str:
        chosen = " or ".join(map(str, sorted(self.bands)))
        return f"{self.dimension.name} is {chosen} of {self.dimension.bands}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        one = self.dimension
        value = one.reading.read(state.values, at_us)
        band = one.band(value, at_us)
        if not band:
            return f"{one.name} has no band" + ("" if one.cuts else ", as no cut points are made")
        low, high = one.limits(band)
        between = f"{one.shown(low) if low is not None else '…'} to {one.shown(high) if high is not None else '…'}"
        return (
            f"{one.name} is {band}: {between}, as {one.trait} is {age.shown(value) if one.reading.instant else value}"
        )

    def sql(self, query: Query) -> str:
        tests = [self._in_band(query, band) for band in sorted(self.bands)] if self.dimension.cuts else []
        return sql.chosen(self.dimension.reading.sql(query), " OR ".join(tests) or "false")

    def _in_band(self, query: Query, band: int) -> str:
        low, high = self.dimension.limits(band)
        if self.dimension.name == "recency":
            instant, at_us = instant_sql("value"), query.at_us
            tests = [f"{instant} <= {at_us - int(low or 0)}"]
            tests += [f"{instant} > {at_us - int(high)}"] if high is not None else []
            return f"COALESCE({' AND '.join(tests)}, false)"
        bounds = [("more_than", low), ("at_most", high)]
        number = "json_type(value) IN ('UBIGINT', 'BIGINT', 'DOUBLE')"
        return f"({' AND '.join([number, *(sql.test('value', Comparison(word, cut)) for word, cut in bounds if cut is not None)])})"


class ScoreCondition(msgspec.Struct, frozen=True):
    """All dimensions that are given are in a band that will do."""

    name: str
    as_of: str
    wanted: tuple[Wanted, ...]

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        verdicts = [one.judge(state, at_us) for one in self.wanted]
        next_us = NEVER
        for one in verdicts:
            next_us = earliest(next_us, one.next_us)
        return Verdict(all(one.holds for one in verdicts), next_us)

    def reads(self) -> Iterator[str]:
        yield from (f"slot:{slot}" for one in self.wanted for slot in one.dimension.reading.slots)

    def words(self) -> str:
        return f"in the score {self.name}, {' and '.join(one.words() for one in self.wanted)}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        own = "; ".join(one.explain(state, at_us) for one in self.wanted)
        made = f"; cut points of {self.as_of}" if self.as_of else ""
        return f"{self.words()}: {'yes' if self.judge(state, at_us).holds else 'no'} ({own}{made})"

    def sql(self, query: Query) -> str:
        return sql.together("INTERSECT", [one.sql(query) for one in self.wanted])


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    score = traits.score(raw["score"], f"{where}.score")
    given = {name: value for name, value in raw.items() if name != "score"}
    if not given:
        raise DefinitionError(where, "needs bands", wanted=f"one or more of {', '.join(score.dimensions)}")
    wanted = []
    for name, value in given.items():
        if name not in score.dimensions:
            problem = f"the score {score.name} has no such dimension"
            raise DefinitionError(where, problem, got=name, wanted=", ".join(score.dimensions))
        bands = value if isinstance(value, list) else [value]
        if not bands or not all(type(one) is int and 1 <= one <= score.bands for one in bands):
            raise DefinitionError(
                f"{where}.{name}", "no bands", got=value, wanted=f"1 to {score.bands}, or a list of such"
            )
        if len(set(bands)) == score.bands:
            raise DefinitionError(f"{where}.{name}", "always holds: that is every band", do="leave it out")
        wanted.append(Wanted(score.dimensions[name], frozenset(bands)))
    return ScoreCondition(score.name, score.as_of, tuple(sorted(wanted, key=lambda one: one.dimension.name)))
