"""Two senders side by side: as many pairs as there can be, each message in one place."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest

from tidings.measure.beside import Apart, Send, apart, beside, days
from tidings.measure.report import plot, span

DAY_US = 86_400_000_000


def sends(*at: int, person: str = "ann") -> list[Send]:
    return [Send(person=person, at_us=one) for one in at]


def most_pairs(ours: list[int], theirs: list[int], within: int) -> int:
    """By trying every order."""
    best = 0
    for order in permutations(theirs):
        free = list(ours)
        pairs = 0
        for one in order:
            near = next((other for other in free if abs(other - one) <= within), None)
            if near is not None:
                free.remove(near)
                pairs += 1
        best = max(best, pairs)
    return best


@pytest.mark.parametrize("seed", range(60))
def test_it_pairs_as_many_as_can_be_paired_and_loses_none(seed: int) -> None:
    chance = Random(seed)
    ours = [chance.randrange(20) for _ in range(chance.randrange(5))]
    theirs = [chance.randrange(20) for _ in range(chance.randrange(5))]
    found = beside(sends(*ours), sends(*theirs), 3)
    assert len(found.both) == most_pairs(ours, theirs, 3)
    assert sorted([*(p.ours.at_us for p in found.both), *(o.at_us for o in found.only_ours)]) == sorted(ours)
    assert sorted([*(p.theirs.at_us for p in found.both), *(o.at_us for o in found.only_theirs)]) == sorted(theirs)
    assert all(abs(pair.later_us) <= 3 for pair in found.both)


def test_people_are_never_mixed_up() -> None:
    found = beside(sends(1), sends(1, person="bob"), 10)
    assert (found.both, len(found.only_ours), len(found.only_theirs)) == ([], 1, 1)


def test_how_far_apart_is_told_by_median_and_by_95_in_100() -> None:
    ours = [one for number in range(100) for one in sends(0, person=str(number))]
    theirs = [one for number in range(100) for one in sends(number, person=str(number))]
    found = apart(beside(ours, theirs, 100).both)
    assert (found.median_us, found.p95_us, found.most_us) == (50, 94, 99)
    assert apart([]) == Apart()


def test_days_are_complete_and_stacked() -> None:
    found = beside(sends(0, 5 * DAY_US), sends(1, 9 * DAY_US), 10)
    by_day = days(found)
    assert [(one.day, one.both, one.only_ours, one.only_theirs) for one in by_day] == [
        ("1970-01-01", 1, 0, 0), ("1970-01-06", 0, 1, 0), ("1970-01-10", 0, 0, 1),
    ]  # fmt: skip
    drawn = plot(by_day)
    assert [bar.kind for bar in drawn.bars] == ["both", "only_ours", "only_theirs"]
    assert drawn.axis == ["1970-01-01", "1970-01-06", "1970-01-10"]
    assert plot([]).bars == []
    assert (span(-90_000_000), span(0)) == ("-90s", "0s")
