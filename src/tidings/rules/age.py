"""Where an instant lies beside now: at most so far or further, or between the two. What `trait` asks of one that is a trait's
value, and `first` and `last` of when the event was.

`within: W` is up to W ago, `older_than: W` is W ago or longer, `in_next: W` is up to W ahead, `further_than: W` is further ahead than that.
Two that look the same way are a span from one to the other. So it holds for one stretch of time, and turns at most twice.
"""

from __future__ import annotations

from typing import Any

import msgspec

from tidings.clock import format_duration, iso
from tidings.domain.instants import END_US, instant_of
from tidings.domain.sql import Query, instant_sql
from tidings.errors import DefinitionError
from tidings.rules import window
from tidings.rules.base import NEVER, NO, Verdict

BACK = ("within", "older_than")
"""What a definition may say of an instant that is past: up to, and from."""
AHEAD = ("in_next", "further_than")
"""The same of one that is ahead."""
SETTINGS = (*BACK, *AHEAD)
_WORDS = {
    "within": "within {}",
    "older_than": "older than {}",
    "in_next": "in the next {}",
    "further_than": "further than {} ahead",
}


class Age(msgspec.Struct, frozen=True, gc=False):
    """One such test: it holds from `opens_us` after the instant on, until `closes_us` after it."""

    words: str
    """For people: ``within 90d and older than 60d``."""
    opens_us: int | None
    """Less than 0 when it opens before the instant; None when it always was open."""
    closes_us: int | None
    """None when it stays open."""

    def judge(self, value: Any, at_us: int) -> Verdict:
        """Of the instant that `value` is; no other value ever passes."""
        instant_us = instant_of(value)
        if instant_us is None:
            return NO
        found = self.judge_instant(instant_us, at_us)
        return found if found.next_us < END_US else Verdict(found.holds)  # after the end of the calendar nothing turns

    def judge_instant(self, instant_us: int, at_us: int) -> Verdict:
        """Of an instant."""
        if self.opens_us is not None and at_us < instant_us + self.opens_us:
            return Verdict(False, instant_us + self.opens_us)
        if self.closes_us is None:
            return Verdict(True, NEVER)
        return Verdict(True, instant_us + self.closes_us) if at_us < instant_us + self.closes_us else NO

    def sql(self, query: Query, value: str) -> str:
        """Whether a JSON expression passes."""
        return f"COALESCE({self.sql_instant(query, instant_sql(value))}, false)"

    def sql_instant(self, query: Query, instant: str) -> str:
        """Whether an expression that is an instant passes."""
        tests = []
        if self.opens_us is not None:
            tests.append(f"{instant} <= {query.at_us - self.opens_us}")
        if self.closes_us is not None:
            tests.append(f"{instant} > {query.at_us - self.closes_us}")
        return " AND ".join(tests)


def shown(value: Any) -> str:
    """The instant that a value is, for people; empty when it is none."""
    instant_us = instant_of(value)
    return iso(instant_us) if instant_us is not None else ""


def parse(raw: dict[str, Any], where: str) -> Age | None:
    """The test among the settings of a condition; None when there is none. Raises DefinitionError."""
    given = [name for name in SETTINGS if name in raw]
    if not given:
        return None
    if set(given) & set(BACK) and set(given) & set(AHEAD):
        raise DefinitionError(
            where,
            "can never hold: no instant is past and ahead",
            got=given,
            wanted=" and ".join(f"`{name}`" for name in BACK) + ", or " + " and ".join(f"`{name}`" for name in AHEAD),
            do="join two conditions by `any`",
        )
    spans = {name: window.span(raw[name], f"{where}.{name}") for name in given}
    for most, least in (BACK, AHEAD):
        if most in spans and spans[most] <= spans.get(least, 0):
            raise DefinitionError(
                where,
                f"can never hold: `{most}` is not longer than `{least}`",
                got=[raw[most], raw[least]],
                do=f"between 60 and 90 days is `{least}: 60d` and `{most}: 90d`",
            )
    words = " and ".join(_WORDS[name].format(format_duration(span_us)) for name, span_us in spans.items())
    return Age(words, *(_back(spans) if given[0] in BACK else _ahead(spans)))


def _back(spans: dict[str, int]) -> tuple[int, int | None]:
    """From when to when after a past instant."""
    return spans.get("older_than", 0), spans.get("within")


def _ahead(spans: dict[str, int]) -> tuple[int | None, int]:
    """From when to when before an instant that is ahead."""
    return -spans["in_next"] if "in_next" in spans else None, -spans.get("further_than", 0)
