"""Scores: people in bands by how recently, how often and for how much they bought (recency, frequency, monetary).

A score says which computed traits it looks at; its *cut points* say where a band ends and the next begins. They are made from
the people that there are (`hosts/cuts.py`), dated, and part of the definitions like any file: a score changes only when they do,
or when she does, or when time passes. The highest band is the best: the latest, the most often, the most.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.accumulate.count import Count
from tidings.accumulate.reading import Named, Reading, Single
from tidings.clock import format_duration, parse_duration
from tidings.domain import schema
from tidings.domain.filter import EventFilter
from tidings.domain.instants import instant_of
from tidings.domain.names import known
from tidings.errors import DefinitionError

DIMENSIONS = ("recency", "frequency", "monetary")
MOST_BANDS = 10
USUAL_BANDS = 5
_FILE_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}", re.ASCII)
_NAME = {"description": "A computed trait.", **schema.NAME}
SCHEMA = schema.named(
    schema.settings(
        {
            **dict.fromkeys(DIMENSIONS, _NAME),
            "bands": schema.whole(2, MOST_BANDS),
            "label": schema.SENTENCE,
            "description": schema.SENTENCE,
        }
    )
)
"""The JSON Schema of scores.yml."""


class Dimension(msgspec.Struct, frozen=True):
    """One of the three."""

    name: str
    trait: str
    reading: Reading
    bands: int
    cuts: tuple[float, ...]
    """Ascending, one fewer than there are bands: ages in microseconds for recency, else values. Empty before they are made."""

    def band(self, value: Any, at_us: int) -> int:
        """The band of what was read, from 1 up; 0 when it is unknown, or there are no cut points."""
        number = self._number(value, at_us)
        if number is None or not self.cuts:
            return 0
        if self.name == "recency":  # an age: what is just as old as the cut is beyond it, as with `within`
            return self.bands - bisect_right(self.cuts, number)
        return 1 + bisect_left(self.cuts, number)

    def turns(self, value: Any, at_us: int) -> Sequence[int]:
        """Instants after `at_us` at which the band falls by time alone, in order."""
        instant_us = instant_of(value) if self.name == "recency" else None
        if instant_us is None:
            return ()
        return [turn for cut in self.cuts if (turn := instant_us + int(cut)) > at_us]

    def _number(self, value: Any, at_us: int) -> float | None:
        if self.name == "recency":
            instant_us = instant_of(value)
            return None if instant_us is None or instant_us > at_us else at_us - instant_us
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None

    def limits(self, band: int) -> tuple[float | None, float | None]:
        """Between which values a band lies; None where it is open. Ages: from (inclusive) to (exclusive). Values: above the first, up to the second."""
        index = self.bands - band if self.name == "recency" else band - 1
        return (self.cuts[index - 1] if index else None), (self.cuts[index] if index < len(self.cuts) else None)

    def shown(self, cut: float) -> str:
        """A cut point for people."""
        return format_duration(int(cut)) if self.name == "recency" else f"{cut:,}"


class Score(msgspec.Struct, frozen=True):
    """One score with its cut points."""

    name: str
    bands: int
    dimensions: dict[str, Dimension]
    as_of: str
    """When the cut points were made; empty before that."""

    @classmethod
    def with_every_band(cls, name: str) -> Score:
        """A score of which nothing is known but its name, for rules that are looked at alone."""
        nothing = Single(0, Count(EventFilter(())))
        every = {one: Dimension(one, one, nothing, MOST_BANDS, ()) for one in DIMENSIONS}
        return cls(name, MOST_BANDS, every, "")


def parse(raw: Mapping[str, Any], cuts: Mapping[str, Any], traits: Named, where: str) -> dict[str, Score]:
    """All scores of `scores.yml`; `cuts` has the content of each score's file of cut points. Raises DefinitionError."""
    return {
        str(name): _score(str(name), one, cuts.get(str(name)), traits, f"{where}: {name}") for name, one in raw.items()
    }


def _score(name: str, raw: Any, cuts: Any, traits: Named, where: str) -> Score:
    if not _FILE_NAME.fullmatch(name):
        wanted = "letters, digits, _ and -, as it names a file too"
        raise DefinitionError(where, "no name for a score", got=name, wanted=wanted)
    if not isinstance(raw, dict) or not any(dimension in raw for dimension in DIMENSIONS):
        raise DefinitionError(where, "needs at least one of recency, frequency and monetary", got=raw)
    only(raw, {*DIMENSIONS, "bands", "label", "description"}, where)
    bands = raw.get("bands", USUAL_BANDS)
    if type(bands) is not int or not 2 <= bands <= MOST_BANDS:
        raise DefinitionError(f"{where}.bands", "out of range", got=bands, wanted=f"2 to {MOST_BANDS}")
    path = cuts_path(name)
    if cuts is not None and not isinstance(cuts, dict):
        raise DefinitionError(path, "needs cut points by dimension", got=cuts, do=f"make them: tidings cuts {name}")
    found = {
        dimension: _dimension(dimension, raw[dimension], bands, cuts, traits, (where, path))
        for dimension in DIMENSIONS
        if dimension in raw
    }
    return Score(name, bands, found, str((cuts or {}).get("as_of", "")))


def _dimension(
    name: str, trait: Any, bands: int, cuts: Mapping[str, Any] | None, traits: Named, paths: tuple[str, str]
) -> Dimension:
    where = f"{paths[0]}.{name}"
    reading = traits.computed(trait) if isinstance(trait, str) else None
    if reading is None:
        raise DefinitionError(where, "needs the name of a computed trait", got=trait, do="define it in traits.yml")
    if reading.instant is not (name == "recency"):
        needed = "an instant (`first` or `last` without `property`)" if name == "recency" else "a number"
        raise DefinitionError(where, f"needs a computed trait that is {needed}", got=trait)
    if not reading.timeless:
        raise DefinitionError(where, "needs a computed trait without a window", got=trait)
    found = _cuts(name, (cuts or {}).get(name), f"{paths[1]}: {name}") if cuts is not None else ()
    if cuts is not None and len(found) != bands - 1:
        problem = f"{bands} bands need {bands - 1} cut points"
        raise DefinitionError(f"{paths[1]}: {name}", problem, got=len(found), do="make them anew: tidings cuts")
    return Dimension(name, trait, reading, bands, found)


def _cuts(name: str, raw: Any, where: str) -> tuple[float, ...]:
    if not isinstance(raw, list):
        raise DefinitionError(where, "needs a list of cut points", got=raw, do="make them: tidings cuts")
    found = [_age(one, where) if name == "recency" else _number(one, where) for one in raw]
    if found != sorted(found):
        raise DefinitionError(where, "cut points must ascend", got=raw)
    return tuple(found)


def _age(raw: Any, where: str) -> float:
    try:
        return float(parse_duration(raw))
    except ValueError as error:
        raise DefinitionError(where, str(error)) from error


def _number(raw: Any, where: str) -> float:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise DefinitionError(where, "no number", got=raw)
    return raw


def cuts_path(name: str) -> str:
    """Where a score's cut points are in the workspace."""
    return f"cuts/{name}.yml"


def find(scores: Mapping[str, Score], name: Any, where: str) -> Score:
    """The score of this name. Raises DefinitionError, with the nearest name."""
    if not isinstance(name, str):
        raise DefinitionError(where, "needs the name of a score", got=name)
    known(name, scores, "score", where, "define it in scores.yml")
    return scores[name]
