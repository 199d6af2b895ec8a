"""Cut points of scores, made from the people that there are: the ends of bands that hold equally many of them.

They are written into the workspace as a file with its date. Nothing runs by them until they are applied, like any other
definition; so a replay decides by the cut points that were in force, and a plan shows beforehand whom they move.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import yaml

from tidings import workspace
from tidings.clock import DAY_US, HOUR_US, format_duration, iso
from tidings.config import Config
from tidings.domain.sql import LAKE, Query, instant_sql
from tidings.errors import InputError
from tidings.hosts.asof import Asked
from tidings.lake import query
from tidings.lake.duck import run
from tidings.rules.bands import Dimension, Score, cuts_path, find

_ABOUT = """# Where the bands of the score "{name}" end, made of {people:,} people. Do not edit: `tidings cuts {name}` makes it anew.
# Nothing runs by it before `tidings apply`; `tidings plan` shows whom it moves.
"""
_NUMBER = "CASE WHEN json_type(value) IN ('UBIGINT', 'BIGINT', 'DOUBLE') THEN TRY_CAST(value AS DOUBLE) END"
"""A text of digits, or true, has no band."""


class Cuts(msgspec.Struct, frozen=True, kw_only=True):
    """The cut points of one score."""

    score: str
    as_of: str
    known_at: str
    people: int
    """Everybody of whom all its traits are known, and who did it at all (a frequency above 0)."""
    cuts: dict[str, list[Any]]
    """By dimension, ascending: spans for recency, numbers for the others."""


def make(config: Config, folder: Path, name: str, question: Asked) -> Cuts:
    """The cut points of a score of the workspace in `folder`, from the lake. Raises InputError when nobody has a band yet."""
    score = find(workspace.load(folder).layout.scores, name, "scores")
    asked = Query(question.at_us, question.known_us)
    with closing(query.connect(config.data, known_us=question.known_us)) as db:
        ((people, *ends),) = run(db, asked.statement(LAKE, _quantiles(score, asked)))
    if not people:
        msg = f"score {name!r}: nobody has all of {', '.join(_traits(score))} yet; import history, or wait for orders"
        raise InputError(msg)
    cuts = {one.name: _shown(one, found) for one, found in zip(score.dimensions.values(), ends, strict=True)}
    return Cuts(score=name, as_of=iso(question.at_us), known_at=iso(question.known_us), people=people, cuts=cuts)


def _traits(score: Score) -> list[str]:
    return [one.trait for one in score.dimensions.values()]


def _quantiles(score: Score, asked: Query) -> str:
    """SELECT the number of people, and a list of cut points for each dimension."""
    shares = ", ".join(f"{band / score.bands!r}" for band in range(1, score.bands))
    columns, tables = [], []
    for index, one in enumerate(score.dimensions.values()):
        columns.append(f"quantile_disc(value_{index}, [{shares}]) FILTER (complete)")
        number = f"{asked.at_us} - {instant_sql('value')}" if one.name == "recency" else _NUMBER
        tables.append(f"(SELECT profile_id, {number} AS value_{index} FROM ({one.reading.sql(asked)})) AS t{index}")
    joined = tables[0] + "".join(f" JOIN {table} USING (profile_id)" for table in tables[1:])
    tests = [
        f"value_{index} {'> 0' if one.name == 'frequency' else 'IS NOT NULL'}"
        for index, one in enumerate(score.dimensions.values())
    ]
    rows = f"SELECT *, COALESCE({' AND '.join(tests)}, false) AS complete FROM {joined}"
    return f"SELECT count(*) FILTER (complete), {', '.join(columns)} FROM ({rows})"


def _shown(dimension: Dimension, ends: list[float]) -> list[Any]:
    """As they are written: ages rounded up to whole days, or hours of the last two days; numbers that are whole without a point."""
    if dimension.name == "recency":
        return [format_duration(_rounded(int(one))) for one in ends]
    return [int(one) if one == int(one) else one for one in ends]


def _rounded(age_us: int) -> int:
    unit_us = DAY_US if age_us > 2 * DAY_US else HOUR_US
    return (age_us // unit_us + 1) * unit_us  # beyond the age: who is just that old is still in the band


def text_of(made: Cuts) -> str:
    """The file of cut points."""
    body: Mapping[str, Any] = {"as_of": made.as_of, "known_at": made.known_at, "people": made.people, **made.cuts}
    shown = yaml.safe_dump(dict(body), sort_keys=False, default_flow_style=None, width=110)
    return _ABOUT.format(name=made.score, people=made.people) + shown


def write(made: Cuts, folder: Path) -> Path:
    """Write it into the workspace; where."""
    path = folder / cuts_path(made.score)
    path.parent.mkdir(exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(text_of(made), "utf-8")
    fresh.replace(path)
    return path
