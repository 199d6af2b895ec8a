"""anniversary: a day that comes back every year is today, or in the next days, on the person's own calendar.

``anniversary: {of: birthday}`` is today's; ``anniversary: {of: first_order, in_next: 7d}`` today's and those up to the day that it is in 7
days. `of` names a trait that is an instant; its day is that in UTC, so of a date (``1990-05-17``) it is this day. The day itself
is no anniversary of its own. 29 February is kept on the 28th where there is none. Her zone is as in `local_time`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.accumulate.reading import is_number
from tidings.clock import DAY_US, SECOND_US, format_duration, parse_instant
from tidings.domain import schema
from tidings.domain.instants import instant_of
from tidings.domain.profile import ProfileState
from tidings.domain.sql import Query, instant_sql
from tidings.domain.zones import NAMES, zone
from tidings.errors import DefinitionError
from tidings.rules import sql, window
from tidings.rules.base import NO, Condition, Reading, Traits, Verdict
from tidings.rules.form import Form, Setting
from tidings.rules.local_time import ZONE_TRAIT, clock_changes, zone_name

MAX_AHEAD_US = 180 * DAY_US
"""Furthest that can be looked ahead: half a year, so that there is always a time when it does not hold."""
FORM = Form((Setting("of", schema.TRAIT, leads=True, word="of"), Setting("in_next", schema.SPAN)))
"""``anniversary of birthday in next 7d``."""


_EPOCH = date(1970, 1, 1)
_LATEST_US = parse_instant("9990-01-01")
"""Where the calendar is too near its end to look years ahead; anybody may say that this is her birthday."""


def _date(instant_us: int) -> date:
    """Its day in UTC."""
    return _EPOCH + timedelta(days=instant_us // DAY_US)


def _day(year: int, month: int, day: int) -> date:
    """That day of a year; 28 February for one that this year does not have."""
    return date(year, month, day) if (month, day) != (2, 29) or _leap(year) else date(year, 2, 28)


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _begins_us(day: date, name: str) -> set[int]:
    """When a local day begins; where clocks are put back over midnight also when it is left again, and begins once more."""
    midnight = datetime.combine(day, time(), zone(name))
    first_s = int(midnight.timestamp())
    again_s = int(midnight.replace(fold=1).timestamp())
    found = {first_s, again_s, *clock_changes(first_s, first_s + DAY_US // SECOND_US, name)}
    return {one * SECOND_US for one in found}


def _today(at_us: int, name: str) -> date:
    return datetime.fromtimestamp(max(at_us // SECOND_US, 0), zone(name)).date()


@lru_cache(maxsize=1 << 14)
def _turns(month: int, day: int, ahead_us: int, name: str, year: int) -> tuple[int, ...]:
    """Instants around a year at which it can begin or end to hold in a zone, sorted."""
    days = [_day(one, month, day) for one in range(year - 1, year + 3)]
    begins = {turn - ahead_us for one in days for turn in _begins_us(one, name)}
    return tuple(sorted(begins.union(*(_begins_us(one + timedelta(days=1), name) for one in days))))


class Anniversary(msgspec.Struct, frozen=True):
    """Whether it is one."""

    trait: str
    reading: Reading | None
    """How a computed trait is read; None for a given one."""
    ahead_us: int
    default_zone: str

    def judge(self, state: ProfileState, at_us: int) -> Verdict:
        value, name = self._value(state, at_us), zone_name(state, self.default_zone)
        instant_us = instant_of(value)
        verdict = NO
        if instant_us is not None and instant_us < _LATEST_US:
            verdict = self._verdict(_date(instant_us), name, at_us)
        return verdict

    def _verdict(self, born: date, name: str, at_us: int) -> Verdict:
        holds = self._holds(born, name, at_us)
        year = max(_today(at_us, name).year, born.year)  # nothing turns before the year of the day itself is over
        turns = _turns(born.month, born.day, self.ahead_us, name, year)
        for one in turns[bisect_right(turns, at_us) :]:
            if self._holds(born, name, one) is not holds:
                return Verdict(holds, one)
        return Verdict(holds)

    def _holds(self, born: date, name: str, at_us: int) -> bool:
        today, last = _today(at_us, name), _today(at_us + self.ahead_us, name)
        return any(
            today <= _day(year, born.month, born.day) <= last
            for year in range(max(today.year, born.year + 1), last.year + 1)
        )

    def _value(self, state: ProfileState, at_us: int) -> Any:
        if self.reading is not None:
            return self.reading.read(state.values, at_us)
        given = state.traits.get(self.trait)
        return given.value if given is not None else None

    def reads(self) -> Iterator[str]:
        yield f"trait:{ZONE_TRAIT}"
        if self.reading is None:
            yield f"trait:{self.trait}"
        else:
            yield from (f"slot:{slot}" for slot in self.reading.slots)

    def words(self) -> str:
        ahead = f"in the next {format_duration(self.ahead_us)}" if self.ahead_us else "today"
        return f"the anniversary of {self.trait} is {ahead}"

    def explain(self, state: ProfileState, at_us: int) -> str:
        instant_us, name = instant_of(self._value(state, at_us)), zone_name(state, self.default_zone)
        known = "unknown" if instant_us is None else str(_date(instant_us))
        holds = "yes" if self.judge(state, at_us).holds else "no"
        return f"{self.words()}: {holds} ({known}; it is {_today(at_us, name)} in {name})"

    def sql(self, query: Query) -> str:
        values = self.reading.sql(query) if self.reading is not None else sql.given(query, self.trait)
        rows = ", ".join(
            f"({sql.text(name)}, DATE '{_today(query.at_us, name)}', DATE '{_today(query.at_us + self.ahead_us, name)}')"
            for name in sorted(NAMES)
        )
        zones = sql.given(query, ZONE_TRAIT)
        own = f"CASE json_type(theirs.value) WHEN 'VARCHAR' THEN {sql.as_text('theirs.value')} END"
        tests = " OR ".join(
            f"(extract('year' FROM {end}) > extract('year' FROM born) AND {_day_sql(end)} BETWEEN today AND last)"
            for end in ("today", "last")
        )
        return (
            f"SELECT profile_id FROM (SELECT own.profile_id, make_timestamp({instant_sql('own.value')})::DATE AS born,"
            f" COALESCE(named.today, usual.today) AS today, COALESCE(named.last, usual.last) AS last"
            f" FROM ({values}) AS own LEFT JOIN ({zones}) AS theirs ON theirs.profile_id = own.profile_id"
            f" LEFT JOIN (VALUES {rows}) AS named(zone, today, last) ON named.zone = {own}"
            f" CROSS JOIN (SELECT * FROM (VALUES {rows}) AS every(zone, today, last)"
            f" WHERE zone = {sql.text(self.default_zone)}) AS usual)"
            f" WHERE born IS NOT NULL AND born < DATE '{_date(_LATEST_US)}' AND ({tests})"
        )


def _day_sql(around: str) -> str:
    """The anniversary of `born` in the year of a date."""
    year = f"extract('year' FROM {around})"
    leap = f"({year} % 4 = 0 AND ({year} % 100 <> 0 OR {year} % 400 = 0))"
    late = f"extract('month' FROM born) = 2 AND extract('day' FROM born) = 29 AND NOT {leap}"
    day = f"CASE WHEN {late} THEN 28 ELSE extract('day' FROM born) END"
    return f"make_date({year}, extract('month' FROM born), {day})"


def parse(raw: dict[str, Any], traits: Traits, where: str) -> Condition:
    settings, path = raw["anniversary"], f"{where}.anniversary"
    if not isinstance(settings, dict):
        raise DefinitionError(path, "needs settings", got=settings, wanted="of, and perhaps in_next")
    only(settings, {"of", "in_next"}, path)
    name = settings.get("of")
    if not isinstance(name, str) or not name:
        raise DefinitionError(path, "`of` needs the name of a trait", got=name)
    ahead_us = window.span(settings["in_next"], f"{path}.in_next") if "in_next" in settings else 0
    if ahead_us > MAX_AHEAD_US:
        raise DefinitionError(
            f"{path}.in_next", "looks too far ahead", got=settings["in_next"], wanted=format_duration(MAX_AHEAD_US)
        )
    reading = traits.computed(name)
    if reading is not None and not reading.timeless:
        raise DefinitionError(f"{path}.of", "needs a trait without a window", got=name)
    if reading is not None and is_number(reading):
        do = "use `first` or `last`, or a trait that is given"
        raise DefinitionError(f"{path}.of", "does not fit: it is a number, and no date", got=name, do=do)
    return Anniversary(name, reading, ahead_us, traits.zone)
