"""schedule: at a time of day, on certain days, for everybody in a segment or of whom a rule holds at that very instant.

``schedule: {at: "09:00", weekdays: [mon], segment: news}``. The time is that of each person's own clock, as in `local_time`, or of the
clocks in one `zone`. Who joins the segment a minute later is not entered that day.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.clock import DAY_US, format_duration
from tidings.domain import schema
from tidings.domain.profile import ProfileState
from tidings.domain.schema import Schema
from tidings.domain.sql import Query
from tidings.domain.zones import NAMES
from tidings.errors import DefinitionError
from tidings.process.entries import calendar
from tidings.process.entries.base import Entry, EntryBase
from tidings.process.entries.calendar import Occasion, Timetable, Who
from tidings.rules import local_time, window
from tidings.rules.base import Condition, Traits
from tidings.rules.local_time import WEEKDAYS, ZONE_TRAIT

LAST = "last"
DAYS = ("weekdays", "day_of_month", "every")
"""Ways to say on which days it is; every day without."""
SETTINGS: dict[str, Schema] = {
    "at": local_time.CLOCK,
    "weekdays": {"type": "array", "items": schema.one_of(WEEKDAYS), "minItems": 1},
    "day_of_month": {"anyOf": [schema.whole(1, 31), schema.one_of((LAST,))]},
    "every": schema.SPAN,
    "from": schema.DATE,
    "zone": {**schema.NAME, "description": "A name of the IANA database such as Europe/London."},
    **calendar.WHO,
}
SCHEMA = schema.settings({"schedule": schema.settings(SETTINGS, ["at"])}, ["schedule"])
_MARGIN_US = 2 * DAY_US
"""A local day begins less than this from the midnight of the same day in UTC, and ends so."""


class Days(msgspec.Struct, frozen=True):
    """On which days it is."""

    weekdays: tuple[int, ...] = ()
    """Days of the week; 0 is Monday. Empty when it does not go by them."""
    day_of_month: int = 0
    """Its last day where it has fewer; 0 when it does not go by it."""
    step: int = 1
    """Every so many days, counted from `first`."""
    first: date = date(1970, 1, 1)

    def holds(self, day: date) -> bool:
        """Whether this is one of them."""
        if self.weekdays:
            return day.weekday() in self.weekdays
        if self.day_of_month:
            last = (day.replace(day=1) + timedelta(days=32)).replace(day=1) - timedelta(days=1)
            return day.day == min(self.day_of_month, last.day)
        return day >= self.first and (day - self.first).days % self.step == 0

    def after(self, day: date) -> Iterator[date]:
        """Those after a day, in order, without end."""
        if not self.weekdays and not self.day_of_month:
            ahead = (day - self.first).days // self.step + 1
            day = self.first + timedelta(days=max(ahead, 0) * self.step - 1)
        while True:
            day += timedelta(days=1)
            if self.holds(day):
                yield day

    def words(self) -> str:
        """``on mon, tue``."""
        if self.weekdays:
            return "on " + ", ".join(WEEKDAYS[day] for day in self.weekdays)
        if self.day_of_month:
            return f"on day {self.day_of_month} of the month" if self.day_of_month < 31 else "on the last of the month"
        return "every day" if self.step == 1 else f"every {format_duration(self.step * DAY_US)} from {self.first} on"


class ScheduleEntry(EntryBase, frozen=True):
    """Settings: at, weekdays or day_of_month or every with from, zone, segment or rule."""

    at_s: int
    """Seconds after midnight."""
    days: Days
    fixed: str
    """The zone whose clocks count for everybody; empty for her own."""
    default_zone: str
    who: Who

    def timetable(self) -> Timetable:
        return self

    def after(self, state: ProfileState, number: int) -> Iterator[Occasion]:
        name = self.fixed or local_time.zone_name(state, self.default_zone)
        for day in self.days.after(calendar.day_of(number)):
            found = calendar.number_of(day)
            yield Occasion(found, calendar.instant_us(found, self.at_s, name))

    def margin_us(self) -> int:
        return _MARGIN_US

    def asked(self, query: Query) -> str:
        return query.people()

    def reads(self) -> Iterator[str]:
        if not self.fixed:
            yield f"trait:{ZONE_TRAIT}"

    def rules(self) -> tuple[Condition, ...]:
        return (self.who.rule,) if self.who.rule is not None else ()

    def words(self) -> str:
        where = f"in {self.fixed}" if self.fixed else "where the person is"
        return f"{self.who.words()} at {calendar.clock_words(self.at_s)} {where}, {self.days.words()}"


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Entry:
    only(raw, {"schedule"}, where)
    settings, path = raw["schedule"], f"{where}.schedule"
    if not isinstance(settings, dict):
        raise DefinitionError(
            path, "needs settings", got=settings, wanted='`at`, such as "09:00", and `segment` or `rule`'
        )
    only(settings, {"at", "weekdays", "day_of_month", "every", "from", "zone", "segment", "rule"}, path)
    who = calendar.parse_who(settings, traits, path)
    if who.rule is None:
        raise DefinitionError(path, "needs `segment` or `rule`: for whom it is", got=settings)
    return ScheduleEntry(
        at_s=calendar.time_of_day(settings, path),
        days=_days(settings, path),
        fixed=_zone(settings, path),
        default_zone=traits.zone,
        who=who,
    )


def _days(settings: dict[str, Any], path: str) -> Days:
    said = [name for name in DAYS if name in settings]
    if len(said) > 1:
        raise DefinitionError(path, "use one of `weekdays`, `day_of_month` and `every`", got=said)
    if ("every" in settings) != ("from" in settings):
        raise DefinitionError(path, "needs both `every` and `from`, a day that it is on, or neither", got=settings)
    if "weekdays" in settings:
        return Days(weekdays=local_time.days(settings["weekdays"], f"{path}.weekdays"))
    if "day_of_month" in settings:
        return Days(day_of_month=_day_of_month(settings["day_of_month"], f"{path}.day_of_month"))
    if "every" in settings:
        first = calendar.day_of(window.date(settings["from"], f"{path}.from"))
        return Days(step=_whole_days(settings["every"], f"{path}.every"), first=first)
    return Days()


def _day_of_month(raw: Any, path: str) -> int:
    if raw == LAST:
        return 31
    if not isinstance(raw, int) or isinstance(raw, bool) or not 1 <= raw <= 31:
        raise DefinitionError(path, "no day of a month", got=raw, wanted="1 to 31, or last")
    return raw


def _whole_days(raw: Any, path: str) -> int:
    days, rest = divmod(calendar.span(raw, path), DAY_US)
    if rest:
        raise DefinitionError(path, "needs whole days", got=raw, wanted="such as 2d or 2w")
    return days


def _zone(settings: dict[str, Any], path: str) -> str:
    name = settings.get("zone", "")
    if "zone" in settings and (not isinstance(name, str) or name not in NAMES):
        near = get_close_matches(str(name), NAMES, 1)
        do = f"did you mean {near[0]}?" if near else "use a name of the IANA database such as Europe/London"
        raise DefinitionError(f"{path}.zone", "unknown time zone", got=name, do=do)
    return str(name)
