"""What processing puts out: facts for whoever follows, written in blocks with a running number.

One block is what one micro-batch did. Its number is given in the same atomic write as state and offset, so a follower
that remembers the last number it took neither misses nor repeats a block.
"""

from __future__ import annotations

from typing import Any

import msgspec

APPLIED = 0
"""Event status: it changed state."""
DUPLICATE = 1
"""Event status: an event with this id was taken before, within the dedup window."""
REJECTED = 2
"""Event status: kept with its reason; never applied."""

STATUS_NAMES = ("applied", "duplicate", "rejected")


class Outcome(msgspec.Struct, array_like=True, frozen=True, gc=False, order=True):
    """What became of one record of the log: exactly one outcome per offset (law 5)."""

    offset: int
    """Its place in the log."""
    status: int
    """`APPLIED`, `DUPLICATE` or `REJECTED`."""
    source: str
    """Which source it came from."""
    profile_id: str = ""
    """The person it was applied to; empty unless applied."""
    reason: str = ""
    """``word: sentence`` when rejected."""


class Fact(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Something that is now true."""

    kind: str
    """``segment_entered``, ``segment_left``, ``run_started``, ``run_step``, ``run_moved``, ``run_ended``, ``lane_started``, ``lane_ended``, ``profile_merged``,
    ``profile_created``, ``identified``."""
    profile_id: str
    """Whom it is about."""
    subject: str
    """Segment name, journey name, or for a merge the id of the profile that was absorbed."""
    occurred_us: int
    """The instant at which it became true."""
    known_us: int
    """The instant at which we knew: `received_us` of the event, or the due instant of the timer."""
    cause: str
    """``event:<offset>`` or ``timer:<name>``."""
    data: dict[str, Any] = {}
    """More, by kind: run facts carry ``run_id``, ``version``, ``step``, ``outcome``, at its end ``end`` (see `Ending`); ``identified`` carries ``kind``
    and ``value`` of the identifier."""


class OutputBlock(msgspec.Struct, array_like=True, frozen=True):
    """All that one micro-batch did."""

    seq: int
    """Running number, from 1, without gaps."""
    upto_offset: int
    """All records below this offset have been processed."""
    outcomes: list[Outcome]
    """One per record processed in this batch, in log order."""
    facts: list[Fact]
    """In the order in which they became true, per profile."""
    profiles: list[tuple[str, bytes]]
    """(profile_id, encoded `ProfileState`) of every profile that this batch touched, as it is after the batch; empty
    bytes when the profile was absorbed by another."""


def event_cause(offset: int) -> str:
    """What `Fact.cause` says when the event at `offset` is the cause."""
    return f"event:{offset}"


def cause_offset(cause: str) -> int | None:
    """The offset of the causing event; None when it was a timer or a change of definitions."""
    kind, _, offset = cause.partition(":")
    return int(offset) if kind == "event" and offset.isdigit() else None


class FactKind:
    """Names of fact kinds, one line each."""

    SEGMENT_ENTERED = "segment_entered"
    """subject = segment."""
    SEGMENT_LEFT = "segment_left"
    """subject = segment."""
    RUN_STARTED = "run_started"
    """subject = journey; data: run_id, version, step."""
    RUN_STEP = "run_step"
    """subject = journey; data: run_id, version, step, outcome (a sentence), next."""
    LANE_STARTED = "lane_started"
    """A parallel path of a run began. subject = journey; data: run_id (the lane's), version, step, whole (the run), lane (the path)."""
    LANE_ENDED = "lane_ended"
    """It arrived, or ended with its run; data as above, and outcome."""
    RUN_MOVED = "run_moved"
    """subject = journey; data: run_id, version and step where it goes on, from_version, from_step."""
    RUN_ENDED = "run_ended"
    """subject = journey; data: run_id, version, step, outcome, end."""
    PROFILE_CREATED = "profile_created"
    """subject = the identifier kind that founded it."""
    PROFILE_MERGED = "profile_merged"
    """profile_id = the survivor; subject = the absorbed profile's id."""
    IDENTIFIED = "identified"
    """subject = identifier kind; data: kind, value. An identifier now points to this profile."""


class Ending:
    """How a run ended: `Fact.data["end"]` of `FactKind.RUN_ENDED`."""

    FINISHED = "finished"
    """It came to an exit, or to the end of the steps."""
    GOAL = "goal"
    """It reached the goal."""
    EXIT = "exit"
    """What ends it wherever it waits came."""
    MERGED = "merged"
    """Its person turned out to be another, whose run goes on."""
    CANCELLED = "cancelled"
    """Somebody called it off."""
    TAKEN_BACK = "taken_back"
    """It should not have begun, as became known at the same instant."""
    GONE = "gone"
    """Its definition is gone."""
    CIRCLE = "circle"
    """It went through too many steps without waiting."""
