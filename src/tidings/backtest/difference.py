"""Two versions over the same history: who enters in one only, and who gets more from one than from the other."""

from __future__ import annotations

from tidings.backtest.result import Difference, Only
from tidings.backtest.version import Version

SOME = 5
"""People named as examples."""


def difference(one: Version, other: Version) -> Difference:
    """Person by person."""
    mine, theirs = one.sink.tally.people, other.sink.tally.people
    both = sum(1 for who, found in mine.items() if found.entered and who in theirs and theirs[who].entered)
    return Difference(both=both, only=[_only(one, other), _only(other, one)])


def _only(one: Version, other: Version) -> Only:
    mine, theirs = one.sink.tally.people, other.sink.tally.people
    people = [who for who, found in mine.items() if found.entered and not (who in theirs and theirs[who].entered)]
    first = sorted(people, key=lambda who: (mine[who].first_us, who))[:SOME]
    more = (found.messages - (theirs[who].messages if who in theirs else 0) for who, found in mine.items())
    return Only(
        label=one.label,
        people=len(people),
        some=[(one.known_as(who) or [who])[-1] for who in first],
        messages=sum(count for count in more if count > 0),
    )
