"""What is left of a window, taken away one by one, is what is made anew of the rest."""

from __future__ import annotations

from random import Random

import pytest

from tidings.accumulate.average import Average
from tidings.accumulate.count import Count
from tidings.accumulate.distinct import Distinct
from tidings.accumulate.entries import Entries
from tidings.accumulate.maximum import Maximum
from tidings.accumulate.minimum import Minimum
from tidings.accumulate.sum import Sum
from tidings.accumulate.top import Top
from tidings.domain.filter import EventFilter

EVENTS = EventFilter(("A",))


@pytest.mark.parametrize(
    "kind",
    [Count(EVENTS), *(made(EVENTS, "x") for made in (Sum, Average, Minimum, Maximum, Distinct)), Top(EVENTS, "x", 2)],
    ids=lambda kind: kind.kind,
)
def test_taking_away_one_by_one_is_making_it_anew(kind: Entries) -> None:
    rng = Random(7)
    for size in (0, 1, 2, 40):
        amounts = [rng.choice([0, 1, -3, 10**18, 333_333]) for _ in range(size)]
        entries = list(map(str, amounts)) if kind.taken == "text" else amounts
        assert list(kind.dropping(entries)) == [kind.of(entries[place:]) for place in range(1, size + 1)]
