"""When everybody opens and clicks: counted from the lake on disk, written into the workspace, and gone by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml
from click.testing import CliRunner

from tests.acceptance.test_as_of import Place, track, us
from tidings import workspace
from tidings.cli import main
from tidings.clock import iso
from tidings.testing.histories import call

HOUR_S, DAY_S = 3_600, 86_400
NOW, KNOWN = iso(us(8 * DAY_S)), iso(us(8 * DAY_S + 1))
ZONES = ("Europe/London", "America/New_York", "Asia/Kolkata", "No/Where")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    count = 0
    for number, zone in enumerate(ZONES):
        made.take(8 * DAY_S, call("identify", f"i{number}", us(0), user=f"u{number}", traits={"timezone": zone}))
        for day in range(5):
            count += 1
            made.take(8 * DAY_S, track(count, day * DAY_S + 7 * HOUR_S + number * 60, "Email Opened", f"u{number}"))
    made.take(8 * DAY_S, track(900, 5 * DAY_S, "Email Opened", "u0", machine=True))
    for number in range(60):  # only her latest fifty count
        made.take(8 * DAY_S, track(2_000 + number, 5 * DAY_S + number, "Email Link Clicked", "busy"))
    made.follow(8 * DAY_S + 1)
    yield made
    made.host.close()


def expected() -> list[int]:
    """By an independent look at each engagement."""
    week = [0] * 168
    seen = [
        (us(day * DAY_S + 7 * HOUR_S + number * 60), zone if number < 3 else "UTC")
        for number, zone in enumerate(ZONES)
        for day in range(5)
    ] + [(us(5 * DAY_S), "UTC")] * 50
    for at_us, zone in seen:
        local = datetime.fromtimestamp(at_us // 1_000_000, UTC).astimezone(ZoneInfo(zone))
        week[local.weekday() * 24 + local.hour] += 1
    return week


def test_it_is_counted_on_the_clocks_of_people_and_becomes_a_file_of_the_workspace(
    place: Place, tmp_path: Path
) -> None:
    folder = place.config.workspace
    arguments = ["send-times", "--as-of", NOW, "--known-at", KNOWN, "--config", str(tmp_path / "tidings.toml")]
    said = CliRunner().invoke(main, [*arguments, "--json"])
    assert json.loads(said.output)["week"] == expected()
    assert not (folder / "send_times.yml").exists()
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "of 70 engagements of 5 people" in done.output
    made = yaml.safe_load((folder / "send_times.yml").read_text())
    assert (made["people"], made["engagements"], made["as_of"]) == (5, 70, NOW)
    assert workspace.load(folder).layout.send_times.week == tuple(expected())


def test_nobody_who_engaged_is_said(place: Place, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["send-times", "--as-of", "2020-01-01", "--config", str(tmp_path / "tidings.toml")])
    assert done.exit_code == 2
    assert "nobody has opened or clicked a mail yet" in done.output
