"""What a backtest found, in plain data: the JSON of `tidings backtest --json`, and what the report and the terminal show."""

from __future__ import annotations

import msgspec


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a journey."""

    step: str
    """Its id."""
    kind: str
    """``send``, ``wait``, ``branch``, …"""
    words: str
    """The step for people."""
    arrived: int
    """Runs that came to it; one that comes again is counted again."""
    ways: dict[str, int]
    """Following step (or ``exit``) to runs that went there."""
    left: int
    """Runs that ended here from outside: an event of `exit_on`, a merge."""
    waiting: int
    """Runs that were still here at the end."""


class JourneyResult(msgspec.Struct, frozen=True, kw_only=True):
    """One journey."""

    journey: str
    """Its name."""
    version: str
    """Content hash of its definition."""
    entry: str
    """Who enters, for people."""
    started: int
    """Runs that began."""
    first: str
    """When the first one did; empty for none."""
    last: str
    """When the last one did."""
    per_day: dict[str, int]
    """Runs that began, by day."""
    per_hour: list[int]
    """Runs that began, by hour of day: 24 numbers."""
    steps: list[StepResult]
    """Its steps, in order."""
    outcomes: dict[str, int]
    """Runs that ended, by how."""


class PersonResult(msgspec.Struct, frozen=True, kw_only=True):
    """The person who got most."""

    profile_id: str
    """Her profile."""
    known_as: list[str]
    """Her identifiers, such as ``user_id:17850``."""
    messages: int
    """Messages in all."""
    peak: int
    """Most messages within any 7 days."""
    peak_at: str
    """When the last of those was."""


class Purchases(msgspec.Struct, frozen=True, kw_only=True):
    """What people bought after messages. They might have bought without: this is no uplift."""

    events: list[str]
    """What counts as a purchase."""
    within: str
    """How long after a message."""
    followed: int
    """Messages after which the person bought within that time."""
    purchases: int
    """Purchases that followed a message within that time."""
    revenue: float
    """What these were worth."""
    seen_until: str
    """Up to when purchases were looked for; a message later than `within` before it may have been followed unseen."""


class VersionResult(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the definitions over the history."""

    label: str
    """``draft``, ``live``, or the path of a file."""
    journeys: list[JourneyResult]
    """Those that ran."""
    entered: int
    """People who entered any."""
    messages: int
    """Messages that would have been sent."""
    per_day: dict[str, dict[str, int]]
    """The same by day and category."""
    per_template: dict[str, int]
    """The same by template."""
    refused: dict[str, dict[str, int]]
    """Messages that would not have been sent, by category and reason."""
    people_by_messages: dict[int, int]
    """Number of messages to people who got as many."""
    most: PersonResult | None
    """Who got most within 7 days; none when nobody got any."""
    bought: Purchases
    """What followed."""


class Only(msgspec.Struct, frozen=True, kw_only=True):
    """What one of two versions does and the other does not."""

    label: str
    """Which."""
    people: int
    """People who enter in this one only."""
    some: list[str]
    """Some of them, the first to enter."""
    messages: int
    """Messages that people get more in this one than in the other, person by person."""


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Two versions side by side."""

    both: int
    """People who enter in both."""
    only: list[Only]
    """What each does alone: the draft, then the other."""


class BacktestResult(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    history: str
    """What was read."""
    first: str
    """Instant of the first event in it."""
    last: str
    """Instant of the last one."""
    events: int
    """Events in it."""
    rejected: int
    """Lines or records in it that are no event."""
    from_: str = msgspec.field(name="from")
    """Runs began from this instant on; what was before filled memories only."""
    to: str
    """Here the clock stopped."""
    zone: str
    """Time zone of days and hours."""
    complete: bool
    """False when it was interrupted; then it is about the time up to `to` only."""
    notes: list[str]
    """What was assumed, and what history cannot tell. Read these first."""
    versions: list[VersionResult]
    """The draft, and what it was compared with."""
    difference: Difference | None
    """Between the two, if there are two."""
    wall_s: float
    """How long it took."""
    events_per_s: float
    """How fast it was."""
