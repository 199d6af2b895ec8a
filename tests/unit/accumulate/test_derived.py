"""ratio and days_between: made of two other computed traits, wherever these stand in the file."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.accumulate.events import event
from tidings.accumulate import kinds
from tidings.clock import DAY_US, HOUR_US
from tidings.domain import compare
from tidings.domain import profile as profiles
from tidings.errors import DefinitionError
from tidings.process.layout import Layout

TRAITS: dict[str, Any] = {
    "mean": {"ratio": {"of": "total", "per": "n"}},
    "lately": {"ratio": {"of": "n_lately", "per": "n"}},
    "loyal_days": {"days_between": {"from": "begun", "to": "seen"}},
    "back": {"days_between": {"from": "seen", "to": "begun"}},
    "n": {"count": {"event": "Added"}},
    "n_lately": {"count": {"event": "Added", "within": "1d"}},
    "total": {"sum": {"event": "Added", "property": "n"}},
    "begun": {"first": {"event": "Added"}},
    "seen": {"last": {"event": "Added"}},
}
EVENTS = [event(1, at_us=DAY_US, n=10), event(2, at_us=2 * DAY_US, n=5), event(3, at_us=4 * DAY_US - HOUR_US, n=1)]


def layout(traits: Any) -> Layout:
    made = Layout()
    kinds.define(traits, made, "traits.yml")
    made.seal()
    return made


def read(name: str, at_us: int, *, events: Any = EVENTS) -> Any:
    made = layout(TRAITS)
    values = profiles.new("p", made.layout_id, len(made.accumulators)).values
    for one in events:
        made.fold(values, one)
    reading = made.computed(name)
    assert reading is not None
    return reading.read(values, at_us), reading.next_us(values, at_us, compare.parse({"at_least": 0.3}, "t"))


def test_a_ratio_divides_and_is_unknown_without_a_divisor() -> None:
    assert read("mean", 4 * DAY_US) == (16 / 3, 0)
    assert read("mean", 4 * DAY_US, events=[]) == (None, 0)


def test_a_ratio_with_a_window_changes_with_it() -> None:
    assert read("lately", 4 * DAY_US) == (1 / 3, 5 * DAY_US - HOUR_US)
    assert read("lately", 5 * DAY_US) == (0.0, 0)


def test_days_between_are_whole_ones_and_may_be_negative() -> None:
    assert read("loyal_days", 4 * DAY_US)[0] == 2
    assert read("back", 4 * DAY_US)[0] == -2
    assert read("back", 4 * DAY_US, events=[])[0] is None


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ({"ratio": {"of": "n", "per": "nobody"}}, "x.ratio.per: unknown trait; got 'nobody'"),
        ({"ratio": {"of": "n"}}, "x.ratio.per: needs the name of a computed trait"),
        ({"ratio": {"of": "n", "per": "n", "k": 1}}, "unknown setting; got 'k'"),
        ({"ratio": {"of": "warm", "per": "n"}}, "a decayed_sum changes at every instant"),
        ({"ratio": "n"}, "x.ratio: needs settings"),
        ({"days_between": {"from": "n", "to": "n"}}, "a `first` or a `last` without `property`"),
        ({"top": {"event": "A", "property": "n", "k": 0}}, "`k` is out of range; got 0"),
        ({"sum": {"event": "A", "property": "n", "within": "soon"}}, "x.sum.within: not a duration"),
        ({"first": {"event": "A", "within": "1d"}}, "unknown setting; got 'within'"),
        ({"decayed_sum": {"event": "A", "property": "n"}}, "x.decayed_sum.half_life: not a duration"),
    ],
)
def test_what_is_wrong_is_named(raw: Any, says: str) -> None:
    traits = {
        "n": {"count": {"event": "A"}},
        "warm": {"decayed_sum": {"event": "A", "property": "n", "half_life": "1d"}},
        "x": raw,
    }
    with pytest.raises(DefinitionError) as problem:
        layout(traits)
    assert says in str(problem.value)
