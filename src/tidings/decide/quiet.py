"""Quiet hours: times of her day at which nothing is sent, unless its category is exempt.

``quiet: {from: "21:00", to: "08:00"}``, or a list of such; ``weekdays`` are those on which a stretch begins, and ``then`` says what becomes of a
message that falls into it: ``wait`` for its exact end, where everything is decided anew, or ``drop``. Hours are by her own clock as in the
rule `local_time`, also on the nights on which clocks are changed; a missing or invalid zone is the workspace's.

Asked when a message is decided on, and once more when it is handed over: a retry may come late in the evening.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.clock import SECOND_US, iso
from tidings.domain import schema
from tidings.domain.message import QuietTime
from tidings.domain.zones import zone
from tidings.errors import DefinitionError
from tidings.rules import local_time
from tidings.rules.local_time import WEEKDAYS, Hours

MAX_STRETCHES = 10
"""Stretches that one policy may name."""
_DAY_S = 86_400
_WEEK_S = 7 * _DAY_S
_AHEAD = 3
"""Days looked ahead for the end of a stretch: it lasts a day at most, and longer where a zone once left a day out."""
_ROUNDS = 50
"""Stretches that may follow each other without a gap; a week of them is refused when it is read."""

_STRETCH = schema.settings(
    {
        "from": local_time.CLOCK,
        "to": local_time.CLOCK,
        "weekdays": {"type": "array", "items": schema.one_of(WEEKDAYS), "minItems": 1},
        "then": schema.one_of(("wait", "drop")),
    },
    ["from", "to"],
)
SCHEMA = {
    "anyOf": [
        {"const": False},
        _STRETCH,
        {"type": "array", "items": _STRETCH, "minItems": 1, "maxItems": MAX_STRETCHES},
    ]
}


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of quiet hours."""

    hours: Hours
    """When, on her clock."""
    waits: bool
    """Whether a message waits for its end; else it is dropped."""


class Quiet(msgspec.Struct, frozen=True, kw_only=True):
    """The quiet hours of a category."""

    stretches: tuple[Stretch, ...]
    times: tuple[QuietTime, ...]
    """The same, as a message takes them along to its hand-over."""


def parse(raw: Any, where: str) -> Quiet | None:
    """Quiet hours from YAML; None for ``false``. Raises DefinitionError."""
    if raw is False or raw is None:
        return None
    listed = raw if isinstance(raw, list) else [raw]
    if not 1 <= len(listed) <= MAX_STRETCHES:
        raise DefinitionError(where, f"needs 1 to {MAX_STRETCHES} stretches", got=raw, do="write false for none")
    paths = [f"{where}[{index}]" for index in range(len(listed))] if isinstance(raw, list) else [where]
    stretches = tuple(_stretch(one, path) for one, path in zip(listed, paths, strict=True))
    hours = [one.hours for one in stretches]
    if _covers_the_week(hours):
        raise DefinitionError(where, "leaves no minute of the week in which a message could go", got=raw)
    return Quiet(stretches=stretches, times=tuple(_carried(one) for one in hours))


def _stretch(raw: Any, where: str) -> Stretch:
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs settings", got=raw, wanted="from and to, perhaps weekdays and then")
    only(raw, {"from", "to", "weekdays", "then"}, where)
    from_s, to_s = (local_time.seconds(raw.get(name), f"{where}.{name}") for name in ("from", "to"))
    if from_s == to_s:
        raise DefinitionError(where, "ends when it begins", got=raw["from"])
    then = raw.get("then", "wait")
    if then not in ("wait", "drop"):
        raise DefinitionError(f"{where}.then", "unknown", got=then, wanted="wait or drop")
    weekdays = local_time.days(raw.get("weekdays", list(WEEKDAYS)), f"{where}.weekdays")
    hours = Hours(from_s, to_s if to_s > from_s else to_s + _DAY_S, weekdays)
    return Stretch(hours=hours, waits=then == "wait")


def _covers_the_week(hours: Sequence[Hours]) -> bool:
    begun = [(day * _DAY_S + one.from_s, day * _DAY_S + one.to_s) for one in hours for day in one.weekdays]
    spans = sorted([*begun, *((start - _WEEK_S, end - _WEEK_S) for start, end in begun)])
    reached = 0
    for start, end in spans:
        if start > reached:
            return False
        reached = max(reached, end)
    return reached >= _WEEK_S


def _carried(hours: Hours) -> QuietTime:
    return QuietTime(hours.from_s, hours.to_s, hours.weekdays)


def covering(quiet: Quiet, name: str, at_us: int) -> Stretch | None:
    """The stretch that an instant falls into in a zone; None outside of quiet hours. The first in which it is dropped, else the first."""
    local = datetime.fromtimestamp(max(at_us // SECOND_US, 0), zone(name))
    found = [one for one in quiet.stretches if one.hours.cover(local)]
    return min(found, key=lambda one: one.waits) if found else None


def end_us(times: Sequence[QuietTime], name: str, at_us: int) -> int:
    """The first instant from `at_us` on that lies in none of these; `at_us` itself outside of them."""
    hours = [Hours(one.from_s, one.to_s, one.weekdays) for one in times]
    for _ in range(_ROUNDS):
        at_s = max(at_us // SECOND_US, 0)
        local = datetime.fromtimestamp(at_s, zone(name))
        inside = next((one for one in hours if one.cover(local)), None)
        if inside is None:
            break
        ahead = local_time.turns(inside, name, at_s // _DAY_S, _AHEAD)
        at_us = ahead[bisect_right(ahead, at_s)] * SECOND_US
    return at_us


def evidence(found: Stretch | None, name: str, until_us: int) -> dict[str, Any]:
    """What a message keeps of it: the zone that was asked, and the stretch that it fell into."""
    if found is None:
        return {"zone": name}
    return {"zone": name, "hours": stretch_words(found.hours), "until_us": until_us}


def shown(said: Mapping[str, Any]) -> str:
    """The evidence in a sentence."""
    if "hours" not in said:
        return f"By the clock in {said['zone']}."
    return f"{said['hours']} in {said['zone']}, until {iso(said['until_us'])}."


def stretch_words(hours: Hours) -> str:
    """``21:00 to 08:00 on fri, sat``."""
    days = ", ".join(WEEKDAYS[day] for day in hours.weekdays)
    on = "" if len(hours.weekdays) == len(WEEKDAYS) else f" on {days}"
    return f"{_clock(hours.from_s)} to {_clock(hours.to_s % _DAY_S or _DAY_S)}{on}"


def words(quiet: Quiet) -> str:
    """The quiet hours for people."""
    shown = (f"{stretch_words(one.hours)} ({'waits' if one.waits else 'dropped'})" for one in quiet.stretches)
    return f"quiet where the person is: {', '.join(shown)}"


def waiting(found: Stretch, name: str, until_us: int) -> str:
    """What the path of a run says that waits for the end."""
    return f"waits until {iso(until_us)}: quiet hours, {stretch_words(found.hours)} in {name}"


def _clock(seconds: int) -> str:
    return f"{seconds // 3_600:02}:{seconds % 3_600 // 60:02}"
