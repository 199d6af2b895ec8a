"""What rules mean, said as plainly as possible: the whole history of a person, looked at anew for every question.

It shares nothing with the conditions and accumulators that it judges: no memory, no next instant, no SQL. One function a
kind of condition, one a kind of computed trait.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

from tidings.domain.event import Event

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Question:
    """A person's events that are known and have occurred by an instant, and what computed traits are called."""

    def __init__(self, events: Iterable[Event], at_us: int, traits: dict[str, Any]) -> None:
        self.events = sorted(
            (event for event in events if event.occurred_us <= at_us), key=lambda e: (e.occurred_us, e.event_id)
        )
        self.at_us = at_us
        self.traits = traits

    def holds(self, rule: dict[str, Any]) -> bool:
        """Whether the rule holds."""
        kind = next(name for name in KINDS if name in rule)
        return KINDS[kind](self, rule if kind == "trait" else rule[kind])

    def meant(self, settings: dict[str, Any]) -> list[Event]:
        """The events that the settings name, with the window on them."""
        names = settings["event"] if isinstance(settings["event"], list) else [settings["event"]]
        found = []
        for event in self.events:
            if event.name not in names:
                continue
            if all(passes(event.properties.get(name), test) for name, test in settings.get("where", {}).items()):
                found.append(event)
        if "within" in settings:
            found = [event for event in found if event.occurred_us > self.at_us - span_us(settings["within"])]
        if "since" in settings:
            found = [event for event in found if event.occurred_us >= date_us(settings["since"])]
        return found


def span_us(text: str) -> int:
    return int(text[:-1]) * _UNITS[text[-1]] * 1_000_000


def date_us(value: Any) -> int | None:
    """The instant that a value is, or None."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    if isinstance(value, int):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def is_number(value: Any) -> bool:
    return type(value) in (int, float)


def amount(value: Any) -> int | None:
    """Millionths of a number, or of a text that is one."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    return round(value * 1_000_000) if is_number(value) else None


def same(value: Any, wanted: Any) -> bool:
    if type(value) is bool or type(wanted) is bool:
        return type(value) is type(wanted) and value == wanted
    return bool(value == wanted)


def passes(value: Any, test: Any) -> bool:
    """Whether a value passes ``{at_least: 3}``, or is the plain value."""
    if not isinstance(test, dict):
        return same(value, test)
    return all(_passes(value, operator, wanted) for operator, wanted in test.items())


def _passes(value: Any, operator: str, wanted: Any) -> bool:
    return OPERATORS[operator](value, wanted)


def _comparable(value: Any, wanted: Any) -> bool:
    return (is_number(value) and is_number(wanted)) or (type(value) is str and type(wanted) is str)


def _contains(value: Any, wanted: Any) -> bool:
    return wanted in value if type(value) is list else type(value) is type(wanted) is str and wanted in value


def _like(value: Any, pattern: str) -> bool:
    parts = ".*".join(re.escape(one) for one in pattern.split("*"))
    return type(value) is str and re.fullmatch(parts, value, re.DOTALL | re.IGNORECASE | re.ASCII) is not None


def _version(value: Any) -> tuple[Any, ...] | None:
    """Of the plain kinds that the cases use: one or two numbers, perhaps with a pre-release of one word."""
    found = re.fullmatch(r"(\d+)(?:\.(\d+))?(?:-([\w-]+))?", value, re.ASCII) if type(value) is str else None
    return (int(found[1]), int(found[2] or 0), found[3] is None, found[3] or "") if found else None


def _versions(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda value, wanted: _version(value) is not None and compare(_version(value), _version(wanted))


def _dates(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def judge(value: Any, wanted: Any) -> bool:
        seen_us = date_us(value) if type(value) in (str, int) else None
        return seen_us is not None and compare(seen_us, date_us(wanted))

    return judge


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": same,
    "not_equals": lambda value, wanted: not same(value, wanted),
    "at_least": lambda value, wanted: _comparable(value, wanted) and value >= wanted,
    "at_most": lambda value, wanted: _comparable(value, wanted) and value <= wanted,
    "more_than": lambda value, wanted: _comparable(value, wanted) and value > wanted,
    "less_than": lambda value, wanted: _comparable(value, wanted) and value < wanted,
    "between": lambda value, wanted: _comparable(value, wanted[0]) and wanted[0] <= value <= wanted[1],
    "contains": _contains,
    "starts_with": lambda value, wanted: type(value) is str and value.startswith(wanted),
    "in": lambda value, wanted: any(same(value, one) for one in wanted),
    "not_in": lambda value, wanted: not any(same(value, one) for one in wanted),
    "not_contains": lambda value, wanted: not _contains(value, wanted),
    "ends_with": lambda value, wanted: type(value) is str and value.endswith(wanted),
    "like": _like,
    "has_any": lambda value, wanted: type(value) is list and [one for one in wanted if one in value] != [],
    "has_all": lambda value, wanted: type(value) is list and [one for one in wanted if one not in value] == [],
    "size": lambda value, wanted: type(value) is list and len(value) == wanted,
    "size_at_least": lambda value, wanted: type(value) is list and len(value) >= wanted,
    "size_at_most": lambda value, wanted: type(value) is list and len(value) <= wanted,
    "before": _dates(lambda one, other: one < other),
    "after": _dates(lambda one, other: one > other),
    "on": _dates(lambda one, other: one // (86_400 * 10**6) == other // (86_400 * 10**6)),
    "version": _versions(lambda one, other: one == other),
    "version_at_least": _versions(lambda one, other: one >= other),
    "version_at_most": _versions(lambda one, other: one <= other),
    "version_more_than": _versions(lambda one, other: one > other),
    "version_less_than": _versions(lambda one, other: one < other),
    "exists": lambda value, wanted: (value is not None) == wanted,
    "empty": lambda value, wanted: (value is None or value in ("", [], {})) == wanted,
}


# Conditions


def _did(now: Question, settings: dict[str, Any]) -> bool:
    found = now.meant(settings)
    if "since_event" in settings:
        anchors = now.meant(settings["since_event"])
        if not anchors:
            return False
        found = [event for event in found if event.occurred_us > anchors[-1].occurred_us]
    if "exactly" in settings:
        return len(found) == settings["exactly"]
    least = settings.get("at_least", 0 if "at_most" in settings else 1)
    return least <= len(found) <= settings.get("at_most", 10**9)


def _moment(which: int) -> Callable[[Question, dict[str, Any]], bool]:
    def judge(now: Question, settings: dict[str, Any]) -> bool:
        found = now.meant({name: value for name, value in settings.items() if name in ("event", "where")})
        if not found:
            return False
        seen_us = found[which].occurred_us
        return (
            ("within" not in settings or seen_us > now.at_us - span_us(settings["within"]))
            and ("older_than" not in settings or seen_us <= now.at_us - span_us(settings["older_than"]))
            and ("before" not in settings or seen_us < date_us(settings["before"]))
            and ("after" not in settings or seen_us > date_us(settings["after"]))
        )

    return judge


def _measure(word: str) -> Callable[[Question, dict[str, Any]], bool]:
    def judge(now: Question, settings: dict[str, Any]) -> bool:
        tests = {name: settings[name] for name in settings if name not in SETTINGS}
        return passes(TRAITS[word](now, settings), tests)

    return judge


SETTINGS = ("event", "where", "property", "within", "since")


def _sequence(now: Question, settings: dict[str, Any]) -> bool:
    def follow(steps: Sequence[dict[str, Any]], before_us: int) -> bool:
        """Whether the rest of the steps comes after this instant."""
        if not steps:
            return True
        step = steps[0]
        end_us = before_us + span_us(step["within"]) if "within" in step else 10**18
        wanted = {name: step[name] for name in step if name != "within"}
        if "not" in step:
            came = any(before_us < event.occurred_us < end_us for event in now.meant(step["not"]))
            return not came and ("within" not in step or now.at_us >= end_us)
        return any(
            follow(steps[1:], event.occurred_us)
            for event in now.meant(wanted)
            if before_us < event.occurred_us < end_us
        )

    first = {**settings["steps"][0], **({"within": settings["within"]} if "within" in settings else {})}
    return any(follow(settings["steps"][1:], event.occurred_us) for event in now.meant(first))


def trait_value(now: Question, name: str) -> Any:
    """A computed trait, else what was given last."""
    if name in now.traits:
        kind = next(iter(now.traits[name]))
        return TRAITS[kind](now, now.traits[name][kind])
    given = [event.traits[name] for event in now.events if event.kind == "identify" and name in event.traits]
    return given[-1] if given else None


def _trait(now: Question, settings: dict[str, Any]) -> bool:
    value = trait_value(now, settings["trait"])
    tests = {name: settings[name] for name in settings if name not in ("trait", *AGES)}
    if not passes(value, tests):
        return False
    return all(_lies(now.at_us, date_us(value), name, settings[name]) for name in settings if name in AGES)


AGES = ("within", "older_than", "in_next", "further_than")


def _lies(at_us: int, instant: int | None, name: str, span: str) -> bool:
    """Whether an instant is so far away."""
    if instant is None:
        return False
    if name == "within":
        return at_us - span_us(span) < instant <= at_us
    if name == "older_than":
        return instant <= at_us - span_us(span)
    if name == "in_next":
        return at_us < instant <= at_us + span_us(span)
    return instant > at_us + span_us(span)


KINDS: dict[str, Callable[[Question, Any], bool]] = {
    "all": lambda now, parts: all(now.holds(part) for part in parts),
    "any": lambda now, parts: any(now.holds(part) for part in parts),
    "not": lambda now, part: not now.holds(part),
    "did": _did,
    "did_not": lambda now, settings: not _did(now, settings),
    "first": _moment(0),
    "last": _moment(-1),
    "sum": _measure("sum"),
    "average": _measure("average"),
    "minimum": _measure("minimum"),
    "maximum": _measure("maximum"),
    "distinct": _measure("distinct"),
    "sequence": _sequence,
    "trait": _trait,
}


# Computed traits


def _amounts(now: Question, settings: dict[str, Any]) -> list[int]:
    found = [amount(event.properties.get(settings["property"])) for event in now.meant(settings)]
    return [one for one in found if one is not None]


def _texts(now: Question, settings: dict[str, Any]) -> list[str]:
    values = [event.properties.get(settings["property"]) for event in now.meant(settings)]
    return [str(value) for value in values if value is not None and not isinstance(value, list | dict)]


def _chosen(which: Callable[[list[int]], int]) -> Callable[[Question, Any], float | None]:
    def value(now: Question, settings: Any) -> float | None:
        found = _amounts(now, settings)
        return which(found) / 1_000_000 if found else None

    return value


def _edge(which: int) -> Callable[[Question, Any], Any]:
    def value(now: Question, settings: Any) -> Any:
        found = now.meant(settings)
        if "property" not in settings:
            return found[which].occurred_us if found else None
        values = [event.properties.get(settings["property"]) for event in found]
        values = [one for one in values if one is not None and not isinstance(one, list | dict)]
        return values[which] if values else None

    return value


def _average(now: Question, settings: Any) -> float | None:
    found = _amounts(now, settings)
    return float(Fraction(sum(found), len(found) * 1_000_000)) if found else None


def _top(now: Question, settings: Any) -> Any:
    counts = Counter(_texts(now, settings))
    ranked = sorted(counts, key=lambda text: (-counts[text], text))
    return ranked[: settings["k"]] if "k" in settings else ranked[0] if ranked else None


def _cart(now: Question, settings: dict[str, str]) -> list[Any]:
    """Only how many items there are matters to the rules that are tried."""
    inside: set[str] = set()
    for event in now.events:
        item = str(event.properties.get("product_id") or event.properties.get("sku") or "")
        if event.name == settings["emptied"]:
            inside.clear()
        elif event.name == settings["added"] and item:
            emptied = [other for other in now.events if other.name == settings["emptied"]]
            if not any(other.occurred_us == event.occurred_us for other in emptied):
                inside.add(item)
        elif event.name == settings["removed"]:
            inside.discard(item)
    return [{"item_id": item} for item in sorted(inside)]


def _ratio(now: Question, settings: Any) -> float | None:
    above, below = trait_value(now, settings["of"]), trait_value(now, settings["per"])
    return float(above) / float(below) if is_number(above) and is_number(below) and below else None


def _days_between(now: Question, settings: Any) -> int | None:
    one, other = trait_value(now, settings["from"]), trait_value(now, settings["to"])
    return None if one is None or other is None else int(Fraction(other - one, 86_400_000_000))


def _decayed_sum(now: Question, settings: Any) -> float:
    """By the half-lives that amounts fall in, as the definition's reference says."""
    half_us = span_us(settings["half_life"])
    scaled: dict[int, int] = {}
    for event in now.meant(settings):
        one = amount(event.properties.get(settings["property"]))
        if one is not None:
            number = event.occurred_us // half_us
            into = (event.occurred_us - number * half_us) / half_us
            scaled[number] = scaled.get(number, 0) + round(one * 2.0**into)
    if not scaled:
        return 0.0
    latest = max(scaled)
    total = sum((Fraction(one, 2 ** (latest - n)) for n, one in scaled.items() if n > latest - 40), Fraction(0))
    return int(float(total) * 2.0 ** (-(now.at_us - latest * half_us) / half_us)) / 1_000_000


TRAITS: dict[str, Callable[[Question, Any], Any]] = {
    "count": lambda now, settings: len(now.meant(settings)),
    "sum": lambda now, settings: sum(_amounts(now, settings)) / 1_000_000,
    "average": _average,
    "minimum": _chosen(min),
    "maximum": _chosen(max),
    "first": _edge(0),
    "last": _edge(-1),
    "distinct": lambda now, settings: len(set(_texts(now, settings))),
    "top": _top,
    "cart": _cart,
    "ratio": _ratio,
    "days_between": _days_between,
    "decayed_sum": _decayed_sum,
}
