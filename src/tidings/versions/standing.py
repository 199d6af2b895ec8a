"""How broadcasts stand, and what not everybody has heard yet: committed with the offset, and told to commands and pages."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tidings.domain.everybody import Coming, Told

META = "everybody"
"""Name under which the state keeps it."""
STATUS = "everybody.json"
"""In ``run/``: the same for those who show it."""


class BroadcastState:
    """How a broadcast stands, a line each."""

    SCHEDULED = "scheduled"
    """It begins at an instant to come."""
    RUNNING = "running"
    """It began; whether it is over is for the messages to say."""
    PAUSED = "paused"
    CANCELLED = "cancelled"


class Broadcasting(msgspec.Struct, frozen=True, kw_only=True):
    """One broadcast, as its latest start stands."""

    name: str
    version: str
    """Content hash of the definition that it is sent by."""
    start: str
    """Id of the start."""
    state: str
    """A `BroadcastState`."""
    asked_us: int
    """When the log took its start."""
    begins_us: int
    """When it begins for everybody."""
    audience: int
    """How many people were in its segment when it was asked for."""
    number: int = -1
    """Of its start among the records to everybody; -1 before it begins."""
    since_us: int = 0
    """When it came to its state."""
    who: str = ""
    """Who asked last."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """All of it at a place of the log."""

    count: int = 0
    """How many records to everybody there were; the next one's number."""
    active: tuple[Told, ...] = ()
    """Those that not everybody has heard, in order. Bounded."""
    upto: int = -1
    """The present pass through everybody is about those up to this number; -1 when there is none."""
    after: str = ""
    """Up to which profile id everybody has heard those."""
    scheduled: tuple[Coming, ...] = ()
    """Starts whose instant is to come, the earliest first. Bounded."""
    place: int = 0
    """Of the first of `active` that is about items: those of its changes before this place are told to all whom they concern."""
    place_after: str = ""
    """Of the change at this place: so are people up to this profile id."""
    broadcasts: dict[str, Broadcasting] = {}
    """By name: the latest start of each. Bounded."""
    offset: int = 0
    """All records below are processed, at least."""


def standing(data: Path) -> Standing:
    """What the process role said last; nothing when it never ran."""
    path = data / "run" / STATUS
    return msgspec.json.decode(path.read_bytes(), type=Standing) if path.exists() else Standing()
