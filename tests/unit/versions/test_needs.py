"""What definitions need and the history never had."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.core import definitions
from tidings.lake.duck import open_duck, run
from tidings.versions.needs import missing

BY_DAY = """\
entry: {event: Go}
steps:
  - {id: by_day, branch: {if: {local_time: {from: "09:00", to: "17:00"}}, else: over}}
  - {id: over, exit: done}
"""


@pytest.mark.parametrize(
    ("traits", "context", "needed"),
    [
        ("{}", "{}", ["timezone"]),
        ("{}", '{"timezone": 7}', ["timezone"]),
        ('{"timezone": "Europe/London"}', "{}", []),
        ("{}", '{"timezone": "Europe/London"}', []),  # where SDKs put it
    ],
)
def test_a_time_zone_may_be_given_where_sdks_put_it(
    traits: str, context: str, needed: list[str], tmp_path: Path
) -> None:
    what = definitions(tmp_path, by_day=BY_DAY)
    with closing(open_duck(memory_mb=128, threads=1, spill=None)) as lake:
        run(
            lake,
            "CREATE TABLE events (name VARCHAR, kind VARCHAR, traits VARCHAR, context VARCHAR, properties VARCHAR)",
        )
        run(lake, "INSERT INTO events VALUES ('Identify', 'identify', $1, $2, '{}')", [traits, context])
        assert [one.name for one in missing(lake, what, ()) if one.kind == "trait"] == needed


LOOKED = """\
entry: {event: Go}
steps:
  - {id: write, send: {template: welcome, category: transactional}}
  - {id: read, wait_until: {message: write, is: [opened], timeout: 5d, on_event: over}}
  - {id: over, exit: done}
"""


def test_what_becomes_of_our_own_mails_is_not_missed(tmp_path: Path) -> None:
    with closing(open_duck(memory_mb=128, threads=1, spill=None)) as lake:
        run(
            lake,
            "CREATE TABLE events (name VARCHAR, kind VARCHAR, traits VARCHAR, context VARCHAR, properties VARCHAR)",
        )
        found = missing(lake, definitions(tmp_path, looked=LOOKED), ())
    assert [one.name for one in found if one.kind == "event"] == ["Go"]
