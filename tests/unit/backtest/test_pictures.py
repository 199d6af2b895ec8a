"""The report's pictures: paths and bars stay in their frames, days without anything are drawn as none."""

from __future__ import annotations

from tidings.backtest import charts
from tidings.backtest.flow import flow
from tidings.backtest.result import JourneyResult, StepResult
from tidings.backtest.show import blocks


def test_days_in_between_are_drawn_as_none() -> None:
    chart = charts.days({"2026-02-27": 4, "2026-03-02": 2})
    assert [bar.title for bar in chart.bars] == ["2026-02-27: 4", "2026-02-28: 0", "2026-03-01: 0", "2026-03-02: 2"]
    assert chart.axis == ["2026-02-27", "2026-03-01", "2026-03-02"]
    assert all(0 <= bar.y <= charts.HEIGHT and bar.x + bar.width <= charts.WIDTH for bar in chart.bars)


def test_one_day_alone_is_a_bar_and_no_wall() -> None:
    (bar,) = charts.days({"2026-02-27": 4}).bars
    assert bar.width == charts.MAX_BAR
    assert bar.x + bar.width / 2 == charts.WIDTH / 2


def test_two_versions_are_lines_over_the_same_days() -> None:
    chart = charts.days({"2026-03-01": 4}, {"2026-03-03": 8})
    assert not chart.bars
    assert chart.line.count("L") == chart.other.count("L") == 2
    assert chart.most == 8


def test_nothing_is_drawn_of_nothing() -> None:
    chart = charts.days({})
    assert (chart.bars, chart.line, chart.axis) == ([], "", [])
    assert blocks([]) == ""


def test_a_journey_is_drawn_with_all_its_ways() -> None:
    steps = [
        StepResult(
            step="wait", kind="wait", words="Wait 5m", arrived=10, ways={"send": 6, "done": 3}, left=0, waiting=1
        ),
        StepResult(step="send", kind="send", words="Send x", arrived=6, ways={"wait": 1, "done": 5}, left=0, waiting=0),
        StepResult(
            step="done", kind="exit", words="Exit: " + "long " * 30, arrived=8, ways={"exit": 8}, left=0, waiting=0
        ),
    ]
    journey = JourneyResult(
        journey="j",
        version="v",
        entry="e",
        started=9,
        first="",
        last="",
        per_day={},
        per_hour=[0] * 24,
        steps=steps,
        outcomes={},
    )
    picture = flow(journey)
    assert [node.beside for node in picture.nodes] == ["1 still here", "", ""]
    assert [way.label for way in picture.ways] == ["6 · 67%", "3 · 33%", "1 · 17%", "5 · 83%"]
    assert max(len(node.words) for node in picture.nodes) <= 50


def test_blocks_are_as_high_as_numbers() -> None:
    assert blocks([0, 7]) == "▁█"
