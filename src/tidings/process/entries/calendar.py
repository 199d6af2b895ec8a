"""Occasions that come by the calendar: which days there are, and when a day's time of day is where somebody is.

An occasion has a number that says which one it is whatever her zone, so that who travels neither misses one nor has it
twice: the midnight of its day, or the instant, in microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import msgspec

from tidings.clock import DAY_US, SECOND_US, parse_duration, parse_instant
from tidings.domain import schema
from tidings.domain.profile import ProfileState
from tidings.domain.sql import Query
from tidings.domain.zones import zone
from tidings.errors import DefinitionError
from tidings.rules import local_time
from tidings.rules import parse as rule_parse
from tidings.rules import schema as rule_schema
from tidings.rules.base import Condition, Traits
from tidings.rules.compile import Judge, compiled

LATEST_US = parse_instant("9990-01-01")
"""Where the calendar is too near its end; anybody may give such a date."""
_EPOCH = date(1970, 1, 1)
WHO = {"segment": schema.NAME, "rule": rule_schema.RULE}
"""Settings that say for whom it is."""


class Occasion(NamedTuple):
    """One of them, for one person."""

    number: int
    """Which it is: microseconds, of the midnight of its day as if it were UTC, or of its instant."""
    at_us: int
    """When it is for her."""


class Timetable(Protocol):
    """What begins runs by time alone."""

    @property
    def who(self) -> Who:
        """For whom it is."""
        ...

    def after(self, state: ProfileState, number: int) -> Iterator[Occasion]:
        """Her occasions whose number is greater, in order; without end, or until there is none."""
        ...

    def margin_us(self) -> int:
        """How far the instant of an occasion can lie from its number."""
        ...

    def asked(self, query: Query) -> str:
        """SELECT the `profile_id` of everybody who has any, whatever rule says for whom they are."""
        ...

    def reads(self) -> Iterator[str]:
        """What her occasions depend on, as conditions say it."""
        ...


class Who(msgspec.Struct, frozen=True):
    """For whom an occasion is: everybody, or those of whom a rule holds at its instant."""

    rule: Condition | None = None
    judge: Judge | None = None
    """The rule, compiled."""
    segment: str = ""
    """The segment that the rule is, for people."""

    def words(self) -> str:
        """``is in segment news``; nothing for everybody."""
        if self.segment:
            return f"is in segment {self.segment}"
        return f"meets the rule ({self.rule.words()})" if self.rule is not None else ""


def parse_who(settings: dict[str, Any], traits: Traits, where: str) -> Who:
    """From ``segment`` or ``rule``. Raises DefinitionError."""
    if "segment" in settings and "rule" in settings:
        raise DefinitionError(where, "use `segment` or `rule`, not both")
    if "segment" in settings:
        rule = rule_parse.parse({"in_segment": settings["segment"]}, traits, where)
    elif "rule" in settings:
        rule = rule_parse.parse(settings["rule"], traits, f"{where}.rule")
    else:
        return Who()
    return Who(rule, compiled(rule), str(settings.get("segment", "")))


def number_of(day: date) -> int:
    """The number of the occasion of a day."""
    return (day - _EPOCH).days * DAY_US


def day_of(number: int) -> date:
    """The day of a number; the inverse of `number_of`."""
    return _EPOCH + timedelta(days=number // DAY_US)


@lru_cache(maxsize=1 << 14)
def instant_us(number: int, at_s: int, name: str) -> int:
    """When clocks in a zone show a time of day on a day: the first time if twice; if it is left out, as much later."""
    day = day_of(number)
    found = sorted(local_time.instants(day, at_s, name))
    shown = [one for one in found if _is_shown(one, at_s, name)]
    return (shown[0] if shown else found[-1]) * SECOND_US


def _is_shown(instant_s: int, at_s: int, name: str) -> bool:
    local = datetime.fromtimestamp(instant_s, zone(name))
    return local.hour * 3_600 + local.minute * 60 == at_s


def time_of_day(settings: dict[str, Any], where: str) -> int:
    """Seconds after midnight of ``at``. Raises DefinitionError."""
    return local_time.seconds(settings.get("at"), f"{where}.at") % 86_400


def clock_words(at_s: int) -> str:
    """``09:00``."""
    return f"{at_s // 3_600:02}:{at_s % 3_600 // 60:02}"


def span(raw: Any, where: str) -> int:
    """A span in microseconds. Raises DefinitionError."""
    try:
        return parse_duration(raw)
    except ValueError as error:
        raise DefinitionError(where, str(error)) from error
