"""Caps: at most so many messages of some categories in a span, or in a day, a week or a month of hers.

``{at_most: 2, per: 24h}`` counts in any span of that length: a message exactly a span ago no longer counts. ``per: day`` (``week``, ``month``)
counts from midnight (Monday, the first) on her own clock. What counts are messages that were decided on, not those refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.clock import SECOND_US, format_duration, iso, parse_duration
from tidings.domain import schema
from tidings.domain.names import known
from tidings.domain.profile import Sent
from tidings.domain.zones import zone
from tidings.errors import DefinitionError
from tidings.rules import local_time

MAX_CAP = 100
"""Largest number of messages that a cap may allow; bounds what is remembered per person."""
MAX_CAPS = 20
"""Caps across categories that one policy may have."""
MAX_SHOWN = 10
"""Counted messages that the evidence names: the latest ones."""
CALENDAR = ("day", "week", "month")

_PER = {"anyOf": [schema.SPAN, schema.one_of(CALENDAR)]}
OWN = schema.settings({"at_most": schema.whole(1, MAX_CAP), "per": _PER}, ["at_most", "per"])
"""The JSON Schema of a category's own cap."""
SCHEMA = {
    "type": "array",
    "maxItems": MAX_CAPS,
    "items": schema.settings(
        {"at_most": schema.whole(1, MAX_CAP), "per": _PER, "categories": schema.NAMES}, ["at_most", "per"]
    ),
}
"""The JSON Schema of caps across categories."""


class Cap(msgspec.Struct, frozen=True, kw_only=True):
    """One cap."""

    at_most: int
    """So many messages."""
    span_us: int = 0
    """In any span of this length; 0 when it goes by the calendar."""
    unit: str = ""
    """``day``, ``week`` or ``month`` of hers; empty when it goes by a span."""
    categories: frozenset[str]
    """Messages of these count, together."""
    named: tuple[str, ...]
    """The same, sorted."""
    per: str
    """The span or unit as it is shown."""


class Reached(msgspec.Struct, frozen=True):
    """A cap with what counted against it."""

    cap: Cap
    counted: Sequence[Sent]
    """Oldest first."""
    zone: str
    at_us: int

    @property
    def full(self) -> bool:
        """Whether one more would be too many."""
        return len(self.counted) >= self.cap.at_most

    def free_us(self) -> int:
        """The earliest instant at which one more may go; only asked when it is full."""
        if self.cap.unit:
            return next_us(self.cap.unit, self.at_us, self.zone)
        return self.counted[-self.cap.at_most].decided_us + self.cap.span_us

    def evidence(self) -> dict[str, Any]:
        """What a message keeps of it."""
        return {
            "at_most": self.cap.at_most,
            "per": self.cap.per,
            "categories": list(self.cap.named),
            "counted": len(self.counted),
            "messages": [one.message_id for one in self.counted[-MAX_SHOWN:]],
        }


def parse_one(raw: Any, category: str, where: str) -> Cap:
    """A category's own cap. Raises DefinitionError."""
    if not isinstance(raw, dict) or set(raw) - {"at_most", "per"}:
        raise DefinitionError(where, "needs `at_most` and `per`", got=raw)
    return _cap(raw, frozenset({category}), where)


def parse(raw: Any, common: Sequence[str], exempt: Sequence[str], where: str) -> tuple[Cap, ...]:
    """Caps across categories: all the `common` ones, or those named. Raises DefinitionError."""
    if not isinstance(raw, list) or len(raw) > MAX_CAPS:
        raise DefinitionError(where, f"needs a list of at most {MAX_CAPS} caps", got=raw)
    found = []
    for index, one in enumerate(raw):
        path = f"{where}[{index}]"
        if not isinstance(one, dict):
            raise DefinitionError(path, "needs `at_most` and `per`", got=one)
        only(one, {"at_most", "per", "categories"}, path)
        named = frozenset(covered(one.get("categories"), common, exempt, f"{path}.categories"))
        found.append(_cap(one, named, path))
    return tuple(found)


def covered(raw: Any, common: Sequence[str], exempt: Sequence[str], where: str) -> list[str]:
    """Categories that a rule across categories names, or all that are not exempt. Raises DefinitionError."""
    if raw is None:
        return list(common)
    names = [raw] if isinstance(raw, str) else raw
    if not isinstance(names, list) or not names:
        raise DefinitionError(where, "needs categories", got=raw, wanted="a name or a list of names")
    for name in names:
        known(name, [*common, *exempt], "category", where, "define it in policy.yml")
        if name in exempt:
            raise DefinitionError(
                where, "an exempt category", got=name, do="leave it out, or write `exempt: false` in that category"
            )
    return list(names)


def _cap(raw: Mapping[str, Any], categories: frozenset[str], where: str) -> Cap:
    at_most, per = raw.get("at_most"), raw.get("per", "")
    if not isinstance(at_most, int) or isinstance(at_most, bool) or not 1 <= at_most <= MAX_CAP:
        raise DefinitionError(f"{where}.at_most", "out of range", got=at_most, wanted=f"1 to {MAX_CAP}")
    named = tuple(sorted(categories))
    if per in CALENDAR:
        return Cap(at_most=at_most, unit=per, categories=categories, named=named, per=per)
    try:
        span_us = parse_duration(per)
    except ValueError as error:
        raise DefinitionError(f"{where}.per", f"{error}; or day, week or month") from error
    return Cap(at_most=at_most, span_us=span_us, categories=categories, named=named, per=format_duration(span_us))


def reached(cap: Cap, sends: Sequence[Sent], name: str, at_us: int) -> Reached:
    """What counts against a cap at an instant, in a zone."""
    from_us = begin_us(cap.unit, at_us, name) if cap.unit else at_us - cap.span_us + 1
    counted = [one for one in sends if one.category in cap.categories and one.decided_us >= from_us]
    return Reached(cap, counted, name, at_us)


def begin_us(unit: str, at_us: int, name: str) -> int:
    """When the day, week or month of an instant began on the clock of a zone."""
    return min(_midnights_us(_first(unit, _day(at_us, name)), name))


def next_us(unit: str, at_us: int, name: str) -> int:
    """When the next one begins."""
    ahead = {"day": 1, "week": 7, "month": 31}[unit]
    begins = _midnights_us(_first(unit, _first(unit, _day(at_us, name)) + timedelta(days=ahead)), name)
    return min((one for one in begins if one > at_us), default=max(begins))


def _day(at_us: int, name: str) -> date:
    return datetime.fromtimestamp(max(at_us // SECOND_US, 0), zone(name)).date()


def _first(unit: str, day: date) -> date:
    if unit == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit == "month" else day


@lru_cache(maxsize=1 << 14)
def _midnights_us(day: date, name: str) -> tuple[int, ...]:
    """When a day begins: where midnight is skipped, when the clocks are put forward; where it comes twice, both times."""
    found = [one * SECOND_US for one in sorted(local_time.instants(day, 0, name))]
    return tuple(one for one in found if _day(one, name) == day) or (found[-1],)


def words(cap: Cap) -> str:
    """The cap for people."""
    what = " and ".join(cap.named)
    span = f"a {cap.unit} of hers" if cap.unit else format_duration(cap.span_us)
    return f"at most {cap.at_most} {what} messages in {span}"


def shown(evidence: Mapping[str, Any]) -> str:
    """A cap's evidence in a sentence; also as older messages kept it."""
    per = evidence.get("per") or format_duration(int(evidence["per_us"]))
    span = f"that {per}" if per in CALENDAR else f"the {per} before this one"
    what = " and ".join(evidence.get("categories", ()))
    return f"{evidence['counted']} of at most {evidence['at_most']}{f' {what}' if what else ''} messages in {span}."


def waiting(one: Reached, until_us: int) -> str:
    """What the path of a run says that waits for room."""
    return f"waits until {iso(until_us)}: had {len(one.counted)}, {words(one.cap)}"
