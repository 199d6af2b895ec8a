"""Cut points of a score, from the lake on disk into the workspace, and what changes when they are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from tests.acceptance.test_as_of import Place, track, us
from tidings import workspace
from tidings.cli import main
from tidings.clock import iso
from tidings.hosts.check import check_workspace

DAY_S = 86_400
NOW, KNOWN = iso(us(8 * DAY_S)), iso(us(8 * DAY_S + 1))
TRAITS = """
last_order: {last: {event: Order Completed}}
orders: {count: {event: Order Completed}}
revenue: {sum: {event: Order Completed, property: revenue}}
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    (made.config.workspace / "traits.yml").write_text(TRAITS)
    (made.config.workspace / "segments.yml").write_text("best: {rule: {score: value, recency: 4, monetary: [3, 4]}}\n")
    scores = "value: {recency: last_order, frequency: orders, monetary: revenue, bands: 4}\n"
    (made.config.workspace / "scores.yml").write_text(scores)
    for number in range(8):  # the first ordered once, 7 days ago, for 10; the last 8 times, today, for 80 altogether
        for time in range(number + 1):
            at_s = number * DAY_S - time
            made.take(8 * DAY_S, track(number * 10 + time, at_s, "Order Completed", f"u{number}", revenue=10))
    made.take(8 * DAY_S, track(900, 8 * DAY_S, "Page Seen", "nobody"))
    made.follow(8 * DAY_S + 1)
    yield made
    made.host.close()


def test_cut_points_hold_equally_many_people_and_are_a_file_of_the_workspace(place: Place, tmp_path: Path) -> None:
    folder = place.config.workspace
    before = workspace.load(folder).layout.layout_id
    arguments = ["cuts", "value", "--as-of", NOW, "--known-at", KNOWN, "--config", str(tmp_path / "tidings.toml")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 0, done.output
    assert "of 8 people" in done.output
    made = yaml.safe_load((folder / "cuts" / "value.yml").read_text())
    assert made["people"] == 8
    assert made["frequency"] == [2, 4, 6]
    assert made["monetary"] == [20, 40, 60]
    assert made["recency"] == ["49h", "5d", "1w"]
    after = workspace.load(folder)
    assert after.layout.layout_id != before, "everybody is judged anew by other cut points"
    assert "recency is 4 of 4" in after.segments.by_name["best"].rule.words()


def test_a_score_of_which_nobody_has_a_value_is_said(place: Place, tmp_path: Path) -> None:
    arguments = ["cuts", "value", "--as-of", "2020-01-01", "--config", str(tmp_path / "tidings.toml")]
    done = CliRunner().invoke(main, arguments)
    assert done.exit_code == 2
    assert "nobody has all of last_order, orders, revenue yet" in done.output
    wrong = CliRunner().invoke(main, ["cuts", "valu", *arguments[2:]])
    assert "did you mean value?" in wrong.output
    assert not (place.config.workspace / "cuts").exists()


def test_who_has_no_band_has_no_say(tmp_path: Path) -> None:
    place = Place(tmp_path)
    folder = place.config.workspace
    (folder / "traits.yml").write_text("worth: {last: {event: Order Completed, property: revenue}}\n")
    (folder / "scores.yml").write_text("value: {monetary: worth, bands: 3}\n")
    (folder / "segments.yml").write_text("best: {rule: {score: value, monetary: 3}}\n")
    for number, revenue in enumerate(["12", "13", True, 5, 7, 9]):
        place.take(1, track(number, 0, "Order Completed", f"u{number}", revenue=revenue))
    place.follow(2)
    arguments = ["cuts", "value", "--as-of", NOW, "--known-at", KNOWN, "--config", str(tmp_path / "tidings.toml")]
    assert "of 3 people" in CliRunner().invoke(main, arguments).output
    assert yaml.safe_load((folder / "cuts" / "value.yml").read_text())["monetary"] == [5, 7]
    place.host.close()


def test_a_score_without_cut_points_and_cut_points_without_a_score_are_noted(tmp_path: Path) -> None:
    (tmp_path / "traits.yml").write_text(TRAITS)
    (tmp_path / "scores.yml").write_text("value: {monetary: revenue}\n")
    (tmp_path / "segments.yml").write_text("best: {rule: {score: value, monetary: 5}}\n")
    (tmp_path / "cuts").mkdir()
    (tmp_path / "cuts" / "valeu.yml").write_text("monetary: [1, 2, 3, 4]\n")
    assert check_workspace(tmp_path, workspace.load(tmp_path)) == [
        "scores.yml:1: value: no cut points yet, so nobody is in a band; make them: tidings cuts value",
        "cuts/valeu.yml: there is no such score; did you mean value?",
    ]
    (tmp_path / "cuts" / "valeu.yml").rename(tmp_path / "cuts" / "value.yml")
    assert check_workspace(tmp_path, workspace.load(tmp_path)) == []
