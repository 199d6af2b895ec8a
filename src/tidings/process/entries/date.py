"""date: a day of hers comes, every year or once, or so long before or after it.

``date: {trait: birthday, every: year, at: "09:00"}``, ``date: {trait: renewal_at, before: 3d}``. With `at` it is a day, and a time on her own
clock on it; an instant's day is that in UTC, so of a date (``1990-05-17``) it is this day. Without, it is the very instant.
Every year: the day itself is none of its own, and 29 February is kept on the 28th where there is none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import count
from typing import Any

from tidings.accumulate.base import only
from tidings.accumulate.reading import is_number
from tidings.clock import DAY_US, format_duration
from tidings.domain import schema
from tidings.domain.instants import instant_of
from tidings.domain.profile import ProfileState
from tidings.domain.sql import Query, instant_sql
from tidings.errors import DefinitionError
from tidings.process.entries import calendar
from tidings.process.entries.base import Entry, EntryBase
from tidings.process.entries.calendar import LATEST_US, Occasion, Timetable, Who
from tidings.rules import local_time, sql
from tidings.rules.base import Condition, Reading, Traits
from tidings.rules.local_time import ZONE_TRAIT

YEAR = "year"
SETTINGS = {
    "trait": schema.TRAIT,
    "every": schema.one_of((YEAR,)),
    "before": schema.SPAN,
    "after": schema.SPAN,
    "at": local_time.CLOCK,
    **calendar.WHO,
}
SCHEMA = schema.settings({"date": schema.settings(SETTINGS, ["trait"])}, ["date"])
MAX_SHIFT_US = 366 * DAY_US
"""Furthest before or after a day that comes every year."""


class DateEntry(EntryBase, frozen=True):
    """Settings: trait, every, before or after, at, segment or rule."""

    trait: str
    reading: Reading | None
    """How a computed trait is read; None for a given one."""
    yearly: bool
    shift_us: int
    """Negative for before."""
    at_s: int
    """Seconds after midnight; -1 for the instant itself."""
    default_zone: str
    who: Who

    def timetable(self) -> Timetable:
        return self

    def after(self, state: ProfileState, number: int) -> Iterator[Occasion]:
        value_us = instant_of(self._value(state))
        if value_us is None or value_us >= LATEST_US:
            return
        name = local_time.zone_name(state, self.default_zone)
        for one in self._numbers(value_us, number):
            at_us = calendar.instant_us(one, self.at_s, name) if self.at_s >= 0 else one
            yield Occasion(one, at_us)

    def _numbers(self, value_us: int, number: int) -> Iterator[int]:
        """Numbers of occasions after this one."""
        if not self.yearly:
            once = (value_us // DAY_US * DAY_US if self.at_s >= 0 else value_us) + self.shift_us
            yield from (once,) if number < once < LATEST_US else ()
            return
        born = calendar.day_of(value_us)
        shift = timedelta(microseconds=self.shift_us)
        first = max(born.year + 1, (calendar.day_of(number) - shift).year)
        found = (calendar.number_of(_day(year, born) + shift) for year in count(first))
        yield from (one for one in found if one > number)

    def _value(self, state: ProfileState) -> Any:
        if self.reading is not None:
            return self.reading.read(state.values, state.clock_us)
        given = state.traits.get(self.trait)
        return given.value if given is not None else None

    def margin_us(self) -> int:
        return 2 * DAY_US if self.at_s >= 0 else 0

    def asked(self, query: Query) -> str:
        values = self.reading.sql(query) if self.reading is not None else sql.given(query, self.trait)
        return f"SELECT profile_id FROM (SELECT profile_id, {instant_sql('value')} AS day_us FROM ({values})) WHERE day_us < {LATEST_US}"

    def reads(self) -> Iterator[str]:
        if self.at_s >= 0:
            yield f"trait:{ZONE_TRAIT}"
        if self.reading is None:
            yield f"trait:{self.trait}"
        else:
            yield from (f"slot:{slot}" for slot in self.reading.slots)

    def rules(self) -> tuple[Condition, ...]:
        return (self.who.rule,) if self.who.rule is not None else ()

    def words(self) -> str:
        shift = "before" if self.shift_us < 0 else "after"
        shifted = f"{format_duration(abs(self.shift_us))} {shift} " if self.shift_us else ""
        at = f", at {calendar.clock_words(self.at_s)} where the person is" if self.at_s >= 0 else ""
        yearly = ", every year" if self.yearly else ""
        whom = f", and {self.who.words()} then" if self.who.rule is not None else ""
        return f"comes to {shifted}{self.trait}{yearly}{at}{whom}"


def _day(year: int, born: date) -> date:
    """That day of a year; 28 February for one that this year does not have."""
    try:
        return born.replace(year=year)
    except ValueError:
        return date(year, 2, 28)


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Entry:
    only(raw, {"date"}, where)
    settings, path = raw["date"], f"{where}.date"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="`trait`, and perhaps `every: year`")
    only(settings, {"trait", "every", "before", "after", "at", "segment", "rule"}, path)
    trait, yearly = settings.get("trait"), "every" in settings
    if not isinstance(trait, str) or not trait:
        raise DefinitionError(path, "`trait` needs the name of a trait", got=trait)
    if yearly and settings["every"] != YEAR:
        raise DefinitionError(f"{path}.every", "unknown", got=settings["every"], wanted=YEAR)
    if yearly and "at" not in settings:
        raise DefinitionError(path, "needs `at`: a time of that day", got=settings, wanted='such as "09:00"')
    return DateEntry(
        trait=trait,
        reading=_reading(trait, traits, f"{path}.trait"),
        yearly=yearly,
        shift_us=_shift(settings, path, yearly=yearly),
        at_s=calendar.time_of_day(settings, path) if "at" in settings else -1,
        default_zone=traits.zone,
        who=calendar.parse_who(settings, traits, path),
    )


def _reading(trait: str, traits: Traits, path: str) -> Reading | None:
    reading = traits.computed(trait)
    if reading is not None and not reading.timeless:
        raise DefinitionError(path, "needs a trait without a window", got=trait)
    if reading is not None and is_number(reading):
        do = "use `first` or `last`, or a trait that is given"
        raise DefinitionError(path, "does not fit: it is a number, and no date", got=trait, do=do)
    return reading


def _shift(settings: dict[str, Any], path: str, *, yearly: bool) -> int:
    """So long before (negative) or after. Raises DefinitionError."""
    said = [name for name in ("before", "after") if name in settings]
    if len(said) > 1:
        raise DefinitionError(path, "use `before` or `after`, not both")
    if not said:
        return 0
    name, raw = said[0], settings[said[0]]
    shift_us = calendar.span(raw, f"{path}.{name}")
    if "at" in settings and shift_us % DAY_US:
        raise DefinitionError(f"{path}.{name}", "needs whole days beside `at`", got=raw, wanted="such as 3d or 2w")
    if yearly and shift_us > MAX_SHIFT_US:
        raise DefinitionError(f"{path}.{name}", "is too long", got=raw, wanted=format_duration(MAX_SHIFT_US))
    return -shift_us if name == "before" else shift_us
