"""When the recommender is trained again."""

from __future__ import annotations

import pytest

from tidings.hosts.retrain import PAUSE_S, Schedule

HOUR_S = 3_600.0


def due(rows: int, trained: int | None, *, age_s: float = 60.0, quiet: bool = True, now_s: float = 1.0) -> bool:
    return Schedule(HOUR_S, started_s=0.0).due(rows, trained, age_s, quiet=quiet, now_s=now_s)


def test_an_empty_lake_trains_nothing() -> None:
    assert not due(0, None, age_s=9 * HOUR_S, now_s=9 * HOUR_S)


def test_the_first_model_is_made_in_the_first_quiet_moment() -> None:
    assert due(1, None)
    assert not due(1, None, quiet=False)


@pytest.mark.parametrize(("rows", "wanted"), [(100, False), (101, False), (119, False), (120, True), (500, True)])
def test_a_lake_grown_by_a_fifth_makes_the_model_old(rows: int, wanted: bool) -> None:
    assert due(rows, 100) == wanted


def test_while_there_is_work_trainings_keep_a_distance() -> None:
    assert not due(500, 100, quiet=False, now_s=PAUSE_S - 1)
    assert due(500, 100, quiet=False, now_s=PAUSE_S)
    assert due(500, None, quiet=False, now_s=PAUSE_S)


def test_a_quiet_moment_is_used_for_a_little_growth_but_not_all_the_time() -> None:
    assert not due(103, 100, now_s=PAUSE_S - 1)
    assert due(103, 100, now_s=PAUSE_S)
    assert not due(101, 100, now_s=PAUSE_S)


def test_at_the_latest_after_its_time_if_there_is_anything_new() -> None:
    assert due(101, 100, age_s=HOUR_S)
    assert not due(100, 100, age_s=9 * HOUR_S)
    assert due(101, 100, age_s=HOUR_S, quiet=False, now_s=PAUSE_S)


def test_the_distance_counts_from_the_end_of_the_last_training() -> None:
    schedule = Schedule(HOUR_S, started_s=0.0)
    schedule.ended(100.0)
    assert not schedule.due(500, 100, 1.0, quiet=False, now_s=100 + PAUSE_S - 1)
    assert schedule.due(500, 100, 1.0, quiet=False, now_s=100 + PAUSE_S)
