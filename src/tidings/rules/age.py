"""Where an instant lies beside now, at most so far or further: what `trait` asks of one that is a trait's value.

`within: W` is up to W ago, `older_than: W` is W ago or longer, `in_next: W` is up to W ahead, `further_than: W` is further ahead than that.
Each holds for one stretch of time, so it turns at most twice.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.clock import format_duration, iso
from tidings.domain.instants import END_US, instant_of
from tidings.domain.sql import Query, instant_sql
from tidings.errors import DefinitionError
from tidings.rules import window
from tidings.rules.base import NO, YES, Verdict

SETTINGS = ("within", "older_than", "in_next", "further_than")
"""What a definition may say; one of them."""
_WORDS = {
    "within": "is within {}",
    "older_than": "is older than {}",
    "in_next": "is in the next {}",
    "further_than": "is further than {} ahead",
}


class Age(msgspec.Struct, frozen=True, gc=False):
    """One such test."""

    setting: str
    span_us: int

    def judge(self, value: Any, at_us: int) -> Verdict:
        """Of the instant that `value` is; no other value ever passes."""
        instant_us = instant_of(value)
        if instant_us is None:
            return NO
        found = self._verdict(instant_us, at_us)
        return found if found.next_us < END_US else Verdict(found.holds)  # after the end of the calendar nothing turns

    def _verdict(self, instant_us: int, at_us: int) -> Verdict:
        match self.setting:
            case "within":
                from_us, to_us = instant_us, instant_us + self.span_us
            case "older_than":
                return _from(instant_us + self.span_us, at_us)
            case "in_next":
                from_us, to_us = instant_us - self.span_us, instant_us
            case _:
                turns_us = instant_us - self.span_us
                return NO if at_us >= turns_us else Verdict(True, turns_us)
        if at_us < from_us:
            return Verdict(False, from_us)
        return Verdict(True, to_us) if at_us < to_us else NO

    def words(self) -> str:
        """For people: ``is within 30d``."""
        return _WORDS[self.setting].format(format_duration(self.span_us))

    def sql(self, query: Query, value: str) -> str:
        """Whether a JSON expression passes."""
        instant, at_us, span_us = instant_sql(value), query.at_us, self.span_us
        tests = {
            "within": f"{instant} > {at_us - span_us} AND {instant} <= {at_us}",
            "older_than": f"{instant} <= {at_us - span_us}",
            "in_next": f"{instant} > {at_us} AND {instant} <= {at_us + span_us}",
            "further_than": f"{instant} > {at_us + span_us}",
        }
        return f"COALESCE({tests[self.setting]}, false)"


def _from(turns_us: int, at_us: int) -> Verdict:
    return YES if at_us >= turns_us else Verdict(False, turns_us)


def shown(value: Any) -> str:
    """The instant that a value is, for people; empty when it is none."""
    instant_us = instant_of(value)
    return iso(instant_us) if instant_us is not None else ""


def parse(raw: dict[str, Any], where: str) -> Age | None:
    """The test among the settings of a condition; None when there is none. Raises DefinitionError."""
    given = [name for name in SETTINGS if name in raw]
    if len(given) > 1:
        ways = ", ".join(f"`{name}`" for name in SETTINGS)
        raise DefinitionError(where, f"use one of {ways}", got=given, do="join two conditions by `all`")
    return Age(given[0], window.span(raw[given[0]], f"{where}.{given[0]}")) if given else None
