"""Whom journeys that go by time would enter next, asked of a history: the same people as are entered then."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.core import definitions
from tidings.clock import iso, parse_instant
from tidings.lake.duck import open_duck, run
from tidings.versions.effect import look
from tidings.versions.entering import entering
from tidings.versions.needs import missing

NOW_US = parse_instant("2027-03-01T12:00Z")  # a Monday
TABLE = """CREATE TABLE events (profile VARCHAR, event_id VARCHAR, name VARCHAR, kind VARCHAR, occurred_at TIMESTAMP,
  received_at TIMESTAMP, properties VARCHAR, traits VARCHAR, context VARCHAR)"""
ROW = "INSERT INTO events VALUES ($1, $2, $3, $4, make_timestamp($5), make_timestamp($5), '{}', $6, '{}')"
SEGMENTS = "fans: {rule: {did: {event: Liked, within: 3d}}}"
STEPS = "steps: [{id: greet, send: {template: welcome, category: marketing}}]"


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ('{schedule: {at: "09:00", segment: fans}}', ("2027-03-02T09:00:00Z", 2)),
        ('{schedule: {at: "09:00", weekdays: [wed], segment: fans}}', ("2027-03-03T09:00:00Z", 1)),
        ('{schedule: {at: "09:00", zone: Asia/Tokyo, day_of_month: last, segment: fans}}', ("2027-03-31T00:00:00Z", 0)),
        ('{date: {trait: birthday, every: year, at: "09:00"}}', ("", 2)),
        ("{date: {trait: birthday, after: 30d, segment: fans}}", ("", 1)),
        ("[{event: Liked}, {segment: fans}]", None),
    ],
)
def test_it_says_when_and_how_many(entry: str, wanted: tuple[str, int] | None, tmp_path: Path) -> None:
    what = definitions(
        tmp_path, segments=SEGMENTS, jny=f"entry: {entry}\n{STEPS}", other=f"entry: {{event: A}}\n{STEPS}"
    )
    with closing(open_duck(memory_mb=128, threads=1, spill=None)) as lake:
        run(lake, TABLE)
        people = {
            "ann": ("2027-02-27T10:00Z", "1990-02-03"),
            "bob": ("2027-03-01T10:00Z", "soon"),
            "cid": ("2027-01-01T10:00Z", "1990-12-31"),
        }
        for who, (liked, birthday) in people.items():
            run(lake, ROW, [who, f"{who}1", "Liked", "track", parse_instant(liked), "{}"])
            run(
                lake,
                ROW,
                [who, f"{who}2", "Identify", "identify", parse_instant(liked), f'{{"birthday": "{birthday}"}}'],
            )
        found = entering(lake, what, ["jny"], look(lake, NOW_US))
        assert [one.kind for one in missing(lake, what, ()) if one.kind == "trait"] == []
    said = [(iso(one.next_us) if one.next_us else "", one.people) for one in found]
    assert said == ([] if wanted is None else [wanted])
    assert [one.sentence().split(",")[0] for one in found] == ["journey jny"] * len(said)


def test_a_date_that_nobody_ever_gave_is_named(tmp_path: Path) -> None:
    what = definitions(tmp_path, jny=f'entry: {{date: {{trait: brithday, every: year, at: "09:00"}}}}\n{STEPS}')
    with closing(open_duck(memory_mb=128, threads=1, spill=None)) as lake:
        run(lake, TABLE)
        run(lake, ROW, ["ann", "e", "Identify", "identify", NOW_US, '{"birthday": "1990-01-01"}'])
        (need,) = [one for one in missing(lake, what, ()) if one.kind == "trait"]
    assert (need.name, need.where, need.nearest) == ("brithday", "journey jny entry", "birthday")
