"""local_time: it is a certain time of day, and day of the week, where the person is.

``local_time: {from: "09:00", to: "17:00", weekdays: [mon, tue, wed, thu, fri]}``. From `from` (inclusive) to `to` (exclusive) by her own
clock; when `to` is no later than `from` it goes on over midnight, and the weekday is that of its beginning. Her zone is the given trait
`timezone`, else the workspace's; a missing or invalid one leaves nobody out. Where clocks are put forward or back, what counts
is what they show: a time that is skipped is not waited for, one that comes twice counts twice.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.clock import SECOND_US
from tidings.domain import schema
from tidings.domain.profile import ProfileState
from tidings.domain.zones import NAMES, zone, zone_of
from tidings.errors import DefinitionError
from tidings.rules import sql
from tidings.rules.base import Condition, Traits, Verdict
from tidings.rules.form import Form, Setting

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ZONE_TRAIT = "timezone"
_TIME = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])")
_DAY_S = 86_400
_AHEAD = 16
"""Days looked ahead: the next turn is no further, whatever days are meant, even where a zone once left a whole day out."""


CLOCK = {
    "type": "string",
    "pattern": f"^{_TIME.pattern}$",
    "description": 'Hours and minutes in quotes, "00:00" to "24:00".',
}
FORM = Form(
    (
        Setting("from", CLOCK),
        Setting("to", CLOCK),
        Setting("weekdays", {"type": "array", "items": schema.one_of(WEEKDAYS), "minItems": 1}),
    ),
    more={"minProperties": 1, "dependentRequired": {"from": ["to"], "to": ["from"]}},
)
"""``local_time from 09:00 to 17:30 weekdays [mon, tue]``."""


class Hours(msgspec.Struct, frozen=True):
    """A stretch of the day on some days of the week."""

    from_s: int
    """Seconds after midnight at which it begins."""
    to_s: int
    """At which it ends; beyond 86,400 when that is on the next day."""
    weekdays: tuple[int, ...]
    """Days on which it begins; 0 is Monday."""

    def cover(self, local: datetime) -> bool:
        """Whether a local clock that shows this is within it."""
        shown_s = local.hour * 3_600 + local.minute * 60 + local.second
        today = local.weekday()
        if today in self.weekdays and self.from_s <= shown_s < self.to_s:
            return True
        return (today - 1) % 7 in self.weekdays and shown_s + _DAY_S < self.to_s


def zone_name(state: ProfileState, default: str) -> str:
    """The zone that a person's clock shows: the given trait `timezone`, else the workspace's."""
    given = state.traits.get(ZONE_TRAIT)
    return zone_of(given.value if given is not None else None, default)


def _local(at_s: int, name: str) -> datetime:
    return datetime.fromtimestamp(at_s, zone(name))


@lru_cache(maxsize=1 << 14)
def turns(hours: Hours, name: str, day: int, ahead: int = _AHEAD) -> tuple[int, ...]:
    """Seconds since the epoch at which it begins or ends in a zone, in the days from one (counted since the epoch, UTC) on, sorted.

    Whatever the clocks do, a turn can only be where the local clock shows a beginning or an end, or where it is put
    forward or back; each such instant is looked at, one second before and at it.
    """
    start_s = day * _DAY_S
    first = _local(start_s, name).date() - timedelta(days=1)
    shown = {hours.from_s, hours.to_s}
    candidates = {
        one for later in range(ahead + 2) for at in shown for one in instants(first + timedelta(days=later), at, name)
    }
    candidates |= set(clock_changes(start_s, start_s + ahead * _DAY_S, name))
    return tuple(
        one
        for one in sorted(candidates)
        if one > start_s and hours.cover(_local(one, name)) != hours.cover(_local(one - 1, name))
    )


def instants(day: date, shown_s: int, name: str) -> set[int]:
    """When a local clock shows so many seconds after the midnight of a day: once, or twice where clocks are put back."""
    wall = datetime.combine(day, time(), zone(name)) + timedelta(seconds=shown_s)
    return {int(wall.replace(fold=fold).timestamp()) for fold in (0, 1)}


def clock_changes(start_s: int, end_s: int, name: str) -> Iterator[int]:
    """Instants at which the clocks of a zone are put forward or back, at most one a day."""
    for low_s in range(start_s, end_s, _DAY_S):
        before, low, high = _local(low_s, name).utcoffset(), low_s, low_s + _DAY_S
        if _local(high, name).utcoffset() == before:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if _local(middle, name).utcoffset() == before else (low, middle)
        yield high


class LocalTime(msgspec.Struct, frozen=True):
    """Whether it is that time where the person is."""

    hours: Hours
    default_zone: str

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        name, at_s = (
            zone_name(state, self.default_zone),
            max(at_us // SECOND_US, 0),
        )  # no event is from before the epoch
        ahead = turns(self.hours, name, at_s // _DAY_S)
        return Verdict(self.hours.cover(_local(at_s, name)), ahead[bisect_right(ahead, at_s)] * SECOND_US)

    def reads(self) -> Iterator[str]:
        yield f"trait:{ZONE_TRAIT}"

    def words(self) -> str:
        days = ", ".join(WEEKDAYS[day] for day in self.hours.weekdays)
        on = "" if len(self.hours.weekdays) == len(WEEKDAYS) else f" on {days}"
        return (
            f"it is {_clock(self.hours.from_s)} to {_clock(self.hours.to_s % _DAY_S or _DAY_S)}{on} where the person is"
        )

    def explain(self, state: ProfileState, at_us: int) -> str:
        name = zone_name(state, self.default_zone)
        shown = f"{_local(at_us // SECOND_US, name):%a %H:%M} in {name}".lower().replace(name.lower(), name)
        return f"{self.words()}: {'yes' if self.judge(state, at_us).holds else 'no'} ({shown})"

    def sql(self, query: sql.Query) -> str:
        at_s = query.at_us // SECOND_US
        inside = sorted(name for name in NAMES if self.hours.cover(_local(at_s, name)))
        named = f"json_type(value) = 'VARCHAR' AND {sql.as_text('value')}"
        default = "true" if self.default_zone in inside else "false"
        valid, held = (", ".join(map(sql.text, names)) or "''" for names in (sorted(NAMES), inside))
        return sql.chosen(
            sql.given(query, ZONE_TRAIT), f"CASE WHEN {named} IN ({valid}) THEN {named} IN ({held}) ELSE {default} END"
        )


def _clock(seconds: int) -> str:
    return f"{seconds // 3_600:02}:{seconds % 3_600 // 60:02}"


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    settings, path = raw["local_time"], f"{where}.local_time"
    if not isinstance(settings, dict) or not settings:
        raise DefinitionError(path, "needs settings", got=settings, wanted="from and to, or weekdays, or both")
    only(settings, {"from", "to", "weekdays"}, path)
    if ("from" in settings) != ("to" in settings):
        raise DefinitionError(path, "needs both `from` and `to`, or neither", got=sorted(settings))
    from_s = seconds(settings.get("from", "00:00"), f"{path}.from")
    to_s = seconds(settings.get("to", "24:00"), f"{path}.to")
    if from_s == to_s:
        raise DefinitionError(path, "can never hold: it ends when it begins", got=settings["from"])
    weekdays = days(settings.get("weekdays", list(WEEKDAYS)), f"{path}.weekdays")
    hours = Hours(from_s, to_s if to_s > from_s else to_s + _DAY_S, weekdays)
    if hours.to_s - hours.from_s == _DAY_S and len(hours.weekdays) == len(WEEKDAYS):
        raise DefinitionError(path, "always holds: that is every minute of the week", do="leave it out")
    return LocalTime(hours, traits.zone)


def days(raw: Any, path: str) -> tuple[int, ...]:
    """Days of the week by number, Monday is 0, sorted. Raises DefinitionError."""
    if not isinstance(raw, list) or not raw or not all(day in WEEKDAYS for day in raw):
        raise DefinitionError(path, "no days of the week", got=raw, wanted=", ".join(WEEKDAYS))
    return tuple(sorted({WEEKDAYS.index(day) for day in raw}))


def seconds(raw: Any, path: str) -> int:
    """A time of day in seconds after midnight. Raises DefinitionError."""
    found = _TIME.fullmatch(raw) if isinstance(raw, str) else None
    seconds = int(found[1]) * 3_600 + int(found[2]) * 60 if found else _DAY_S + 1
    if seconds > _DAY_S:
        raise DefinitionError(path, "no time of day", got=raw, wanted='hours and minutes in quotes, "00:00" to "24:00"')
    return seconds
