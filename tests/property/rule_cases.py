"""Random rules and random people, by the seed: what the laws of the condition language are tried on.

A case is plain data. Spans and instants are whole units (seconds, hours or days), some a microsecond off, so that what
happens exactly at the end of a window happens often.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from tidings.accumulate import kinds
from tidings.clock import DAY_US, HOUR_US, SECOND_US, iso, parse_instant
from tidings.decide import policy
from tidings.domain.record import LogRecord
from tidings.process import journey_parse
from tidings.process.layout import Layout
from tidings.process.segment import Segment, Segments
from tidings.rules import parse as rule_parse
from tidings.rules.compile import compiled
from tidings.testing.histories import call
from tidings.workspace import Definitions, version_of

UNITS = {"s": SECOND_US, "h": HOUR_US, "d": DAY_US}
START_US = parse_instant("2028-02-20")
"""Nine days before a leap day."""
NAMES = ("A", "B", "C")
VALUES: tuple[Any, ...] = (
    1,
    2,
    3,
    2.0,
    0.1,
    0.25,
    1e-7,
    -4,
    7.5,
    "2",
    " 3.5",
    "x",
    "",
    True,
    False,
    None,
    [1, "x"],
    [],
    {"x": 1},
    "axb",
    "2028-02-29",
    "2028-03-01",
    "1.9",
    "1.10",
    "1.10-rc",
)
"""What a property may be: numbers, texts that are numbers and others, and everything else."""
WANTED: tuple[Any, ...] = (1, 2, 2.0, 2.5, 0.1, -4, "x", "2", "", True, None, [1, "x"], {"x": 1.0})
OPERATORS = (
    "plain", "equals", "not_equals", "at_least", "at_most", "more_than", "less_than", "between", "contains", "starts_with", "in",
    "exists", "empty",
)  # fmt: skip
RARER = (
    "not_contains", "ends_with", "like", "not_in", "has_any", "has_all", "size", "size_at_least", "size_at_most",
    "before", "after", "on", "version", "version_at_least", "version_at_most", "version_more_than", "version_less_than",
)  # fmt: skip
LENGTH = 40
"""Units that a history lasts."""

TRAITS: dict[str, Any] = {
    "n": {"count": {"event": "A"}},
    "total": {"sum": {"event": ["A", "B"], "property": "x"}},
    "mean": {"average": {"event": "A", "property": "x"}},
    "least": {"minimum": {"event": "B", "property": "x"}},
    "most": {"maximum": {"event": "B", "property": "x"}},
    "first_a": {"first": {"event": "A"}},
    "last_b": {"last": {"event": "B"}},
    "first_x": {"first": {"event": "A", "property": "x"}},
    "last_x": {"last": {"event": "B", "property": "x"}},
    "kinds_of_x": {"distinct": {"event": ["A", "B"], "property": "x"}},
    "favourite": {"top": {"event": "A", "property": "x"}},
    "favourites": {"top": {"event": ["A", "C"], "property": "x", "k": 2}},
    "cart": {"cart": {"added": "A", "removed": "B", "emptied": "C"}},
    "per_order": {"ratio": {"of": "total", "per": "n"}},
    "from_first_to_last": {"days_between": {"from": "first_a", "to": "last_b"}},
}


def traits_in(unit: str) -> dict[str, Any]:
    """Computed traits, with windows of this unit."""
    return {
        **TRAITS,
        "n_lately": {"count": {"event": "A", "within": f"5{unit}"}},
        "total_lately": {"sum": {"event": ["A", "B"], "property": "x", "within": f"7{unit}"}},
        "mean_lately": {"average": {"event": "A", "property": "x", "within": f"9{unit}"}},
        "least_lately": {"minimum": {"event": ["A", "B"], "property": "x", "within": f"4{unit}"}},
        "most_lately": {"maximum": {"event": ["A", "B"], "property": "x", "within": f"4{unit}"}},
        "kinds_lately": {"distinct": {"event": ["A", "B"], "property": "x", "within": f"6{unit}"}},
        "favourite_lately": {"top": {"event": ["A", "B"], "property": "x", "within": f"6{unit}"}},
        "warmth": {"decayed_sum": {"event": ["A", "B"], "property": "x", "half_life": f"3{unit}"}},
        "per_order_lately": {"ratio": {"of": "total_lately", "per": "n_lately"}},
        "share": {"ratio": {"of": "n_lately", "per": "n"}},
    }


NUMBERS = (
    "n", "total", "mean", "least", "most", "kinds_of_x", "per_order", "from_first_to_last", "n_lately", "total_lately",
    "mean_lately", "least_lately", "most_lately", "kinds_lately", "warmth", "per_order_lately", "share",
)  # fmt: skip
INSTANTS = ("first_a", "last_b")
OTHERS = ("first_x", "last_x", "favourite", "favourites", "cart", "favourite_lately", "given", "since", "nobody")


class Rules:
    """Rules by the seed."""

    def __init__(self, rng: Random, unit: str) -> None:
        self._rng = rng
        self._unit = unit
        self.makers = {
            "all": lambda depth: {"all": self._parts(depth)},
            "any": lambda depth: {"any": self._parts(depth)},
            "not": lambda depth: {"not": self.rule(depth + 1)},
            "did": lambda _: {"did": self._did()},
            "did_not": lambda _: {"did_not": self._did()},
            "first": lambda _: {"first": self._moment()},
            "last": lambda _: {"last": self._moment()},
            **{word: self._measure(word) for word in ("sum", "average", "minimum", "maximum", "distinct")},
            "sequence": lambda _: {"sequence": self._sequence()},
            "trait": lambda _: self._trait(),
        }

    def rule(self, depth: int = 0) -> dict[str, Any]:
        """One rule; shallow."""
        kinds_now = [kind for kind in self.makers if depth < 2 or kind not in ("all", "any", "not")]
        return self.makers[self._rng.choice(kinds_now)](depth)

    def _parts(self, depth: int) -> list[Any]:
        return [self.rule(depth + 1) for _ in range(self._rng.randint(1, 3))]

    def span(self, most: int = 12) -> str:
        return f"{self._rng.randint(1, most)}{self._unit}"

    def spans(self, most: str, least: str) -> dict[str, Any]:
        """From so long to longer."""
        fewer, more = sorted(self._rng.sample(range(1, 13), 2))
        return {most: f"{more}{self._unit}", least: f"{fewer}{self._unit}"}

    def date(self) -> str:
        """A date inside the history."""
        at_us = START_US + self._rng.randint(0, LENGTH) * UNITS[self._unit]
        return instant(at_us)

    def events(self) -> dict[str, Any]:
        names: Any = self._rng.choice([*NAMES, list(self._rng.sample(NAMES, 2))])
        where = {"where": {"x": self.comparison()}} if self._rng.random() < 0.3 else {}
        return {"event": names, **where}

    def comparison(self) -> Any:
        operator = self._rng.choice(RARER if self._rng.random() < 0.3 else OPERATORS)
        wanted = self._rng.choice(WANTED)
        if operator == "plain":
            return wanted if not isinstance(wanted, dict) else 1
        if operator in ("at_least", "at_most", "more_than", "less_than"):
            wanted = self._rng.choice([1, 2, 2.5, 0.1, "2", "x", -4])
        elif operator == "between":
            wanted = self._rng.choice([[1, 3], [-4, 0.5], ["", "w"], [2, 2.0]])
        elif operator in ("starts_with", "ends_with"):
            wanted = self._rng.choice(["", "x", "2", "b"])
        elif operator == "like":
            wanted = self._rng.choice(["*", "X", "a*B", "*x*", "*.10", "20*-*9"])
        elif operator in ("in", "not_in", "has_any", "has_all"):
            wanted = self._rng.sample(WANTED, self._rng.randint(operator != "not_in", 3))
        elif operator.startswith("size"):
            wanted = self._rng.randint(0, 3)
        elif operator in ("before", "after", "on"):
            wanted = self._rng.choice(["2028-02-29", "2028-03-01"])
        elif operator.startswith("version"):
            wanted = self._rng.choice(["1.9", "1.10", "1.10-rc", "1.10-beta"])
        elif operator in ("exists", "empty"):
            wanted = self._rng.random() < 0.5
        return {operator: wanted}

    def number_test(self) -> dict[str, Any]:
        operator = self._rng.choice(["at_least", "at_most", "more_than", "less_than", "equals", "between"])
        if operator == "between":
            return {operator: sorted(self._rng.sample([-2, 0, 1, 1.5, 2, 3, 5, 8], 2))}
        return {operator: self._rng.choice([-4, 0, 1, 2, 2.5, 3, 5, 0.1, 7])}

    def _window(self, *more: str) -> dict[str, Any]:
        kind = self._rng.choice(["within", "within", "since", "", *more])
        if kind == "within":
            return {"within": self.span()}
        if kind == "since":
            return {"since": self.date()}
        return {"since_event": self.events()} if kind else {}

    def _did(self) -> dict[str, Any]:
        times = self._rng.choice(["at_least", "at_least", "at_most", "exactly", "both", ""])
        count = self._rng.randint(1, 3)
        limits = {"both": {"at_least": count, "at_most": count + 1}, "": {}}.get(times, {times: count})
        if times in ("at_most", "exactly") and self._rng.random() < 0.3:
            limits = {times: 0}
        return {**self.events(), **limits, **self._window("since_event")}

    def _moment(self) -> dict[str, Any]:
        tests: dict[str, Any] = {}
        choice = self._rng.choice(["within", "older_than", "between", "before", "after", "two"])
        if choice in ("within", "older_than"):
            tests[choice] = self.span()
        if choice == "between":
            tests = self.spans("within", "older_than")
        if choice in ("before", "after", "two"):
            tests["before" if choice == "two" else choice] = self.date()
        if choice == "two":
            tests["within"] = self.span()
        return {**self.events(), **tests}

    def _measure(self, word: str) -> Any:
        return lambda _: {word: {**self.events(), "property": "x", **self._window(), **self.number_test()}}

    def _sequence(self) -> dict[str, Any]:
        steps: list[Any] = [self.events()]
        for _ in range(self._rng.randint(1, 2)):
            steps.append({**self.events(), **({"within": self.span()} if self._rng.random() < 0.7 else {})})
        if self._rng.random() < 0.6:
            steps[-1 if len(steps) > 2 else len(steps) :] = [
                {"not": self.events(), **({"within": self.span()} if self._rng.random() < 0.8 else {})}
            ]
        return {
            "steps": steps,
            **({"within": f"{self._rng.randint(13, 30)}{self._unit}"} if self._rng.random() < 0.6 else {}),
        }

    def _trait(self) -> dict[str, Any]:
        kind = self._rng.random()
        if kind < 0.5:
            return {"trait": self._rng.choice(NUMBERS), **self.number_test()}
        if kind < 0.75:
            ahead = self._rng.random() < 0.5
            most, least = ("in_next", "further_than") if ahead else ("within", "older_than")
            name = self._rng.choice(["since"] if ahead else [*INSTANTS, "since", "nobody"])  # what happened is past
            if self._rng.random() < 0.3:
                return {"trait": name, **self.spans(most, least)}
            return {"trait": name, self._rng.choice([most, least]): self.span()}
        test = self.comparison()
        return {"trait": self._rng.choice(OTHERS), **(test if isinstance(test, dict) else {"equals": test})}


def instant(at_us: int) -> str:
    """As definitions and events write it."""
    return iso(at_us)


def person(rng: Random, unit: str, user: str, most: int = 12) -> list[tuple[int, LogRecord]]:
    """(instant at which the log takes it, call) of one person, by that instant."""
    found = []
    for number in range(rng.randint(1, most)):
        at_us = START_US + rng.randint(0, LENGTH) * UNITS[unit] + rng.choice([0, 0, 0, 1, -1])
        late = rng.choice([0, 0, 0, 1, 3, 20]) * UNITS[unit] - rng.choice([0, 0, 0, UNITS[unit]])
        found.append((max(at_us + late, START_US), _call(rng, f"{user}-{number}", at_us, user, unit)))
    return sorted(found, key=lambda one: one[0])


def _call(rng: Random, event_id: str, at_us: int, user: str, unit: str) -> LogRecord:
    if rng.random() < 0.2:
        day = START_US + rng.randint(0, LENGTH) * UNITS[unit]
        written = [instant(day), instant(day)[:10], day, "soon", "2028-02-30", "2028-02-29T10:00:00.123456789+0130"]
        traits = {"given": rng.choice(VALUES), "since": rng.choice(written)}
        return call("identify", event_id, at_us, user=user, traits=traits)
    properties = {} if rng.random() < 0.1 else {"x": rng.choice(VALUES), "product_id": rng.choice(["p", "q", 7])}
    return call("track", event_id, at_us, user=user, event=rng.choice(NAMES), properties=properties)


def definitions(rules: Sequence[Any], traits: dict[str, Any], journeys: Sequence[Any] = ()) -> Definitions:
    """Definitions whose segments ``s0``, ``s1``, … have these rules; with these journeys."""
    layout = Layout()
    kinds.define(traits, layout, "traits.yml")
    segments = []
    for number, raw in enumerate(rules):
        rule = rule_parse.parse(raw, layout, f"segments.yml: s{number}.rule")
        segments.append(Segment(f"s{number}", "", rule, version_of(raw), compiled(rule)))
    parsed = [journey_parse.parse(raw, version_of(raw), layout, f"journeys/{raw['journey']}.yml") for raw in journeys]
    layout.seal(None, [f"{one.name}@{one.version}" for one in segments])
    policies = policy.parse({"marketing": {}}, "policy.yml")
    current, versions = {one.name: one for one in parsed}, {(one.name, one.version): one for one in parsed}
    return Definitions(layout, Segments(segments), current, versions, policies, {})
