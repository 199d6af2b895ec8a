"""When people engage with mail: counts for each hour of the week on their own clocks, as ``send_times.yml`` has them for everybody.

The file is made from what is known (`hosts/send_times.py`), dated, and a definition like any other, so a replay goes by the one that was in
force. What a machine opened or followed says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from tidings.accumulate.base import only
from tidings.accumulate.latest import Latest
from tidings.clock import DAY_US, SECOND_US
from tidings.domain import compare, feedback
from tidings.domain.filter import EventFilter
from tidings.domain.zones import zone
from tidings.errors import DefinitionError
from tidings.rules.local_time import WEEKDAYS

FILE = "send_times.yml"
KEPT = 50
"""Latest engagements of a person that count."""
ENGAGED = EventFilter(
    tuple(sorted((feedback.EMAIL_OPENED, feedback.EMAIL_CLICKED))),
    (("machine", compare.parse({"not_equals": True}, "machine")),),
)
LATEST = Latest(ENGAGED, KEPT)
HALF_LIFE_US = 30 * DAY_US
"""An engagement that lies so far back counts half."""
WHOLE = 4_096
"""What an engagement counts that has just been; after twelve half-lives it counts 1, later nothing."""
HOURS = 24


class SendTimes(msgspec.Struct, frozen=True):
    """When everybody engages."""

    week: tuple[int, ...] = (0,) * HOURS * 7
    """Engagements by hour of the week; Monday, 00:00 to 01:00, is the first."""
    as_of: str = ""
    """When they were counted; empty when nobody counted."""

    @property
    def day(self) -> tuple[int, ...]:
        """By hour of the day."""
        return tuple(sum(self.week[hour::HOURS]) for hour in range(HOURS))

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.week)


UNKNOWN = SendTimes()


def hour_of_week(at_us: int, zone_name: str) -> int:
    """Which hour of the week a clock shows; 0 is Monday, 00:00 to 01:00."""
    local = datetime.fromtimestamp(at_us // SECOND_US, zone(zone_name))
    return local.weekday() * HOURS + local.hour


def weight(age_us: int) -> int:
    """What an engagement of that age counts."""
    return WHOLE >> (max(age_us, 0) // HALF_LIFE_US) if age_us < 13 * HALF_LIFE_US else 0


def shown(hour: int, *, of_week: bool) -> str:
    """An hour for people: ``19h``, ``sun 19h``."""
    return f"{WEEKDAYS[hour // HOURS]} {hour % HOURS}h" if of_week else f"{hour % HOURS}h"


def parse(raw: Any, where: str) -> SendTimes:
    """The content of ``send_times.yml``; None is nothing counted. Raises DefinitionError."""
    if raw is None:
        return UNKNOWN
    if not isinstance(raw, dict):
        raise DefinitionError(where, "needs counts", got=raw, do="make it: tidings send-times")
    only(raw, {"as_of", "known_at", "people", "engagements", *WEEKDAYS}, where)
    week = [count for day in WEEKDAYS for count in _hours(raw.get(day), f"{where}: {day}")]
    return SendTimes(tuple(week), str(raw.get("as_of", "")))


def _hours(raw: Any, where: str) -> Iterable[int]:
    counts = isinstance(raw, list) and len(raw) == HOURS and all(type(one) is int and one >= 0 for one in raw)
    if not counts:
        raise DefinitionError(where, f"needs {HOURS} counts, one an hour", got=raw, do="make it: tidings send-times")
    found: list[int] = raw
    return found
