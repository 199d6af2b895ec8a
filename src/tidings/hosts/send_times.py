"""Counts when all people engage with mail, on their own clocks, and writes it into the workspace as a file with its date.

Nothing runs by it until it is applied, like any other definition. Counted are the latest engagements of each person, as many as the step
`send_time` looks at of one, so that a few who open everything do not outweigh all others.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import msgspec
import yaml

from tidings import workspace
from tidings.clock import MINUTE_US, iso
from tidings.config import Config
from tidings.domain.literals import as_text
from tidings.domain.sql import LAKE, Query
from tidings.domain.zones import zone_of
from tidings.errors import InputError
from tidings.hosts.asof import Asked
from tidings.lake import query
from tidings.lake.duck import run
from tidings.rules import sql
from tidings.rules.local_time import WEEKDAYS, ZONE_TRAIT
from tidings.rules.send_times import FILE, HOURS, LATEST, hour_of_week

_ABOUT = """# When people open and click, by hour on their own clocks: {engagements:,} engagements of {people:,} people.
# Do not edit: `tidings send-times` makes it anew. Nothing runs by it before `tidings apply`.
"""
_QUARTER_US = 15 * MINUTE_US
"""Clocks differ by whole quarters of an hour."""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """When everybody engages."""

    as_of: str
    known_at: str
    people: int
    """Who engaged at all."""
    engagements: int
    week: list[int]
    """By hour of the week; Monday, 00:00 to 01:00, is the first."""


def make(config: Config, folder: Path, question: Asked) -> Counted:
    """Count it, from the lake. Raises InputError when nobody has opened or clicked anything yet."""
    default = workspace.load(folder).layout.zone
    asked = Query(question.at_us, question.known_us)
    with closing(query.connect(config.data, known_us=question.known_us)) as db:
        rows = run(db, asked.statement(LAKE, _quarters(asked)))
        ((people,),) = run(db, asked.statement(LAKE, f"SELECT count(DISTINCT profile_id) FROM ({LATEST.rows(asked)})"))
    if not people:
        msg = "send-times: nobody has opened or clicked a mail yet; try again when some have"
        raise InputError(msg)
    week = [0] * HOURS * 7
    for named, quarter, count in rows:
        week[hour_of_week(quarter * _QUARTER_US, zone_of(named, default))] += count
    return Counted(
        as_of=iso(question.at_us), known_at=iso(question.known_us), people=people, engagements=sum(week), week=week
    )


def _quarters(asked: Query) -> str:
    """SELECT zone, quarter of an hour, count."""
    zones = f"SELECT profile_id, {as_text('value')} AS zone FROM ({sql.given(asked, ZONE_TRAIT)})"
    return (
        f"SELECT zone, occurred_us // {_QUARTER_US} AS quarter, count(*) FROM ({LATEST.rows(asked)}) AS latest"
        f" LEFT JOIN ({zones}) AS zones USING (profile_id) GROUP BY ALL ORDER BY ALL"
    )


def text_of(counted: Counted) -> str:
    """The file."""
    body = {
        "as_of": counted.as_of,
        "known_at": counted.known_at,
        "people": counted.people,
        "engagements": counted.engagements,
        **{day: counted.week[index * HOURS : (index + 1) * HOURS] for index, day in enumerate(WEEKDAYS)},
    }
    shown = yaml.safe_dump(body, sort_keys=False, default_flow_style=None, width=160)
    return _ABOUT.format(engagements=counted.engagements, people=counted.people) + shown


def write(counted: Counted, folder: Path) -> Path:
    """Write it into the workspace; where."""
    path = folder / FILE
    fresh = path.with_suffix(".new")
    fresh.write_text(text_of(counted), "utf-8")
    fresh.replace(path)
    return path
