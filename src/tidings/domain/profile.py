"""A profile: everything known about one person. The state of one key of the keyed core.

Every part is bounded, and every part but runs, sends and timers is an order-free function of the set of events
(law 1): given traits are last-write-wins by (occurred, event id), accumulators are commutative merges.
"""

from __future__ import annotations

from typing import Any

import msgspec

ADDRESS = "email"
"""The given trait that mail goes to."""


class TraitValue(msgspec.Struct, array_like=True, gc=False):
    """A trait as given by identify, with what decides between two writes."""

    value: Any
    """As the source gave it."""
    occurred_us: int
    """When it was given; the latest wins."""
    event_id: str
    """Tie-break, and the evidence."""


class ConsentEntry(msgspec.Struct, array_like=True, gc=False):
    """Permission for one purpose (a message category, or a topic)."""

    granted: bool
    """True after an opt-in, False after a withdrawal."""
    occurred_us: int
    """When; the latest wins, and at the same instant a withdrawal wins."""
    event_id: str
    """Evidence: the event that gave or withdrew it."""
    offset: int
    """Where that event is in the log."""
    method: str
    """How: ``checkbox``, ``one_click``, ``preference_page``, …, as the event says."""


class Sent(msgspec.Struct, array_like=True, frozen=True, gc=False, order=True):
    """A message that was decided on and not refused: what caps and arbitration go by."""

    decided_us: int
    """When we knew."""
    category: str
    """Its category."""
    message_id: str = ""
    """Its id."""
    journey: str = ""
    """The journey that asked for it; empty where nobody competes."""
    value: int = 0
    """Its value in millionths; 0 where nobody competes."""


class Run(msgspec.Struct, array_like=True):
    """One walk through one journey version."""

    run_id: str
    """Stable id."""
    journey: str
    """Journey name."""
    version: str
    """Version of the definition this run keeps."""
    step: str
    """Id of the step where it waits."""
    entered_us: int
    """Occurred time of the entry."""
    known_us: int
    """When we knew of the entry."""
    since_us: int
    """Occurred time from which the present step counts."""
    timer_us: int
    """Scheduled end of the present wait; 0 when it waits for nothing timed."""
    due_us: int
    """When that timer fires: `timer_us`, or just after the instant we knew if that is later."""
    ref: str
    """``event:<offset>`` that started it."""
    item: dict[str, Any]
    """Properties of the entering event (bounded), for templates and explanations."""
    path: list[list[Any]]
    """[step, occurred_us, known_us, outcome, cause] for each step taken, oldest first; bounded."""
    sent: int = 0
    """How many messages it decided on; numbers the occurrences in message ids."""
    late: bool = False
    """Whether a segment began it that she had entered before we knew. While `known_us` lasts, it may be taken back."""
    key: str = ""
    """What it is about beside the person (an order, an item), where runs are one per such; empty for the person alone."""
    results: dict[str, str] = msgspec.field(default_factory=dict)
    """Step id to the word for what came of it (``event``, ``timeout``, ``clicked``, …), for steps that go by it; bounded."""
    held: bool = False
    """Whether she is held out of it: its messages are recorded and not sent."""
    look_us: int = 0
    """The next instant at which a rule that it watches (goal, exit, what it waits for) can turn by time alone; 0 for none."""
    look_due_us: int = 0
    """When that rings: `look_us`, or when we knew if that is later."""
    lane: str = ""
    """Which of parallel paths this is, below the run that forked: the name of the path; empty for a whole run."""
    messages: dict[str, str] = msgspec.field(default_factory=dict)
    """Message id to the step that decided on it, for what comes back; bounded."""
    bid: list[int] = msgspec.field(default_factory=list)
    """While its send step waits for its turn: what decide/bids.py keeps of it; else empty."""
    answers: dict[str, Any] = msgspec.field(default_factory=dict)
    """Step id to what its webhook answered (an object); bounded, the oldest go first."""
    entry: int = 0
    """Which of the journey's entries began it, by number."""
    paused_us: int = 0
    """Since when it is paused, its timer held; 0 while it goes on."""
    parent: str = ""
    """Id of the run that forked, when this is a lane: one of its parallel paths; empty for a whole run."""
    stale: int = 0
    """Bits of those ways of the present step that are waited for anew: they held when it arrived, and have not been false since."""
    depth: int = 0
    """How many runs, one right after the other, each began by what the one before did; see process/outside.py."""


class ProfileState(msgspec.Struct, array_like=True):
    """State of one key."""

    profile_id: str
    """This profile's id."""
    first_us: int
    """Occurred time of the earliest event."""
    last_us: int
    """Occurred time of the latest event."""
    events: int
    """How many events were applied."""
    identifiers: list[tuple[str, str]]
    """(kind, value), sorted: what points here. Bounded; see process/identity.py."""
    traits: dict[str, TraitValue]
    """Given traits."""
    layout: str
    """Which layout `values` and `segments` follow; see process/layout.py."""
    values: list[Any]
    """One accumulated value per slot of the layout; None where nothing was seen."""
    sessions: list[Any]
    """See process/session.py."""
    segments: dict[str, int]
    """Segment name to the instant (occurred) it was entered."""
    alarms: dict[str, list[int]]
    """Segment name to [scheduled_us, due_us]: when its membership can next change by time alone. Also the next occasion of
    each entry that goes by time: [scheduled_us, due_us, its number]; see process/timetable.py."""
    runs: list[Run]
    """Active runs."""
    ended: dict[str, int]
    """Journey name to the known instant its last run ended, for re-entry rules."""
    consents: dict[str, ConsentEntry]
    """Purpose to its latest word."""
    sends: list[Sent]
    """The latest messages that were decided on, for caps and arbitration, oldest first; bounded by process/sends.py."""
    next_due_us: int = 0
    """The earliest due instant over runs and alarms; 0 for none."""
    indexed_us: int = 0
    """The instant under which the host's wake-up index lists this profile; 0 when it does not."""
    clock_us: int = 0
    """The latest instant (occurred or scheduled) that this person's segments were judged at."""
    addresses: list[str] = msgspec.field(default_factory=list)
    """Every e-mail address that she was ever given, sorted; bounded. A withdrawal holds for mail queued to any of them."""
    arms: dict[str, list[Any]] = msgspec.field(default_factory=dict)
    """``journey/step`` to [what was drawn, known_us], so that a draw survives a merge; bounded."""
    entries: dict[str, list[int]] = msgspec.field(default_factory=dict)
    """Journey to known instants of its latest entries, for entry limits; bounded."""
    heard: int = -1
    """Running number of the latest record to everybody (a broadcast that begins, …) that she heard; see domain/everybody.py."""
    occasions: dict[str, int] = msgspec.field(default_factory=dict)
    """Entry that goes by time to the number of her latest occasion (see process/entries/calendar.py), so that none comes twice."""
    ghosts: list[Sent] = msgspec.field(default_factory=list)
    """The latest messages of journeys in shadow mode, which count for such journeys only; bounded as `sends` is."""


ENCODER = msgspec.msgpack.Encoder()
DECODER = msgspec.msgpack.Decoder(ProfileState)
_BUFFER = bytearray(1 << 16)


def encode(state: ProfileState) -> bytes:
    """The state as MessagePack (positions, no names). One thread at a time: the buffer is used again."""
    # A buffer that has grown already: to let each state grow its own costs twice the encoding.
    ENCODER.encode_into(state, _BUFFER)
    return bytes(_BUFFER)


def decode(data: bytes) -> ProfileState:
    """The inverse of `encode`."""
    return DECODER.decode(data)


def new(profile_id: str, layout: str, slots: int) -> ProfileState:
    """A profile about which nothing is known yet."""
    return ProfileState(
        profile_id=profile_id,
        first_us=0,
        last_us=0,
        events=0,
        identifiers=[],
        traits={},
        layout=layout,
        values=[None] * slots,
        sessions=[],
        segments={},
        alarms={},
        runs=[],
        ended={},
        consents={},
        sends=[],
    )
